// Finds claims whose process is dead or whose lease is over, and makes them claimable again. Only a
// process whose lock is free counts as dead; only a message that was alone in it counts a crash.
//
// Threads: inside a write transaction of the store; one Reclaimer belongs to one session.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "transport/sqlite/process_lock.h"
#include "transport/sqlite/store.h"

namespace msgq::transport::sqlite {

// At most so long after a lease's end its claim lapses. In between the looker has committed twice,
// so every other process had its turn to extend, even when one long transaction held all of them
// up.
inline constexpr std::chrono::milliseconds kSecondLookMax{2'000};

class Reclaimer {
 public:
  Reclaimer(ProcessLock& process, std::string boot_id, std::chrono::milliseconds second_look_max);

  // Does all that can be done now; how many claims lapsed.
  std::uint32_t run(Store& store);
  // The transaction of the last run() was committed: what it saw counts.
  void confirm() { seen_.swap(seeing_); }

 private:
  using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t>;
  // An expired claim as it was first seen.
  struct Sight {
    std::int64_t until_ms = 0;
    std::int64_t first_ms = 0;
  };

  std::uint32_t bury_process(Store& store, const ProcessRow& dead);
  std::uint32_t lapse_expired(Store& store);
  void crash(Store& store, ClaimRow row);

  // fixed after construction
  ProcessLock& process_;
  const std::string boot_id_;
  const std::int64_t second_look_max_ms_;
  // only the session's thread
  std::map<Key, Sight> seen_, seeing_;
};

}  // namespace msgq::transport::sqlite
