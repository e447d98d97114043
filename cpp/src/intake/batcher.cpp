#include "intake/batcher.h"

#include <algorithm>

namespace msgq {

using transport::Block;
using transport::Exchange;
using transport::ExchangeResult;

void Batcher::take_inbox() {
  std::vector<Admitted> fresh;
  const std::size_t wanted = std::size_t{config_.flush_count_max} * config_.batch_count_max;
  if (backlog_.size() >= wanted) return;
  inbox_.pop_some(fresh, wanted - backlog_.size());
  for (auto& admitted : fresh) backlog_.push_back(std::move(admitted));
}

bool Batcher::lingers(Nanos now) const {
  if (config_.linger.count() == 0 || backlog_.empty()) return false;
  std::uint64_t waiting = 0;
  for (const auto& admitted : backlog_) waiting += admitted.count;
  return waiting < config_.batch_count_max && now < backlog_.front().admitted_at + config_.linger;
}

void Batcher::collect(Exchange& out, Nanos now) {
  take_inbox();
  if (backlog_.empty() || lingers(now) || now < held_until_) return;
  flush_started_at_ = now;
  const std::uint32_t block_max = isolated_ > 0 ? 1 : config_.flush_count_max;
  while (!backlog_.empty() && out.appends.size() < block_max) {
    if (Admitted& front = backlog_.front(); front.parcel.due_ms > clock_.wall_ms()) {
      add_parks(out, front);
      flush_.push_back(std::move(front));
      backlog_.pop_front();
      if (isolated_ > 0) break;
    } else {
      add_block(out);
    }
  }
}

// Parcels of the same queue from the front of the backlog become one block.
void Batcher::add_block(Exchange& out) {
  const std::string queue = backlog_.front().parcel.queue;
  std::vector<Parcel> parcels;
  std::uint64_t count = 0, bytes = 0;
  while (!backlog_.empty()) {
    Admitted& next = backlog_.front();
    const bool fits = count == 0 || (isolated_ == 0 && count + next.count <= config_.batch_count_max &&
                                     bytes + next.bytes <= config_.batch_bytes_max);
    if (!fits || next.parcel.queue != queue || next.parcel.due_ms > clock_.wall_ms()) break;
    count += next.count;
    bytes += next.bytes;
    parcels.push_back(std::move(next.parcel));
    flush_.push_back(std::move(next));
    backlog_.pop_front();
  }
  out.appends.push_back({queue, Block::build(std::move(parcels), clock_.wall_ms())});
}

void Batcher::add_parks(Exchange& out, Admitted& admitted) {
  for (std::uint32_t i = 0; i < admitted.count; ++i) {
    auto message = StoredMessage::copy(admitted.parcel.view(i));
    message.enqueued_ms = clock_.wall_ms();
    out.parks.push_back({admitted.parcel.queue, admitted.parcel.due_ms, std::move(message)});
  }
}

void Batcher::settle(Admitted& a, ReceiptStatus status, const std::optional<Error>& error) {
  count(status == ReceiptStatus::kPersisted ? a.traffic->persisted : a.traffic->failed, a.count);
  a.traffic->in_flight.fetch_sub(a.count, std::memory_order_relaxed);
  a.traffic->enqueue_ns.record(clock_.steady() - a.admitted_at, a.count);
  admission_.release(a.count, a.bytes);
  a.receipt->resolve(status, error);
}

void Batcher::report(const Exchange&, const ExchangeResult&, Nanos) {
  if (flush_.empty()) return;
  for (auto& admitted : flush_) settle(admitted, ReceiptStatus::kPersisted, std::nullopt);
  isolated_ -= std::min(isolated_, static_cast<std::uint32_t>(flush_.size()));
  flush_.clear();
}

void Batcher::fail(Exchange& ex, const Error& error) {
  for (auto& admitted : flush_) settle(admitted, ReceiptStatus::kFailed, error);
  isolated_ -= std::min(isolated_, static_cast<std::uint32_t>(flush_.size()));
  flush_.clear();
  ex.appends.clear();
  ex.parks.clear();
}

bool Batcher::isolate(Exchange& ex) {
  if (flush_.size() <= 1) return false;
  isolated_ = static_cast<std::uint32_t>(flush_.size());
  put_back(ex);
  return true;
}

void Batcher::refuse(Exchange& ex, const Error& error, Nanos now) {
  constexpr Nanos kHold = std::chrono::milliseconds(2);
  if (is_durable_) return fail(ex, error);
  if (isolate(ex)) return;
  const bool is_over = now - flush_.front().admitted_at >= config_.overflow_wait;
  if (config_.overflow == Overflow::kBlock && !is_over) {
    put_back(ex);
    held_until_ = now + kHold;
    return;
  }
  if (config_.overflow == Overflow::kDrop) {
    count(flush_.front().traffic->dropped, flush_.front().count);
    flush_.front().receipt->resolve(ReceiptStatus::kDropped);
  }
  fail(ex, Error(ErrorCode::kQueueFull, error.what()));
}

// The parcels of the flush go to the front of the backlog again.
void Batcher::put_back(Exchange& ex) {
  std::vector<Admitted> again = std::move(flush_);
  flush_.clear();
  std::size_t append = 0, park = 0;
  std::uint32_t index = 0;  // of the next message in the present block
  for (auto& a : again) {
    if (a.parcel.due_ms > 0 && park < ex.parks.size() &&
        ex.parks[park].message.id == a.receipt->first_id()) {
      park += a.count;  // its parcel still holds its bytes
      continue;
    }
    const auto& from = ex.appends[append];
    const auto head = from.block->view(index);
    a.parcel = Parcel{from.queue, std::string(head.type), head.content, head.id, 0, {}, {}};
    for (std::uint32_t i = 0; i < a.count; ++i) a.parcel.add(from.block->view(index++));
    if (index == from.block->count()) index = 0, ++append;
  }
  backlog_.insert(backlog_.begin(), std::make_move_iterator(again.begin()),
                  std::make_move_iterator(again.end()));
  ex.appends.clear();
  ex.parks.clear();
}

void Batcher::doubt(const Error& error) {
  // resolve() counts only once, so the figures of settle() stay true when the answer comes later.
  for (auto& admitted : flush_) admitted.receipt->resolve(ReceiptStatus::kInDoubt, error);
}

void Batcher::give_up(const Error& error, bool was_in_doubt) {
  const auto status = was_in_doubt ? ReceiptStatus::kInDoubt : ReceiptStatus::kFailed;
  for (auto& admitted : flush_) settle(admitted, status, error);
  flush_.clear();
  do {
    take_inbox();
    for (auto& admitted : backlog_) settle(admitted, ReceiptStatus::kFailed, error);
    backlog_.clear();
  } while (inbox_.size_approx() > 0);
}

Nanos Batcher::next_time(Nanos now) {
  if (backlog_.empty()) return kNever;
  if (now < held_until_) return held_until_;
  return lingers(now) ? backlog_.front().admitted_at + config_.linger : now;
}

}  // namespace msgq
