#include "dispatch/channel.h"

namespace msgq {

Channel::~Channel() { delete front_.load(); }

void Channel::route(Span span, Nanos now) {
  const std::uint32_t count = span.count();
  waiting_.push(std::move(span));
  if (ready_.fetch_add(count, std::memory_order_acq_rel) <= 0)
    oldest_ns_.store(now.count(), std::memory_order_release);
}

void Channel::note_admitted(Nanos now) {
  if (ready() <= 1) oldest_ns_.store(now.count(), std::memory_order_release);
}

std::uint32_t Channel::take_all(std::vector<Span>& out, KeyGate::Moves& moves) {
  const std::size_t before = out.size();
  if (gate_) gate_->withdraw(*outlet_, out, moves);
  std::uint32_t count = 0;
  for (std::size_t i = before; i < out.size(); ++i) count += out[i].count();
  return count + take_spans(out, ~0u - count);
}

bool Channel::next_span(Span& span) {
  if (Span* front = front_.exchange(nullptr, std::memory_order_acq_rel)) {
    span = std::move(*front);
    delete front;
    return true;
  }
  return waiting_.pop(span);
}

std::uint32_t Channel::take_spans(std::vector<Span>& out, std::uint32_t count_max) {
  const bool in_rows = !spec_.is_async && spec_.batch_count == 0;
  const std::uint32_t keyed = gate_ ? gate_->take(*outlet_, count_max, out, in_rows) : 0;
  return keyed + take_routed(out, count_max - keyed);
}

std::uint32_t Channel::take_routed(std::vector<Span>& out, std::uint32_t count_max) {
  std::uint32_t taken = 0;
  Span span;
  while (taken < count_max && next_span(span)) {
    const std::uint32_t wanted = std::min(span.count(), count_max - taken);
    if (wanted < span.count()) {
      auto rest = std::make_unique<Span>(Span{span.held, span.from + wanted, span.to});
      Span* nobody = nullptr;
      if (front_.compare_exchange_strong(nobody, rest.get(), std::memory_order_acq_rel))
        static_cast<void>(rest.release());  // front_ owns it now
      else
        waiting_.push(std::move(*rest));
      span.to = span.from + wanted;
    }
    taken += wanted;
    out.push_back(std::move(span));
  }
  if (taken == 0) return 0;
  // What stays came with the last span taken or after it.
  const bool has_rest = ready_.fetch_sub(taken, std::memory_order_acq_rel) > std::int64_t{taken};
  if (has_rest) oldest_ns_.store(out.back().held->claimed_at.count(), std::memory_order_release);
  return taken;
}

std::uint32_t Channel::enter(std::uint32_t wanted) {
  if (spec_.concurrency == 0) {
    running_.fetch_add(wanted, std::memory_order_acq_rel);
    return wanted;
  }
  std::uint32_t seen = running_.load(std::memory_order_acquire);
  while (seen < spec_.concurrency) {
    const std::uint32_t had = std::min(wanted, spec_.concurrency - seen);
    if (running_.compare_exchange_weak(seen, seen + had, std::memory_order_acq_rel)) return had;
  }
  return 0;
}

Nanos Channel::ripe_at(Nanos now) const {
  const std::uint32_t have = ready();
  if (have == 0) return kNever;
  if (spec_.batch_count == 0 || have >= spec_.batch_count) return now;
  return Nanos(oldest_ns_.load(std::memory_order_acquire)) + spec_.batch_wait;
}

}  // namespace msgq
