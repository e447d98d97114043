#include "intake/admission.h"

namespace msgq {

bool Admission::try_add(std::atomic<std::uint64_t>& used, std::uint64_t by, std::uint64_t bound) {
  std::uint64_t seen = used.load(std::memory_order_relaxed);
  do {
    if (seen > 0 && seen + by > bound) return false;  // closed is above every bound
  } while (!used.compare_exchange_weak(seen, seen + by, std::memory_order_relaxed));
  return true;
}

bool Admission::try_acquire(std::uint64_t count, std::uint64_t bytes) {
  if (!try_add(count_, count, count_max_)) return false;
  if (try_add(bytes_, bytes, bytes_max_)) return true;
  // Nobody is told: whoever was refused because of what we held for a moment wakes with the release
  // of the bytes that stopped us. Telling would wake us too, and we would spin.
  count_.fetch_sub(count, std::memory_order_relaxed);
  return false;
}

bool Admission::acquire(std::uint64_t count, std::uint64_t bytes, Nanos timeout) {
  const Nanos start = clock_.steady();
  const Nanos until = timeout >= kNever - start ? kNever : start + timeout;
  while (true) {
    const auto key = room_.key();
    if (is_closed()) return false;
    if (try_acquire(count, bytes)) return true;
    const Nanos left = until - clock_.steady();
    if (left <= Nanos::zero()) return false;
    room_.wait(key, left);
  }
}

void Admission::wait_room(std::uint64_t count, std::uint64_t bytes, Nanos timeout) {
  if (acquire(count, bytes, timeout)) release(count, bytes);
}

void Admission::wait_passed(Nanos timeout) {
  const Nanos until = clock_.steady() + timeout;
  // Read in this order a release in between makes the goal higher, never lower; none left ends it
  // too.
  const std::uint64_t inside = count();
  const std::uint64_t goal = inside + released_.load(std::memory_order_acquire);
  while (true) {
    const auto key = room_.key();
    const std::uint64_t held = held_.load(std::memory_order_acquire);
    if (count() <= held || released_.load(std::memory_order_acquire) + held >= goal) return;
    const Nanos left = until - clock_.steady();
    if (left <= Nanos::zero() || is_closed()) return;
    room_.wait(key, left);
  }
}

void Admission::set_held(std::uint64_t count) {
  if (held_.exchange(count, std::memory_order_acq_rel) < count) room_.signal();
}

void Admission::release(std::uint64_t count, std::uint64_t bytes) {
  released_.fetch_add(count, std::memory_order_release);
  count_.fetch_sub(count, std::memory_order_relaxed);
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  room_.signal();
}

void Admission::close() {
  count_.fetch_or(kClosed, std::memory_order_acq_rel);
  room_.signal();
}

}  // namespace msgq
