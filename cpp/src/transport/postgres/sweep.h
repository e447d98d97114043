// Deletes what settles leave behind: blocks that ended in parts, by claims that began or ended
// inside them; settled claim rows that are no position any more. Lanes where that happened are
// looked at after some such ends; all others in turn while there is work, as other processes may
// have died before they looked, and when a glance has seen something.
//
// Threads: that of the session.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "base/clock.h"
#include "transport/postgres/connection.h"
#include "transport/postgres/directory.h"
#include "transport/transport.h"

namespace msgq::transport::postgres {

class Sweeper {
 public:
  explicit Sweeper(Clock& clock) : clock_(clock) {}

  void note_claimed(const Claimed& claimed);
  // The store has answered: the claim has ended, or was lost.
  void note_ended(const SettleOrder& order);
  // Somebody saw blocks behind every claim, whose end nobody here has seen.
  void note_left(int subscription, int lane) { lanes_.emplace(subscription, lane); }
  // Enough has ended to be worth a round trip.
  bool is_due() const { return ended_ >= kEndsPerSweep; }
  // The server may be another: its numbers are to be learned again.
  void forget() { floors_.clear(); }
  // Sweeps the lanes noted, once in a while the logs, and the next lane of the directory. Throws as
  // call().
  void run(Connection& connection, const Directory& directory);

 private:
  using Lane = std::pair<int, int>;  // subscription, lane
  // A block of a lane that is claimed in parts of one may wait for so many of them: a guess.
  static constexpr int kEndsPerSweep = 64;
  // So long after the last claim the lanes have their turns.
  static constexpr Nanos kActiveLasts = std::chrono::seconds(10);

  void sweep(Connection& connection, Lane lane);
  void take_turn(Connection& connection, const Directory& directory);

  Clock& clock_;
  std::map<std::uint64_t, Lane> cut_;  // by gen: open claims that begin or end inside a block
  std::set<Lane> lanes_;               // where such a claim ended
  int ended_ = 0;
  std::map<Lane, std::int64_t> floors_;  // nothing is left below
  Lane last_{0, 0};                      // that had its turn
  Nanos turned_at_{0};
  Nanos active_at_{-kActiveLasts};
};

}  // namespace msgq::transport::postgres
