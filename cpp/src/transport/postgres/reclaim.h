// Finds claims whose process is dead or whose lease is over, and makes them claimable again. A free
// lock proves a death only when two looks find it free and no heart beat between them; only a
// message that was alone in a dead process counts a crash. A process behind a pooler has no lock:
// it is given up when its heart was late and then did not beat for another while, and that counts
// no crash.
//
// Threads: that of the session.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "base/clock.h"
#include "base/log.h"
#include "transport/postgres/connection.h"

namespace msgq::transport::postgres {

// At most so long after a lease's end its claim lapses.
inline constexpr std::chrono::milliseconds kSecondLookMax{2'000};

struct ReclaimRules {
  std::uint32_t crashes_max = 3;
  std::int64_t crash_window_ms = 72ll * 3'600'000;
  std::chrono::milliseconds second_look_max = kSecondLookMax;  // 0: the first look counts
  // A server that is up for less has freed the locks of living processes.
  std::chrono::milliseconds heartbeat{5'000};
  std::chrono::milliseconds death_look{1'000};  // between two looks at a free lock
  // So late is the heart of a process without a lock when it begins to be watched for another
  // heartbeat: 10 s in all.
  std::chrono::milliseconds late{5'000};
};

class Reclaimer {
 public:
  using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t>;  // subscription, lane, gen

  Reclaimer(Clock& clock, Log& log, const ReclaimRules& rules)
      : clock_(clock), log_(log), rules_(rules) {}

  // Does all that can be done now; how many claims became claimable. Claims in `busy` are about to
  // be settled or extended.
  std::uint32_t run(Connection& connection, int self, const std::set<Key>& busy);

 private:
  struct FreeLock {
    std::string heartbeat;
    Nanos first{0};
  };
  struct Sight {
    std::int64_t until_ms = 0;
    std::int64_t first_ms = 0;
  };
  std::uint32_t bury_dead(Connection& connection, int self);
  std::uint32_t bury(Connection& connection, int process, const std::string& heartbeat,
                     const std::string& name);
  void bury_poison(Connection& connection, const Key& claim, std::uint32_t crashes);
  std::uint32_t lapse_expired(Connection& connection, const std::set<Key>& busy);

  Clock& clock_;
  Log& log_;
  const ReclaimRules rules_;
  std::map<int, FreeLock> free_;  // of those that may be dead
  Nanos looked_at_{0};
  std::map<Key, Sight> seen_;
};

}  // namespace msgq::transport::postgres
