#include "lease/claimer.h"

namespace msgq {
namespace {

constexpr Nanos kChoreGap = std::chrono::milliseconds(400);
constexpr Nanos kDrainMax = std::chrono::seconds(5);
constexpr std::uint32_t kPromoteCountMax = 1'000;
constexpr std::uint64_t kClaimBytesMax = 8ull << 20;

}  // namespace

void Claimer::add(std::shared_ptr<DemandSource> source) {
  MutexLock lock(mutex_);
  sources_.push_back(std::move(source));
  hint();
}

void Claimer::remove(const std::shared_ptr<DemandSource>& source) {
  MutexLock lock(mutex_);
  std::erase(sources_, source);
}

std::vector<std::shared_ptr<DemandSource>> Claimer::sources() {
  MutexLock lock(mutex_);
  return sources_;
}

// Work is to be expected where a hint, an append or a returned message says so.
void Claimer::take_hints(const transport::Exchange& out) {
  if (is_hinted_.exchange(false, std::memory_order_acq_rel)) {
    for (auto& entry : outlook_) entry.second = Outlook{};
    is_promoting_ = true;
  }
  for (const auto& append : out.appends) outlook_[append.queue] = Outlook{};
  const auto note_due = [&](std::int64_t due) {
    if (next_due_ms_ == 0 || due < next_due_ms_) next_due_ms_ = due;
  };
  for (const auto& park : out.parks) note_due(park.due_ms);
  for (const auto& settle : out.settles) {
    for (const auto& back : settle.backs) note_due(back.due_ms);
    if (settle.gives_back)
      for (auto& entry : outlook_) entry.second.maybe_work = true;
  }
}

void Claimer::collect_chores(transport::Exchange& out, Nanos now) {
  if (next_due_ms_ != 0 && next_due_ms_ <= clock_.wall_ms()) is_promoting_ = true;
  if (now >= chores_at_) {
    out.reclaims = true;
    is_promoting_ = true;
    chores_at_ = now + kChoreGap;
  }
  if (is_promoting_) out.promote_max = kPromoteCountMax;
}

// While a suspect runs, or is waiting for us to be idle, nothing else is claimed.
bool Claimer::may_ask(Nanos now) const {
  if (is_stopped_.load(std::memory_order_acquire) || ledger_.has_suspect()) return false;
  return !(suspects_waiting_ && now < drain_until_ && ledger_.count() > 0);
}

void Claimer::collect(transport::Exchange& out, Nanos now) {
  take_hints(out);
  collect_chores(out, now);
  asked_.clear();
  if (!may_ask(now)) return;
  const auto all = sources();
  ++turn_;
  for (std::size_t i = 0; i < all.size(); ++i) ask(all[(i + turn_) % all.size()], out, now);
}

void Claimer::ask(const std::shared_ptr<DemandSource>& source, transport::Exchange& out, Nanos now) {
  std::vector<Demand> demands;
  source->demands(demands, now);
  const bool takes_suspect = suspects_waiting_ && ledger_.count() == 0;
  bool follows = false;  // a demand before it in its chain was asked
  for (auto& demand : demands) {
    if (takes_suspect && !out.claims.empty()) return;  // a suspect runs alone
    Outlook& outlook = outlook_[demand.queue];
    const bool is_due = outlook.maybe_work || now >= outlook.poll_at || demand.is_urgent;
    follows = follows && demand.continues;
    if (!is_due || demand.count_max == 0) continue;
    transport::ClaimWish wish;
    wish.queue = demand.queue;
    wish.count_max = demand.count_max;
    wish.bytes_max = kClaimBytesMax;
    wish.lease_ms = demand.lease_ms;
    wish.may_take_suspect = takes_suspect;
    wish.continues = follows;
    wish.is_exact = demand.is_exact;
    follows = true;
    out.claims.push_back(std::move(wish));
    asked_.push_back({source, std::move(demand)});
  }
}

void Claimer::report(const transport::Exchange& in, const transport::ExchangeResult& result,
                     Nanos now) {
  if (in.promote_max > 0) {
    is_promoting_ = result.promoted >= in.promote_max;
    next_due_ms_ = result.next_due_ms;
    if (result.promoted > 0)
      for (auto& entry : outlook_) entry.second = Outlook{};
  }
  if (result.reclaimed > 0) {
    reclaimed_.fetch_add(result.reclaimed, std::memory_order_relaxed);
    for (auto& entry : outlook_) entry.second = Outlook{};
  }
  bool suspects = false;
  for (std::size_t i = 0; i < asked_.size(); ++i) {
    answered(asked_[i], result.claims.at(i), now);
    suspects = suspects || result.claims[i].suspects_waiting;
  }
  if (!asked_.empty()) note_suspects(suspects, now);
  asked_.clear();
}

void Claimer::answered(const Asked& asked, const transport::ClaimAnswer& answer, Nanos now) {
  Outlook& outlook = outlook_[asked.demand.queue];
  outlook.maybe_work = !answer.claims.empty() || answer.has_more ||
                       (answer.suspects_waiting && ledger_.count() == 0);
  if (outlook.maybe_work) {
    outlook.gap = Nanos::zero();
  } else {
    outlook.gap = std::min<Nanos>(std::max<Nanos>(outlook.gap * 2, config_.poll_min), config_.poll_max);
    outlook.poll_at = now + outlook.gap;
  }
  Traffic& traffic = book_.find(asked.demand.queue);
  for (const auto& claimed : answer.claims) {
    auto held = std::make_shared<Held>(claimed, traffic, now, asked.demand.is_renewed);
    msgq::count(traffic.claimed, held->total - held->done_count);
    ledger_.add(held);
    if (!asked.source->deliver(asked.demand, held)) give_back(held);
  }
  asked.source->answered(asked.demand);
}

// A suspect needs an idle process. We stop claiming for it, but not for ever: a handler that runs for
// an hour must not keep its neighbours idle.
void Claimer::note_suspects(bool waiting, Nanos now) {
  suspects_waiting_ = waiting;
  if (waiting && now >= drain_again_at_) {
    drain_until_ = now + kDrainMax;
    drain_again_at_ = drain_until_ + kDrainMax;
  }
}

void Claimer::give_up(const Error& error, bool) {
  asked_.clear();
  for (const auto& source : sources()) source->give_up(error);
}

Nanos Claimer::next_time(Nanos now) {
  if (is_hinted_.load(std::memory_order_acquire) || is_promoting_) return now;
  Nanos next = chores_at_;
  if (next_due_ms_ != 0) {
    const std::int64_t left = next_due_ms_ - clock_.wall_ms();
    next = std::min(next, now + std::chrono::milliseconds(std::max<std::int64_t>(left, 0)));
  }
  if (!may_ask(now)) return next;
  std::vector<Demand> demands;
  for (const auto& source : sources()) source->demands(demands, now);
  for (const auto& demand : demands) {
    if (demand.count_max == 0) continue;
    const auto found = outlook_.find(demand.queue);
    if (found == outlook_.end() || found->second.maybe_work || demand.is_urgent) return now;
    next = std::min(next, found->second.poll_at);
  }
  return next;
}

}  // namespace msgq
