#include "intake/batcher.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "intake/duplicates.h"

namespace msgq {

using transport::Block;
using transport::Exchange;
using transport::ExchangeResult;

void Batcher::push(Admitted admitted) {
  if (is_keyed(admitted.parcel.band))
    admitted.order = order_.fetch_add(1, std::memory_order_acq_rel) + 1;
  inbox_.push(std::move(admitted));
}

void Batcher::push(BundlePtr bundle) {
  for (Admitted& each : bundle->parcels)
    if (is_keyed(each.parcel.band)) each.order = order_.fetch_add(1, std::memory_order_acq_rel) + 1;
  bundle_inbox_.push(std::move(bundle));
}

void Batcher::take_inbox() {
  std::vector<Admitted> fresh;
  const std::size_t wanted = std::size_t{config_.flush_count_max} * config_.batch_count_max;
  if (backlog_.size() >= wanted) return;
  inbox_.pop_some(fresh, wanted - backlog_.size());
  take_in_order(fresh);
  for (auto& admitted : fresh) backlog_.push_back(std::move(admitted));
}

// The inbox keeps the order of a thread, keys that of all calls: what was pushed before one of
// `fresh` must not come after it. So all is taken, until nothing came in meanwhile; what is let in
// is bounded.
void Batcher::take_in_order(std::vector<Admitted>& fresh) {
  const auto before = [](const Admitted& a, const Admitted& b) { return a.order < b.order; };
  const auto last = [&] {
    return fresh.empty() ? 0 : std::max_element(fresh.begin(), fresh.end(), before)->order;
  };
  std::uint64_t seen = 0;
  for (std::uint64_t newest = last(); newest > seen; newest = last()) {
    seen = order_.load(std::memory_order_acquire);
    while (inbox_.pop_some(fresh, ~std::size_t{0}) > 0) {
    }
  }
  if (seen > 0) std::stable_sort(fresh.begin(), fresh.end(), before);
}

bool Batcher::lingers(Nanos now) const {
  if (config_.linger.count() == 0 || backlog_.empty()) return false;
  if (is_hurried_.load(std::memory_order_acquire)) return false;
  std::uint64_t waiting = 0;
  for (const auto& admitted : backlog_) waiting += admitted.count;
  return waiting < config_.batch_count_max && now < backlog_.front().admitted_at + config_.linger;
}

// Parcels of one queue and band become blocks in their order; others may lie between them.
struct Batcher::Group {
  std::string queue;
  std::uint8_t band = kPriorityNormal;
  std::vector<Parcel> parcels;
  std::vector<Admitted> admitted;
  std::uint64_t count = 0, bytes = 0;
};

// A flush in the making.
struct Batcher::Making {
  Exchange& out;
  const Nanos now;
  const std::int64_t wall_ms;
  std::vector<Group> groups;
  std::vector<Admitted> parked;
  std::uint32_t units = 0;
};

void Batcher::collect(Exchange& out, Nanos now) {
  take_inbox();
  take_bundles();
  full_.release(backlog_, now);
  if ((bundles_.empty() && (backlog_.empty() || lingers(now))) || now < held_until_) return;
  Making making{out, now, clock_.wall_ms(), {}, {}};
  is_turned_ = !is_turned_;
  if (is_turned_) add_bundles(making);
  if (!lingers(now)) add_singles(making);
  if (!is_turned_) add_bundles(making);
  for (Group& group : making.groups) {
    out.appends.push_back({std::move(group.queue),
                           Block::build(std::move(group.parcels), making.wall_ms), group.band});
    std::move(group.admitted.begin(), group.admitted.end(), std::back_inserter(flush_));
  }
  std::move(making.parked.begin(), making.parked.end(), std::back_inserter(flush_));
  if (!has_flush()) full_.forget();
  if (!flush_bundles_.empty()) note_stricts(out);
  admission_.set_held(full_.count() + count_waiting());
}

void Batcher::add_singles(Making& making) {
  while (!backlog_.empty() && (isolated_ == 0 || making.units == 0)) {
    if (!full_.is_empty()) cut_to_fit();
    Admitted& next = backlog_.front();
    if (full_.is_empty() || goes_on(next, making.now)) {
      if (!add(making, next, false)) return;
      ++making.units;
    }
    backlog_.pop_front();
  }
}

// All of a bundle, or nothing.
void Batcher::add_bundles(Making& making) {
  std::vector<BundlePtr> later;
  while (!bundles_.empty() && (isolated_ == 0 || making.units == 0)) {
    const BundlePtr bundle = bundles_.front();
    const std::size_t groups = making.groups.size();
    if (groups > 0 && groups + bundle->parcels.size() > config_.flush_count_max) break;
    bundles_.pop_front();
    if (!goes_on(bundle, making.now)) {
      if (!bundle->receipt->is_done()) later.push_back(bundle);
      continue;
    }
    for (Admitted& each : bundle->parcels) each.bundle = bundle;
    for (Admitted& each : bundle->parcels) add(making, each, true);
    bundle->parcels.clear();
    flush_bundles_.push_back(bundle);
    ++making.units;
  }
  bundles_.insert(bundles_.begin(), later.begin(), later.end());
}

// False: there is no more room.
bool Batcher::add(Making& making, Admitted& next, bool is_forced) {
  if (next.parcel.due_ms <= making.wall_ms) return add_to_group(making.groups, next, is_forced);
  add_parks(making.out, next);
  making.parked.push_back(std::move(next));
  return true;
}

// False: it waits, as a queue of its is full, or has been refused.
bool Batcher::goes_on(const BundlePtr& bundle, Nanos now) {
  if (now < bundle->retry_at) return false;
  std::optional<Error> why;
  if (!full_.is_empty() && full_.judge_all(bundle->parcels, now, why) == FullQueues::Fate::kWait) {
    bundle->retry_at = now + std::chrono::milliseconds(10);
    return false;
  }
  if (!why) why = bundle->join();
  if (why) refuse(bundle, *why);
  return !why;
}

void Batcher::refuse(const BundlePtr& bundle, const Error& error) {
  isolated_ -= std::min(isolated_, 1u);
  settle(bundle->parcels, ReceiptStatus::kFailed, error);
  bundle->parcels.clear();
  end(*bundle, ReceiptStatus::kFailed, error);
}

void Batcher::end(Bundle& bundle, ReceiptStatus status, const std::optional<Error>& error) {
  admission_.release(bundle.count, bundle.bytes);
  bundle.receipt->resolve(status, error);
}

void Batcher::note_stricts(Exchange& out) const {
  using On = Parcel::OnDuplicate;
  std::size_t first = 0;
  for (const Admitted& a : flush_) {
    if (a.bundle && a.has_once && a.on_duplicate != On::kSkip)
      out.stricts.push_back({first, a.count, a.on_duplicate == On::kRaise});
    first += a.count;
  }
}

std::uint32_t Batcher::units() const {
  const auto singles =
      std::count_if(flush_.begin(), flush_.end(), [](const Admitted& a) { return !a.is_bundled; });
  return static_cast<std::uint32_t>(singles) + static_cast<std::uint32_t>(flush_bundles_.size());
}

void Batcher::take_bundles() {
  std::vector<BundlePtr> fresh;
  bundle_inbox_.pop_some(fresh, ~std::size_t{0});
  bundles_.insert(bundles_.end(), fresh.begin(), fresh.end());
}

std::uint64_t Batcher::count_waiting() const {
  std::uint64_t count = 0;
  for (const BundlePtr& bundle : bundles_)
    if (bundle->retry_at > Nanos::zero()) count += bundle->count;
  return count;
}

// Of what several calls sent as one as much is stored as there is room for.
void Batcher::cut_to_fit() {
  const std::uint32_t fitting = full_.fitting(backlog_.front());
  if (fitting == backlog_.front().count) return;
  Admitted first = std::move(backlog_.front());
  backlog_.front() = first.cut(fitting);
  backlog_.push_front(std::move(first));
}

// False: its queue is full, and it waits or has been answered.
bool Batcher::goes_on(Admitted& next, Nanos now) {
  const FullQueues::Fate fate = full_.judge(next, now);
  if (fate == FullQueues::Fate::kStore) return true;
  isolated_ -= std::min(isolated_, 1u);
  if (fate == FullQueues::Fate::kDrop)
    settle({&next, 1}, ReceiptStatus::kDropped, std::nullopt);
  else if (fate == FullQueues::Fate::kRefuse)
    settle({&next, 1}, ReceiptStatus::kFailed, full_.error_of(next));
  else
    full_.hold(std::move(next), now);
  return false;
}

// Puts a parcel into the last group of its queue and band, or into a new one. False: there is
// no more room.
bool Batcher::add_to_group(std::vector<Group>& groups, Admitted& next, bool is_forced) {
  auto found = std::find_if(groups.rbegin(), groups.rend(), [&](const Group& group) {
    return group.queue == next.parcel.queue && group.band == next.parcel.band;
  });
  if (found == groups.rend() || found->count + next.count > config_.batch_count_max ||
      found->bytes + next.bytes > config_.batch_bytes_max) {
    if (groups.size() >= config_.flush_count_max && !is_forced) return false;
    groups.push_back({next.parcel.queue, next.parcel.band, {}, {}, 0, 0});
    found = groups.rbegin();
  }
  found->count += next.count;
  found->bytes += next.bytes;
  found->parcels.push_back(std::move(next.parcel));
  found->admitted.push_back(std::move(next));
  return true;
}

void Batcher::add_parks(Exchange& out, Admitted& admitted) {
  for (std::uint32_t i = 0; i < admitted.count; ++i) {
    auto message = StoredMessage::copy(admitted.parcel.view(i));
    message.enqueued_ms = clock_.wall_ms();
    out.parks.push_back({admitted.parcel.queue, admitted.parcel.due_ms, std::move(message)});
  }
}

// Room is given back once for all, and each queue's figures are raised once for a run of its
// parcels: others look at both.
void Batcher::settle(std::span<Admitted> some, ReceiptStatus status,
                     const std::optional<Error>& error) {
  if (some.empty()) return;
  const Nanos now = clock_.steady();
  std::uint64_t messages = 0, bytes = 0;
  for (auto a = some.begin(); a != some.end();) {
    Traffic& t = *a->traffic;
    std::uint64_t run = 0, duplicates = 0;
    for (; a != some.end() && a->traffic == &t; ++a) {
      t.enqueue_ns.record(now - a->admitted_at, a->count);
      run += a->count;
      duplicates += a->duplicates.size();
      if (a->is_bundled) continue;
      messages += a->count;
      bytes += a->bytes;
    }
    count(status == ReceiptStatus::kPersisted ? t.persisted
          : status == ReceiptStatus::kDropped ? t.dropped
                                              : t.failed,
          run - duplicates);
    count(t.duplicates, duplicates);
    t.in_flight.fetch_sub(run, std::memory_order_relaxed);
  }
  if (messages > 0) admission_.release(messages, bytes);
  for (Admitted& a : some) {
    if (!a.receipt) continue;
    if (a.duplicates.empty())
      a.receipt->resolve(status, error);
    else
      resolve_duplicates(a);
  }
}

// Calls `note` with each duplicate, the parcel of the flush that it is of, and its index in that.
template <typename Note>
void Batcher::for_each(const std::vector<transport::Duplicate>& duplicates, const Note& note) {
  auto admitted = flush_.begin();
  std::size_t first = 0;  // the number of its first message
  for (const transport::Duplicate& each : duplicates) {
    for (; each.number >= first + admitted->count; ++admitted) first += admitted->count;
    note(*admitted, static_cast<std::uint32_t>(each.number - first), each);
  }
}

void Batcher::report(const Exchange& in, const ExchangeResult& result, Nanos) {
  for_each(result.duplicates, [&](Admitted& of, std::uint32_t index, const auto& each) {
    if (!of.refusal) of.refusal = refusal_of(of, in, each);
    of.duplicates.push_back({index, each.earlier, each.is_same});
  });
  isolated_ -= std::min(isolated_, units());
  if (has_flush()) full_.forget();
  std::swap(stored_, flush_);
  std::swap(stored_bundles_, flush_bundles_);
}

void Batcher::announce() {
  settle(stored_, ReceiptStatus::kPersisted, std::nullopt);
  stored_.clear();
  for (const BundlePtr& bundle : stored_bundles_)
    end(*bundle, ReceiptStatus::kPersisted, std::nullopt);
  stored_bundles_.clear();
}

void Batcher::fail(Exchange& ex, const Error& error) {
  end_flush(ex, ReceiptStatus::kFailed, error);
}

void Batcher::end_flush(Exchange& ex, ReceiptStatus status, const std::optional<Error>& error) {
  if (!flush_bundles_.empty()) on_withdraw(ex);
  isolated_ -= std::min(isolated_, units());
  settle(flush_, status, error);
  for (const BundlePtr& bundle : flush_bundles_) end(*bundle, status, error);
  flush_.clear();
  flush_bundles_.clear();
  ex.stricts.clear();
  full_.forget();
  ex.appends.clear();
  ex.parks.clear();
}

bool Batcher::isolate(Exchange& ex) {
  if (units() <= 1) return false;
  isolated_ = units();
  put_back(ex);
  return true;
}

void Batcher::refuse(Exchange& ex, const Error& error, Nanos now) {
  constexpr Nanos kHold = std::chrono::milliseconds(2);
  if (is_durable_) return fail(ex, error);
  if (isolate(ex)) return;
  const Nanos since =
      flush_bundles_.empty() ? flush_.front().admitted_at : flush_bundles_.front()->admitted_at;
  const bool is_over = now - since >= config_.overflow_wait;
  if (config_.overflow == Overflow::kBlock && !is_over) {
    put_back(ex);
    held_until_ = now + kHold;
    return;
  }
  if (config_.overflow == Overflow::kDrop && flush_bundles_.empty())
    end_flush(ex, ReceiptStatus::kDropped, std::nullopt);
  else
    fail(ex, Error(ErrorCode::kQueueFull, error.what()));
}

void Batcher::limit(Exchange& ex, const transport::QueueFull& full) {
  full_.note(full);
  for (Admitted& each : flush_) each.known = 0;
  for_each(full.duplicates, [](Admitted& of, std::uint32_t, const auto&) { ++of.known; });
  put_back(ex);
}

// The parcels of the flush go to the front of the backlog again.
void Batcher::put_back(Exchange& ex) {
  if (!flush_bundles_.empty()) on_withdraw(ex);
  std::vector<Admitted> again = std::move(flush_);
  flush_.clear();
  std::size_t append = 0, park = 0;
  std::uint32_t index = 0;  // of the next message in the present block
  for (auto& a : again) {
    if (a.parcel.due_ms > 0 && park < ex.parks.size() &&
        ex.parks[park].message.id == a.parcel.first_id) {
      park += a.count;  // its parcel still holds its bytes
      continue;
    }
    const auto& from = ex.appends[append];
    const auto head = from.block->view(index);
    a.parcel = Parcel::like(head);
    a.parcel.queue = from.queue;
    for (std::uint32_t i = 0; i < a.count; ++i) a.parcel.add(from.block->view(index++));
    if (index == from.block->count()) index = 0, ++append;
  }
  for (Admitted& a : again)
    if (const BundlePtr bundle = std::move(a.bundle)) bundle->parcels.push_back(std::move(a));
  std::erase_if(again, [](const Admitted& a) { return a.is_bundled; });
  backlog_.insert(backlog_.begin(), std::make_move_iterator(again.begin()),
                  std::make_move_iterator(again.end()));
  bundles_.insert(bundles_.begin(), flush_bundles_.begin(), flush_bundles_.end());
  flush_bundles_.clear();
  ex.stricts.clear();
  ex.appends.clear();
  ex.parks.clear();
}

bool Batcher::is_over(const Bundle& bundle, Nanos now) const {
  return !bundle.is_patient && now - bundle.admitted_at >= config_.enqueue_timeout;
}

void Batcher::withdraw(Exchange& ex, const Error& error) {
  BundlePtr culprit;
  if (const auto* lost = dynamic_cast<const transport::ClaimLost*>(&error)) {
    on_lost(ex, lost->settle);  // and it cannot join again
  } else if (const auto* twice = dynamic_cast<const transport::DuplicateRefused*>(&error)) {
    std::size_t end = 0;
    for (const Admitted& a : flush_)
      if ((end += a.count) > twice->number && !culprit) culprit = a.bundle;
  }
  put_back(ex);
  if (!culprit) return;
  std::erase(bundles_, culprit);
  refuse(culprit, error);
}

bool Batcher::is_over(const Admitted& admitted, Nanos now) const {
  if (admitted.bundle) return is_over(*admitted.bundle, now);
  return now - admitted.admitted_at >= config_.enqueue_timeout;
}

void Batcher::end_waiting(std::vector<Admitted> some, const Error& error) {
  for (Admitted& each : some) settle({&each, 1}, ReceiptStatus::kFailed, error);
  admission_.set_held(full_.count());
}

// What is not in the exchange was certainly not written.
void Batcher::expire_backlog(const Error& error, Nanos now) {
  end_waiting(full_.take_over(config_.enqueue_timeout, now), error);
  expire_bundles(error, now);
  take_inbox();
  while (!backlog_.empty() && is_over(backlog_.front(), now)) {
    settle({&backlog_.front(), 1}, ReceiptStatus::kFailed, error);
    backlog_.pop_front();
    isolated_ -= std::min(isolated_, 1u);
    if (backlog_.empty()) take_inbox();
  }
}

void Batcher::expire_bundles(const Error& error, Nanos now) {
  for (const BundlePtr& bundle : std::exchange(bundles_, {}))
    is_over(*bundle, now) ? refuse(bundle, error) : bundles_.push_back(bundle);
}

void Batcher::expire(Exchange& ex, const Error& error, Nanos now) {
  const bool has_over = std::any_of(flush_.begin(), flush_.end(),
                                    [&](const Admitted& a) { return is_over(a, now); }) ||
                        std::any_of(flush_bundles_.begin(), flush_bundles_.end(),
                                    [&](const BundlePtr& bundle) { return is_over(*bundle, now); });
  if (has_over) put_back(ex);
  expire_backlog(error, now);
}

void Batcher::doubt(const Error& error, Nanos now) {
  // resolve() counts only once, so the figures of settle() stay true when the answer comes later.
  for (auto& admitted : flush_)
    if (is_over(admitted, now) && admitted.receipt)
      admitted.receipt->resolve(ReceiptStatus::kInDoubt, error);
  for (const BundlePtr& bundle : flush_bundles_)
    if (is_over(*bundle, now)) bundle->receipt->resolve(ReceiptStatus::kInDoubt, error);
  expire_backlog(Error(ErrorCode::kStoreUnavailable, error.what(), error.store_code()), now);
}

void Batcher::give_up(const Error& error, bool was_in_doubt) {
  const auto status = was_in_doubt ? ReceiptStatus::kInDoubt : ReceiptStatus::kFailed;
  announce();
  const Error sent = was_in_doubt ? Error(ErrorCode::kStoreInDoubt, error.what()) : error;
  settle(flush_, status, sent);
  for (const BundlePtr& bundle : flush_bundles_) end(*bundle, status, sent);
  flush_.clear();
  flush_bundles_.clear();
  end_waiting(full_.take_all(), error);
  do {
    take_inbox();
    for (auto& admitted : backlog_) settle({&admitted, 1}, ReceiptStatus::kFailed, error);
    backlog_.clear();
    take_bundles();
    for (const BundlePtr& bundle : std::exchange(bundles_, {})) refuse(bundle, error);
  } while (inbox_.size_approx() > 0 || bundle_inbox_.size_approx() > 0);
}

Nanos Batcher::next_time(Nanos now) {
  if (backlog_.empty() && bundles_.empty()) return full_.next_time();
  if (now < held_until_) return held_until_;
  Nanos next = kNever;
  for (const BundlePtr& bundle : bundles_) next = std::min(next, std::max(bundle->retry_at, now));
  if (backlog_.empty()) return std::min(next, full_.next_time());
  return std::min(next, lingers(now) ? backlog_.front().admitted_at + config_.linger : now);
}

}  // namespace msgq
