#include "lease/ledger.h"

#include <algorithm>

namespace msgq {
namespace {

Error lost() {
  return Error(ErrorCode::kLeaseLost,
               "the lease had ended before it could be extended; nothing was changed");
}

}  // namespace

void Ledger::add(const HeldPtr& held) {
  open_[held->claim.key] = held;
  suspects_ += held->claim.is_suspect ? 1 : 0;
  count_.store(static_cast<std::uint32_t>(open_.size()), std::memory_order_relaxed);
  renew_at_ = std::min(renew_at_, held->claimed_at + config_.lease / 3);
  if (held->claim.is_keyed && !held->is_renewed) {
    const std::chrono::milliseconds left(held->until_ms.load() - clock_.boot_ms());
    renew_at_ = std::min(renew_at_, held->claimed_at + left);
  }
}

void Ledger::remove(const HeldPtr& held) {
  if (open_.erase(held->claim.key) > 0 && held->claim.is_suspect) --suspects_;
  count_.store(static_cast<std::uint32_t>(open_.size()), std::memory_order_relaxed);
}

void Ledger::lose(const HeldPtr& held) {
  if (!held->is_lost.exchange(true, std::memory_order_acq_rel))
    msgq::count(held->traffic.lost, held->total - held->done_count);
  remove(held);
  if (held->claim.is_keyed && on_over) on_over(held);
}

std::vector<HeldPtr> Ledger::all() const {
  std::vector<HeldPtr> out;
  for (const auto& entry : open_) out.push_back(entry.second);
  return out;
}

void Ledger::extend(const std::vector<HeldPtr>& claims, std::int64_t until_ms, ReceiptPtr receipt) {
  if (!pending_.enter()) return receipt->resolve(ReceiptStatus::kFailed, closed_here());
  auto answer = std::make_shared<Answer>();
  answer->receipt = std::move(receipt);
  answer->open = claims.size();
  for (const auto& held : claims) asked_.push({held, until_ms, answer});
}

void Ledger::tell(const std::shared_ptr<Answer>& answer, const std::optional<Error>& error) {
  if (!answer) return;
  if (!answer->error) answer->error = error;
  if (--answer->open > 0) return;
  if (!answer->error && !answer->has_moved) answer->error = lost();
  const auto status = !answer->error                 ? ReceiptStatus::kPersisted
                      : answer->error->is_in_doubt() ? ReceiptStatus::kInDoubt
                                                     : ReceiptStatus::kFailed;
  answer->receipt->resolve(status, answer->error);
  pending_.leave(1);
}

bool Ledger::is_being_extended(const HeldPtr& held) const {
  return std::any_of(sent_.begin(), sent_.end(),
                     [&](const Extension& each) { return each.held == held; });
}

// Every lease that is a third gone is moved on, unless its delivery ran for lease_max already. What
// nobody renews and nobody settled is forgotten once its lease is long over; of a lane of keys when
// the store says so, for its messages hold up others: the extension moves nothing, it asks.
void Ledger::collect_renewals(Nanos now) {
  if (now < renew_at_) return;
  const std::int64_t boot = clock_.boot_ms();
  std::vector<HeldPtr> over;
  for (const auto& [key, held] : open_) {
    const bool has_ended = !held->is_renewed && boot >= held->until_ms.load();
    if (held->claim.is_keyed && has_ended && on_over) on_over(held);
    if (held->is_renewed && !held->is_lapsing && now - held->claimed_at <= config_.lease_max)
      sent_.push_back({held, boot + config_.lease.count(), nullptr});
    else if (boot <= held->until_ms.load(std::memory_order_relaxed) + config_.lease.count())
      continue;
    else if (!held->claim.is_keyed)
      over.push_back(held);
    else if (!is_being_extended(held))
      sent_.push_back({held, held->until_ms.load(std::memory_order_relaxed), nullptr});
  }
  for (const auto& held : over) lose(held);
  renew_at_ = open_.empty() ? kNever : std::min(now + config_.lease / 3, next_end(now, boot));
}

// When the next unrenewed claim of a lane of keys ends: its keys are to go on.
Nanos Ledger::next_end(Nanos now, std::int64_t boot) const {
  Nanos next = kNever;
  for (const auto& [key, held] : open_) {
    const std::int64_t left = held->until_ms.load(std::memory_order_relaxed) - boot;
    if (held->claim.is_keyed && !held->is_renewed && left > 0)
      next = std::min(next, now + std::chrono::milliseconds(left));
  }
  return next;
}

void Ledger::collect(transport::Exchange& out, Nanos now) {
  asked_.pop_some(sent_, 10'000);
  collect_renewals(now);
  for (const auto& extension : sent_)
    out.extends.push_back({extension.held->claim.key, extension.until_ms});
}

void Ledger::report(const transport::Exchange&, const transport::ExchangeResult& result, Nanos) {
  for (std::size_t i = 0; i < sent_.size(); ++i) {
    auto& [held, until_ms, answer] = sent_[i];
    const bool is_lost = result.extend_lost.at(i);
    // A claim that was settled, before or in the same exchange, is not lost, it has ended.
    if (is_lost && open_.count(held->claim.key) > 0) lose(held);
    if (!is_lost) held->until_ms.store(until_ms, std::memory_order_relaxed);
    if (!is_lost && answer) answer->has_moved = true;
    tell(answer, is_lost && held->is_lost.load() ? std::optional(lost()) : std::nullopt);
  }
  sent_.clear();
}

void Ledger::give_up(const Error& error, bool was_in_doubt) {
  const Error sent = was_in_doubt ? Error(ErrorCode::kStoreInDoubt, error.what()) : error;
  for (auto& extension : sent_) tell(extension.answer, sent);
  sent_.clear();
  asked_.pop_some(sent_, 1u << 20);
  for (auto& extension : sent_) tell(extension.answer, error);
  sent_.clear();
  for (auto& [key, held] : open_) held->is_lost.store(true, std::memory_order_release);
  open_.clear();
  suspects_ = 0;
  count_.store(0, std::memory_order_relaxed);
}

Nanos Ledger::next_time(Nanos now) {
  if (asked_.size_approx() > 0) return now;
  return open_.empty() ? kNever : renew_at_;
}

}  // namespace msgq
