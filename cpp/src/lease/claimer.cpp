#include "lease/claimer.h"

#include <algorithm>

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

void Claimer::refresh_all() {
  for (auto& entry : outlook_) entry.second.refresh();
}

Claimer::Outlook& Claimer::outlook_of(const std::string& queue) {
  const auto [found, is_new] = outlook_.try_emplace(queue);
  if (is_new && queue.find('@') != std::string::npos) ++subscriptions_;
  return found->second;
}

// Of a queue that was sent something, and of its subscriptions, which are `queue@name`.
void Claimer::refresh(const std::string& queue) {
  outlook_of(queue).refresh();
  if (subscriptions_ == 0) return;
  const std::string begin = queue + "@";
  for (auto each = outlook_.lower_bound(begin); each != outlook_.end(); ++each) {
    if (!each->first.starts_with(begin)) break;
    each->second.refresh();
  }
}

bool Claimer::expect(const transport::Exchange& done) {
  {
    MutexLock lock(mutex_);
    for (const auto& append : done.appends) expected_.insert(append.queue);
    for (const auto& park : done.parks)
      if (expected_due_ms_ == 0 || park.due_ms < expected_due_ms_) expected_due_ms_ = park.due_ms;
  }
  has_expected_.store(true, std::memory_order_seq_cst);
  return has_room_.load(std::memory_order_seq_cst);
}

void Claimer::take_expected() {
  if (!has_expected_.exchange(false, std::memory_order_seq_cst)) return;
  MutexLock lock(mutex_);
  for (const auto& queue : expected_) refresh(queue);
  expected_.clear();
  if (expected_due_ms_ != 0) note_due(std::exchange(expected_due_ms_, 0));
}

void Claimer::note_due(std::int64_t due_ms) {
  if (next_due_ms_ == 0 || due_ms < next_due_ms_) next_due_ms_ = due_ms;
}

void Claimer::take_hints() {
  if (is_stirred_.exchange(false, std::memory_order_acq_rel)) is_promoting_ = true;
  if (is_hinted_.exchange(false, std::memory_order_acq_rel)) {
    refresh_all();
    is_promoting_ = true;
  }
  take_expected();
}

// Work is to be expected where an append or a returned message says so.
void Claimer::take_work_of(const transport::Exchange& out) {
  for (const auto& append : out.appends) refresh(append.queue);
  for (const auto& park : out.parks) note_due(park.due_ms);
  for (const auto& settle : out.settles) {
    for (const auto& back : settle.backs) note_due(back.due_ms);
    if (settle.gives_back) refresh_all();
    if (!settle.keys.empty()) note_due(clock_.wall_ms());  // the next of a key may come back now
  }
}

void Claimer::collect_chores(transport::Exchange& out, Nanos now) {
  if (next_due_ms_ != 0 && next_due_ms_ <= clock_.wall_ms()) is_promoting_ = true;
  out.is_poll = !is_promoting_;
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

void Claimer::prepare(Nanos now) {
  rooms_.clear();
  take_hints();
  is_asking_ = false;
  if (!may_ask(now)) return;
  const auto all = sources();
  ++turn_;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Room& room = rooms_.emplace_back(Room{all[(i + turn_) % all.size()], {}});
    room.source->tick(now);
    room.source->demands(room.demands, now);
  }
  is_asking_ = is_any_due(now);
}

void Claimer::collect(transport::Exchange& out, Nanos now) {
  take_work_of(out);
  collect_chores(out, now);
  asked_.clear();
  if (!may_ask(now)) return;
  std::vector<Asked> due;
  if (is_any_due(now))
    for (Room& room : rooms_) add_due(room, due, now);
  // A suspect runs alone, so it is all that an idle process asks for.
  const auto suspect = std::find_if(due.begin(), due.end(), [&](const Asked& asked) {
    return outlook_of(asked.demand.queue).has_suspects(now);
  });
  if (suspect != due.end() && ledger_.count() == 0) {
    suspect->takes_suspect = true;
    suspect->demand.continues = false;
    ask(std::move(*suspect), out);
    return;
  }
  for (auto& asked : due) ask(std::move(asked), out);
}

bool Claimer::is_any_due(Nanos now) {
  const auto is_due = [&](const Demand& demand) {
    return demand.count_max > 0 && (demand.is_urgent || outlook_of(demand.queue).is_due(now));
  };
  return std::any_of(rooms_.begin(), rooms_.end(), [&](const Room& room) {
    return std::any_of(room.demands.begin(), room.demands.end(), is_due);
  });
}

// What a source has room for, of queues that may have work.
void Claimer::add_due(Room& room, std::vector<Asked>& due, Nanos now) {
  bool follows = false;  // a demand before it in its chain is asked
  for (auto& demand : room.demands) {
    const Outlook& outlook = outlook_of(demand.queue);
    const bool is_due = outlook.is_nearly_due(now) || demand.is_urgent;
    demand.continues = follows && demand.continues;
    follows = demand.continues;
    if (!is_due || demand.count_max == 0) continue;
    follows = true;
    due.push_back({room.source, std::move(demand)});
  }
}

