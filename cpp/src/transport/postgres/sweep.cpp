#include "transport/postgres/sweep.h"

#include <algorithm>
#include <utility>

namespace msgq::transport::postgres {
namespace {

constexpr Nanos kTurnGap = std::chrono::seconds(1);
// Each takes up to 64 blocks of a lane: so many messages may be sent one by one in a second.
constexpr int kLogSweeps = 64;

bool is_cut(const BlockPart& part) {
  return part.first > 0 || part.first + part.count < part.block->count();
}

}  // namespace

void Sweeper::note_claimed(const Claimed& claimed) {
  active_at_ = clock_.steady();
  if (std::any_of(claimed.parts.begin(), claimed.parts.end(), is_cut))
    cut_[claimed.key.gen] = {static_cast<int>(claimed.key.subscription),
                             static_cast<int>(claimed.key.lane)};
}

void Sweeper::note_ended(const SettleOrder& order) {
  const auto cut = cut_.find(order.claim.gen);
  if (cut == cut_.end()) return;
  lanes_.insert(cut->second);
  cut_.erase(cut);
  ++ended_;
}

void Sweeper::run(Connection& connection, const Directory& directory) {
  ended_ = 0;
  for (const Lane& lane : std::exchange(lanes_, {})) sweep(connection, lane);
  const Nanos now = clock_.steady();
  if (now - turned_at_ < kTurnGap) return;
  turned_at_ = now;
  if (directory.has_logs()) {
    connection.call("drop_beyond");
    for (int i = 0; i < kLogSweeps && connection.call("sweep_logs").integer(0, 0) != 0; ++i) {
    }
  }
  if (now - active_at_ >= kActiveLasts) return;
  take_turn(connection, directory);
}

void Sweeper::sweep(Connection& connection, Lane lane) {
  std::int64_t& floor = floors_[lane];
  Params params;
  params.small(lane.first).small(lane.second).integer(floor);
  floor = connection.call("sweep_lane", params).integer(0, 0);
}

// The lane behind the last one, in order of their numbers.
void Sweeper::take_turn(Connection& connection, const Directory& directory) {
  Lane first{0, 0}, next{0, 0};
  for (const auto& [name, queue] : directory.all())
    for (const int number : queue.lanes()) {
      const Lane lane{queue.subscription, number};
      if (first == Lane{0, 0} || lane < first) first = lane;
      if (lane > last_ && (next == Lane{0, 0} || lane < next)) next = lane;
    }
  last_ = next == Lane{0, 0} ? first : next;
  if (last_ != Lane{0, 0}) sweep(connection, last_);
}

}  // namespace msgq::transport::postgres
