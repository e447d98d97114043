// An exchange as the parameters of the schema's functions append(), park() and exchange().
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "transport/postgres/directory.h"
#include "transport/postgres/params.h"
#include "transport/transport.h"

namespace msgq::transport::postgres {

class Readers;

// Who asks, and by which clock the caller's times are to be read: the server has its own, so that
// times travel as durations from now.
struct Asker {
  std::int64_t owner = 0;
  std::int64_t request = 0;
  int process = 0;
  std::int64_t wall_ms = 0;
  std::int64_t boot_ms = 0;
};

// REQUIRES: the directory knows the queues.
Params append_one_params(const Asker& asker, const Append& append, const Directory& queues);
Params append_params(const Asker& asker, const std::vector<Append>& appends,
                     const Directory& queues);
// How many messages an exchange brings, by queue; and how many of that queue its required settles
// end, which make room: they happen with it or not at all.
struct Growth {
  std::int64_t brought = 0, ended = 0;
};
std::map<std::string_view, Growth> growth_of(const Exchange& in, const Directory& queues);
// Of those queues that may not hold any number; no parameters: there are none.
Params room_params(const Asker& asker, const Exchange& in, const Directory& queues);
Params park_params(const Asker& asker, const std::vector<Park>& parks, const Directory& queues);
struct Asking {
  bool runs_suspect = false;
  bool looks_due = false;
  std::int64_t priority_aging_ms = 0;
  const Readers* readers = nullptr;  // of keys; none: nobody else claims
};
// Of messages whose dedup ids are to be forgotten.
bool has_releases(const Exchange& in);
Params release_params(const Exchange& in);
Params exchange_params(const Asker& asker, const Exchange& in, const Directory& queues,
                       const Asking& asking);

}  // namespace msgq::transport::postgres
