#include "lease/ack_watch.h"

#include <algorithm>

namespace msgq {
namespace {

// A commit follows soon, or who knows when.
constexpr Nanos kLookGapMin = std::chrono::milliseconds(5);
constexpr Nanos kLookGapMax = std::chrono::seconds(1);

}  // namespace

void AckWatch::collect(transport::Exchange& out, Nanos now) {
  std::vector<Asked> fresh;
  asked_.pop_some(fresh, 10'000);
  for (auto& asked : fresh) {
    Watched& watched = watched_[asked.held->claim.key];
    watched.open.set(asked.ordinal);
    watched.held = std::move(asked.held);
  }
  if (!fresh.empty()) {
    gap_ = kLookGapMin;
    look_at_ = std::min(look_at_, now + gap_);
  }
  looked_.clear();
  if (now < look_at_) return;
  std::erase_if(watched_, [](const auto& each) {
    const Held& held = *each.second.held;
    return each.second.open.empty() || held.is_lost.load(std::memory_order_relaxed) ||
           held.done_count == held.total;
  });
  for (const auto& each : watched_) looked_.push_back(each.first);
  out.ack_looks = looked_;
  gap_ = std::min(gap_ * 2, kLookGapMax);
  look_at_ = watched_.empty() ? kNever : now + gap_;
}

void AckWatch::report(const transport::Exchange&, const transport::ExchangeResult& result, Nanos) {
  for (std::size_t i = 0; i < looked_.size(); ++i) {
    Watched& watched = watched_.at(looked_[i]);
    Settled settled;
    settled.only_named = true;
    for (const std::uint32_t ordinal : result.acked.at(i)) {
      if (!watched.open.has(ordinal)) continue;
      watched.open.unset(ordinal);
      settled.named.push_back({watched.held, ordinal, {}});
    }
    if (!settled.named.empty()) settler_.push(std::move(settled));
  }
  looked_.clear();
}

void AckWatch::give_up(const Error&, bool) {
  std::vector<Asked> rest;
  asked_.pop_some(rest, 1u << 20);
  watched_.clear();
  looked_.clear();
  look_at_ = kNever;
}

Nanos AckWatch::next_time(Nanos now) { return asked_.size_approx() > 0 ? now : look_at_; }

}  // namespace msgq
