#include "lease/settler.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "lease/history.h"

namespace msgq {

using transport::SettleOrder;

void Settler::push(Settled settled) {
  if (on_push) on_push(settled);
  if (pending_.enter()) {
    const bool is_urgent = settled.receipt || settled.returns || !settled.named.empty();
    inbox_.push(std::move(settled));
    if (is_urgent) is_urgent_.store(true, std::memory_order_release);
    return;
  }
  if (settled.receipt)
    settled.receipt->resolve(
        ReceiptStatus::kFailed,
        Error(ErrorCode::kClosed, "the engine was closed before this was settled"));
}

void Settler::keep(const HeldPtr& held) {
  if (joined_.empty() || before_.count(held.get()) > 0) return;
  before_[held.get()] = {held,
                         held->done,
                         held->left,
                         held->returned,
                         held->ahead,
                         held->done_count,
                         held->returned_count,
                         held->gives_back,
                         held->is_lapsing};
}

Settler::Order& Settler::order_of(const HeldPtr& held) {
  auto [found, is_new] = orders_.try_emplace(held->claim.key);
  if (is_new) {
    keep(held);
    found->second.held = held;
    found->second.order.claim = held->claim.key;
  }
  return found->second;
}

// A claim that is about to be made takes them along.
bool Settler::lingers(Nanos now) {
  if (!sheds_.empty()) return false;
  if (linger_ == Nanos::zero() || inbox_.size_approx() == 0) return false;
  if (lingers_until_ == kNever) lingers_until_ = now + linger_;
  const bool is_over = is_urgent_.exchange(false, std::memory_order_acq_rel) || is_claiming_() ||
                       now >= lingers_until_;
  if (is_over) lingers_until_ = kNever;
  return !is_over;
}

void Settler::collect(transport::Exchange& out, Nanos now) {
  if (joined_.empty() && lingers(now)) return;
  constexpr std::size_t kLotCountMax = 4'096;
  std::vector<Settled> fresh = std::exchange(again_, {});
  inbox_.pop_some(fresh, kLotCountMax);
  taken_ += fresh.size();
  std::vector<Shed> sheds = std::exchange(sheds_, {});
  for (const Settled& joined : joined_)
    for (const auto& named : joined.named) {
      Order& order = order_of(named.held);
      order.order.is_required = true;
      decide(order, named.ordinal, named.decision);
    }
  for (auto& settled : fresh) apply(settled);
  for (const Shed& shed : sheds) apply_shed(shed);
  if (!joined_.empty()) {
    kept_ = std::move(fresh);
    kept_sheds_ = std::move(sheds);
  }
  if (orders_.empty()) return answer();  // all of it was lost before: there may be no exchange
  for (auto& entry : orders_) {
    finish(entry.second);
    out.settles.push_back(std::move(entry.second.order));
  }
}

std::optional<Error> Settler::join(const Settled& settled) {
  for (const auto& named : settled.named) {
    const Held& held = *named.held;
    if (held.is_lost.load(std::memory_order_relaxed))
      return Error(ErrorCode::kLeaseLost,
                   "the lease had ended; somebody else may be running it, and nothing was changed");
    if (held.done.has(named.ordinal) || held.left.has(named.ordinal))
      return Error(ErrorCode::kLeaseLost, "the message is already settled; nothing was changed");
  }
  if (!settled.named.empty()) joined_.push_back(settled);
  return std::nullopt;
}

void Settler::withdraw(transport::Exchange& out) {
  if (joined_.empty()) return;
  for (auto& [key, before] : before_) {
    Held& held = *before.held;
    held.done = std::move(before.done);
    held.left = std::move(before.left);
    held.returned = std::move(before.returned);
    held.ahead = std::move(before.ahead);
    held.done_count = before.done_count;
    held.returned_count = before.returned_count;
    held.gives_back = before.gives_back;
    held.is_lapsing = before.is_lapsing;
  }
  before_.clear();
  joined_.clear();
  again_ = std::exchange(kept_, {});
  sheds_.insert(sheds_.begin(), kept_sheds_.begin(), kept_sheds_.end());
  kept_sheds_.clear();
  receipts_.clear();
  orders_.clear();
  taken_ = 0;
  out.settles.clear();
}

void Settler::lose(const transport::Exchange& out, std::size_t settle) {
  const SettleOrder& order = out.settles.at(settle);
  const HeldPtr held = orders_.at(order.claim).held;
  count(held->traffic.lost, order.acked + order.expired + order.deads.size() + order.backs.size());
  ledger_.lose(held);
}

void Settler::apply(Settled& settled) {
  Waiting waiting{settled.receipt, {}, false};
  const auto see = [&](const HeldPtr& held) {
    const bool is_open = !held->is_lost.load(std::memory_order_relaxed);
    waiting.is_lost = waiting.is_lost || !is_open;
    if (is_open) waiting.on.push_back(held);
    return is_open;
  };
  for (auto& named : settled.named)
    if (see(named.held)) decide(order_of(named.held), named.ordinal, named.decision);
  if (!settled.only_named)
    for (const auto& span : settled.spans)
      if (see(span.held) && !settled.returns) acknowledge(order_of(span.held), span.from, span.to);
  if (settled.returns) return_spans(settled.spans);
  if (waiting.receipt) receipts_.push_back(std::move(waiting));
}

void Settler::shed(std::vector<Shed> sheds) {
  std::move(sheds.begin(), sheds.end(), std::back_inserter(sheds_));
}

// They come back when the last in hand is decided. What came back before is counted in the store.
void Settler::apply_shed(const Shed& shed) {
  KeyPlace waits_for;
  const Span& last = shed.in_hand.back();
  if (!last.held->done.has(last.to - 1) && !last.held->claim.is_returned) {
    keep(last.held);
    last.held->ahead.set(last.to - 1);
    waits_for = last.held->place(last.to - 1);
  }
  for (const Span& span : shed.behind) {
    if (span.held->is_lost.load(std::memory_order_relaxed)) continue;
    Order& order = order_of(span.held);
    const std::size_t before = order.order.backs.size();
    for (std::uint32_t i = span.from; i < span.to; ++i)
      decide(order, i, {0, Verdict::kBehind, 0, {}, {}});
    for (std::size_t i = before; i < order.order.backs.size(); ++i)
      order.order.backs[i].waits_for = waits_for;
  }
}

bool Settler::is_awaited(const Held& held, std::uint32_t ordinal) {
  return held.claim.is_keyed && (held.claim.is_returned || held.ahead.has(ordinal));
}

void Settler::acknowledge(Order& order, std::uint32_t from, std::uint32_t to) {
  Held& held = *order.held;
  if (!held.left.empty()) {
    for (std::uint32_t i = from; i < to; ++i)
      if (held.left.has(i)) {
        acknowledge(order, from, i);
        from = i + 1;
      }
  }
  std::uint32_t fresh = to - from;
  if (!held.done.empty())
    for (std::uint32_t i = from; i < to; ++i) fresh -= held.done.has(i) ? 1 : 0;
  if (held.claim.is_keyed && (held.claim.is_returned || !held.ahead.empty()))
    for (std::uint32_t i = from; i < to; ++i)
      if (!held.done.has(i) && is_awaited(held, i)) order.order.keys.push_back(held.hashes[i]);
  release(order, from, to);
  held.done.set_range(from, to);
  held.done_count += fresh;
  order.order.acked += fresh;
}

// What is over frees its dedup id, where that is remembered for so long.
void Settler::release(Order& order, std::uint32_t from, std::uint32_t to) {
  order.held->add_once(from, to, Once::Until::kDone, order.order.releases);
}

void Settler::note_done(Order& order, std::uint32_t ordinal) {
  Held& held = *order.held;
  held.done.set(ordinal);
  ++held.done_count;
  if (is_awaited(held, ordinal)) order.order.keys.push_back(held.hashes[ordinal]);
}

void Settler::park(Order& order, std::uint32_t ordinal, const Decision& d, StoredMessage message) {
  using Return = SettleOrder::Return;
  const auto kind = d.verdict == Verdict::kRetry    ? Return::kRetry
                    : d.verdict == Verdict::kSnooze ? Return::kSnooze
                                                    : Return::kBehind;
  if (order.held->claim.is_keyed) {
    message.place = order.held->place(ordinal);
    order.parked.push_back(ordinal);
  }
  order.order.backs.push_back({kind, clock_.wall_ms() + d.delay_ms, std::move(message)});
}

void Settler::decide(Order& order, std::uint32_t ordinal, const Decision& d) {
  Held& held = *order.held;
  if (held.done.has(ordinal) || held.left.has(ordinal)) return;
  if (d.verdict == Verdict::kLeave) {
    held.left.set(ordinal);
    held.is_lapsing = true;
    return;
  }
  if (d.verdict == Verdict::kAck) return acknowledge(order, ordinal, ordinal + 1);
  const bool is_over = d.verdict == Verdict::kExpire || d.verdict == Verdict::kReject;
  if (is_over) release(order, ordinal, ordinal + 1);
  if (d.verdict == Verdict::kExpire && expired_ == Expired::kDrop) {
    note_done(order, ordinal);
    ++order.order.expired;
    return;
  }
  StoredMessage message;
  try {
    const auto [block, index] = held.locate(ordinal);
    message = StoredMessage::copy(block->view(index));
  } catch (const Error&) {  // one odd frame must not end the engine
    held.is_lapsing = true;
    return;
  }
  note_done(order, ordinal);
  if (!d.record.empty()) message.history = append_attempt(message.history, d.record);
  message.counts.crashes += held.claim.crashes;
  message.counts.deliveries += held.claim.attempt;
  const bool was_run = d.verdict == Verdict::kRetry || d.verdict == Verdict::kReject;
  if (!was_run) --message.counts.deliveries;
  if (d.verdict == Verdict::kReject || d.verdict == Verdict::kRetry) ++message.counts.failures;
  if (d.verdict == Verdict::kExpire) {
    order.order.deads.push_back({"expired", std::move(message)});
  } else if (d.verdict == Verdict::kReject) {
    order.order.deads.push_back({d.reason, std::move(message)});
  } else {
    park(order, ordinal, d, std::move(message));
  }
}

// A claim of which nothing is still running goes back whole; otherwise message by message.
void Settler::return_spans(const std::vector<Span>& spans) {
  std::map<Held*, std::uint32_t> running;  // neither decided nor coming back
  for (const Span& span : spans) {
    Held& held = *span.held;
    auto& count = running.try_emplace(&held, held.total - held.done_count).first->second;
    for (std::uint32_t i = span.from; i < span.to; ++i)
      count -= held.done.has(i) || held.left.has(i) ? 0 : 1;
  }
  const Decision now{0, Verdict::kSnooze, 0, {}, {}};
  for (const Span& span : spans) {
    Held& held = *span.held;
    if (held.is_lost.load(std::memory_order_relaxed)) continue;
    Order& order = order_of(span.held);
    if (held.claim.is_keyed)
      return_keyed(span);
    else if (running.at(&held) == 0)
      held.gives_back = true;
    else
      for (std::uint32_t i = span.from; i < span.to; ++i) decide(order, i, now);
  }
}

// Parked, it would come back before what is running now of its key: it stays in its claim, and goes
// back with it.
void Settler::return_keyed(const Span& span) {
  Held& held = *span.held;
  for (std::uint32_t i = span.from; i < span.to; ++i) {
    if (held.done.has(i) || held.left.has(i) || held.returned.has(i)) continue;
    held.returned.set(i);
    ++held.returned_count;
  }
}

void Settler::finish(Order& order) {
  const Held& held = *order.held;
  order.order.done = held.done;
  order.order.is_whole = held.done_count == held.total;
  const bool returns_rest =
      held.returned_count > 0 && held.done_count + held.returned_count == held.total;
  order.order.gives_back = (held.gives_back || returns_rest) && !order.order.is_whole;
  order.order.has_acks = held.has_acks.load(std::memory_order_acquire);
}

void Settler::report(const transport::Exchange& in, const transport::ExchangeResult& result,
                     Nanos) {
  std::size_t i = 0;
  for (auto& [key, order] : orders_) {
    const SettleOrder& sent = in.settles.at(i);
    Traffic& traffic = order.held->traffic;
    if (result.settle_lost.at(i)) {
      // what this order decided is no longer among what the ledger takes for undone
      count(traffic.lost, sent.acked + sent.expired + sent.deads.size() + sent.backs.size());
      ledger_.lose(order.held);
    } else {
      count(traffic.done, sent.acked);
      count(traffic.dead, sent.deads.size());
      count(traffic.expired, sent.expired);
      for (const auto& back : sent.backs) {
        if (back.kind == SettleOrder::Return::kRetry) count(traffic.retried);
        if (back.kind == SettleOrder::Return::kSnooze) count(traffic.snoozed);
      }
      if (sent.is_whole || sent.gives_back) ledger_.remove(order.held);
    }
    for (const std::uint32_t ordinal : order.parked) on_parked(order.held, ordinal);
    if (sent.gives_back && order.held->claim.is_keyed && !result.settle_lost.at(i))
      on_given_back(order.held);
    ++i;
  }
  answer();
  orders_.clear();
  before_.clear();
  kept_.clear();
  kept_sheds_.clear();
  for (Settled& joined : std::exchange(joined_, {})) on_joined(std::move(joined));
}

// Everything taken is as durable as it will be, or lost.
void Settler::answer() {
  for (auto& waiting : receipts_) {
    for (const auto& held : waiting.on) waiting.is_lost = waiting.is_lost || held->is_lost.load();
    if (waiting.is_lost)
      waiting.receipt->resolve(ReceiptStatus::kFailed,
                               Error(ErrorCode::kLeaseLost,
                                     "the lease had ended; somebody else may be running it, and "
                                     "nothing was changed"));
    else
      waiting.receipt->resolve(ReceiptStatus::kPersisted);
  }
  receipts_.clear();
  pending_.leave(taken_);
  taken_ = 0;
}

void Settler::give_up(const Error& error, bool was_in_doubt) {
  std::vector<Settled> rest = std::exchange(again_, {});
  inbox_.pop_some(rest, 1u << 20);
  const auto status = was_in_doubt ? ReceiptStatus::kInDoubt : ReceiptStatus::kFailed;
  const Error sent = was_in_doubt ? Error(ErrorCode::kStoreInDoubt, error.what()) : error;
  for (auto& waiting : receipts_) waiting.receipt->resolve(status, sent);
  for (auto& settled : rest)
    if (settled.receipt) settled.receipt->resolve(ReceiptStatus::kFailed, error);
  pending_.leave(taken_ + rest.size());
  taken_ = 0;
  sheds_.clear();
  joined_.clear();
  before_.clear();
  kept_.clear();
  kept_sheds_.clear();
  orders_.clear();
  receipts_.clear();
}

Nanos Settler::next_time(Nanos now) {
  if (!sheds_.empty() || !again_.empty()) return now;
  if (inbox_.size_approx() == 0) return kNever;
  const bool is_waiting = lingers_until_ != kNever && !is_urgent_.load(std::memory_order_acquire);
  return is_waiting ? lingers_until_ : now;
}

}  // namespace msgq
