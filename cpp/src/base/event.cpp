#include "base/event.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace msgq {

void futex_wait(const std::atomic<std::uint32_t>* word, std::uint32_t expected, Nanos timeout,
                bool is_shared) {
  timespec span{};
  const bool is_bounded = timeout != kNever;
  if (is_bounded) {
    span.tv_sec = static_cast<time_t>(timeout.count() / 1'000'000'000);
    span.tv_nsec = static_cast<long>(timeout.count() % 1'000'000'000);
  }
  syscall(SYS_futex, word, is_shared ? FUTEX_WAIT : FUTEX_WAIT_PRIVATE, expected,
          is_bounded ? &span : nullptr, nullptr, 0);
}

void futex_wake(const std::atomic<std::uint32_t>* word, int count, bool is_shared) {
  syscall(SYS_futex, word, is_shared ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

bool Event::glance(std::uint32_t key) const {
  // About 4 us: twice what waking a sleeper costs. Measured with 1,000,000 single enqueues (N6).
  constexpr int kLooks = 100;
  for (int i = 0; i < kLooks; ++i) {
    if ((word_.load(std::memory_order_acquire) & ~kArmed) != key) return true;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  return false;
}

}  // namespace msgq