void Claimer::ask(Asked asked, transport::Exchange& out) {
  transport::ClaimWish wish;
  wish.queue = asked.demand.queue;
  wish.count_max = asked.demand.count_max;
  wish.bytes_max = kClaimBytesMax;
  wish.lease_ms = asked.demand.lease_ms;
  wish.may_take_suspect = asked.takes_suspect;
  wish.is_exact = asked.demand.is_exact;
  wish.continues = asked.demand.continues;
  out.is_poll = out.is_poll && !outlook_of(wish.queue).maybe_work && !asked.demand.is_urgent &&
                !asked.takes_suspect;
  out.claims.push_back(std::move(wish));
  asked_.push_back(std::move(asked));
}

void Claimer::report(const transport::Exchange& in, const transport::ExchangeResult& result,
                     Nanos now) {
  if (in.promote_max > 0) {
    is_promoting_ = result.promoted >= in.promote_max;
    next_due_ms_ = result.next_due_ms;
    if (result.promoted > 0) refresh_all();
  }
  if (result.reclaimed > 0) {
    reclaimed_.fetch_add(result.reclaimed, std::memory_order_relaxed);
    refresh_all();
  }
  for (std::size_t i = 0; i < asked_.size(); ++i) answered(asked_[i], result.claims.at(i), now);
  if (!asked_.empty()) note_suspects(now);
  asked_.clear();
}

void Claimer::answered(const Asked& asked, const transport::ClaimAnswer& answer, Nanos now) {
  Outlook& outlook = outlook_of(asked.demand.queue);
  outlook.suspects_until = answer.suspects_waiting ? now + kDrainMax : Nanos::zero();
  outlook.maybe_work =
      answer.has_more || (answer.suspects_waiting && ledger_.count() == 0 && !asked.takes_suspect);
  if (outlook.maybe_work) {
    outlook.gap = Nanos::zero();
  } else {
    if (answer.was_passed_over || !answer.claims.empty()) outlook.gap = Nanos::zero();
    outlook.gap =
        std::min<Nanos>(std::max<Nanos>(outlook.gap * 2, config_.poll_min), config_.poll_max);
    outlook.poll_at = now + outlook.gap - outlook.gap * spread_ / 10'000;
  }
  Traffic& traffic = book_.find(asked.demand.queue);
  std::vector<HeldPtr> claims;
  std::vector<transport::StartOrder> starts;
  for (const auto& claimed : answer.claims) {
    claims.push_back(std::make_shared<Held>(claimed, traffic, now, asked.demand.is_renewed));
    const Held& held = *claims.back();
    msgq::count(traffic.claimed, held.total - held.done_count);
    ledger_.add(claims.back());
    transport::StartOrder start{claimed.key, {}};
    held.add_once(0, held.total, Once::Until::kStarted, start.messages);
    if (!start.messages.empty()) starts.push_back(std::move(start));
  }
  if (!starter_.is_busy() && starts.empty()) return deliver(asked, claims);
  starter_.hold(std::move(starts),
                [this, asked, claims = std::move(claims)] { deliver(asked, claims); });
}

void Claimer::deliver(const Asked& asked, const std::vector<HeldPtr>& claims) {
  for (const HeldPtr& held : claims)
    if (!asked.source->deliver(asked.demand, held)) give_back(held);
  asked.source->answered(asked.demand);
}

// A suspect needs an idle process. We stop claiming for it, but not for ever: a handler that runs
// for an hour must not keep its neighbours idle.
void Claimer::note_suspects(Nanos now) {
  suspects_waiting_ = std::any_of(outlook_.begin(), outlook_.end(), [&](const auto& entry) {
    return entry.second.has_suspects(now);
  });
  if (suspects_waiting_ && now >= drain_again_at_) {
    drain_until_ = now + kDrainMax;
    drain_again_at_ = drain_until_ + kDrainMax;
  }
}

void Claimer::give_up(const Error& error, bool) {
  asked_.clear();
  for (const auto& source : sources()) source->give_up(error);
}

Nanos Claimer::next_time(Nanos now) {
  const Nanos next = next_wish(now);
  const bool is_told =
      has_room_.load(std::memory_order_relaxed) &&
      (is_hinted_.load(std::memory_order_seq_cst) || has_expected_.load(std::memory_order_seq_cst));
  due_ms_.store(is_promoting_ ? clock_.wall_ms() : next_due_ms_, std::memory_order_relaxed);
  const bool is_promoting = is_promoting_ || is_stirred_.load(std::memory_order_seq_cst);
  return is_told || is_promoting ? now : next;
}

// When chores are due, or a queue with room is to be looked at again; notes whether there is room.
Nanos Claimer::next_wish(Nanos now) {
  Nanos next = chores_at_;
  if (next_due_ms_ != 0) {
    constexpr std::int64_t kDayMs = 86'400'000;  // years would be more than nanoseconds can tell
    const std::int64_t left = std::clamp<std::int64_t>(next_due_ms_ - clock_.wall_ms(), 0, kDayMs);
    next = std::min(next, now + std::chrono::milliseconds(left));
  }
  const auto all = sources();
  for (const auto& source : all) next = std::min(next, source->tick(now));
  std::vector<Demand> demands;
  if (may_ask(now))
    for (const auto& source : all) source->demands(demands, now);
  has_room_.store(std::any_of(demands.begin(), demands.end(),
                              [](const Demand& demand) { return demand.count_max > 0; }),
                  std::memory_order_seq_cst);
  for (const auto& demand : demands) {
    if (demand.count_max == 0) continue;
    const auto found = outlook_.find(demand.queue);
    if (found == outlook_.end() || found->second.maybe_work || demand.is_urgent) return now;
    next = std::min(next, found->second.poll_at);
  }
  return next;
}

}  // namespace msgq
