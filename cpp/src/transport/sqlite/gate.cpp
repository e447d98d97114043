#include "transport/sqlite/gate.h"

#include <limits>

#include "base/event.h"
#include "base/fork.h"
#include "msgq/error.h"

namespace msgq::transport::sqlite {
namespace {

// How long somebody may wait before the one who just had its turn must let it go first. A guess:
// some tens of commits, so that a process works in warm pages, and far below a second for ten
// processes.
constexpr std::int64_t kSliceNs = 5'000'000;
// How long a free turn is left for an older waiter before it counts as stopped.
constexpr std::int64_t kPatienceNs = 2'000'000;
// A lost wake-up (its sender was killed) costs at most this.
constexpr Nanos kLookAgain{10'000'000};

void poke(std::atomic<std::uint32_t>& word) {
  word.fetch_add(1);
  futex_wake(&word, 1, true);
}

}  // namespace

Gate::Gate(SideFile& file, ProcessLock& process, Clock& clock)
    : file_(file), process_(process), clock_(clock), fork_generation_(fork_generation()) {}

MSGQ_ATTRIBUTE(no_thread_safety_analysis)
Nanos Gate::enter(Nanos timeout) {
  if (fork_generation() != fork_generation_)
    throw Error(ErrorCode::kClosed,
                "the store was opened before a fork: open it again in the child");
  if (file_.is_dropped()) throw Error(ErrorCode::kClosed, "this process has left the store");
  mutex_.lock();
  const std::int64_t since = clock_.steady().count();
  const Waiter other = oldest_other(since);
  const bool is_polite = other.slot == nullptr || since - other.since < kSliceNs;
  if (is_polite && file_.try_lock(SideFile::kTurnByte)) return Nanos::zero();
  try {
    wait_for_turn(since, since + timeout.count());
  } catch (...) {
    if (process_.slot() != nullptr) process_.slot()->waits_since.store(0);
    mutex_.unlock();
    throw;
  }
  if (process_.slot() != nullptr) process_.slot()->waits_since.store(0);
  return clock_.steady() - Nanos(since);
}

MSGQ_ATTRIBUTE(no_thread_safety_analysis)
void Gate::leave() {
  file_.unlock(SideFile::kTurnByte);
  const Waiter next = oldest_other(std::numeric_limits<std::int64_t>::max());
  mutex_.unlock();
  if (next.slot != nullptr) poke(next.slot->turn);
}

Gate::Waiter Gate::oldest_other(std::int64_t before) {
  SidePage& page = file_.page();
  const std::uint32_t used = page.used.load();
  Waiter oldest;
  for (std::uint32_t i = 0; i < used && i < SidePage::kSlotCount; ++i) {
    SideSlot& slot = page.slots[i];
    const std::int64_t since = slot.waits_since.load();
    if (since == 0 || since >= before || &slot == process_.slot()) continue;
    if (oldest.slot != nullptr && since >= oldest.since) continue;
    if (!passed_over_.empty()) {
      const auto passed = passed_over_.find(&slot);
      if (passed != passed_over_.end() && passed->second == since) continue;
    }
    oldest = {&slot, since};
  }
  return oldest;
}

void Gate::wait_for_turn(std::int64_t since, std::int64_t until) {
  SideSlot* const slot = process_.slot();
  std::atomic<std::uint32_t>& word = slot != nullptr ? slot->turn : no_slot_;
  if (slot != nullptr) slot->waits_since.store(since);
  Waiter left_to;
  std::int64_t left_at = 0;
  while (true) {
    const std::uint32_t key = word.load();
    const std::int64_t now = clock_.steady().count();
    const Waiter other = oldest_other(since);
    Nanos pause = slot != nullptr ? kLookAgain : Nanos(kPatienceNs);
    if (other.slot == nullptr || now - other.since < kSliceNs) {
      if (file_.try_lock(SideFile::kTurnByte)) return;
    } else if (!file_.is_locked(SideFile::kTurnByte)) {
      if (other == left_to && now - left_at >= kPatienceNs) {
        pass_over(other);
        continue;
      }
      if (other != left_to) {
        left_to = other;
        left_at = now;
      }
      poke(other.slot->turn);
      pause = Nanos(kPatienceNs);
    }
    if (now >= until)
      throw Error(ErrorCode::kStoreUnavailable,
                  "another process has kept the store's turn to write for " +
                      std::to_string((now - since) / 1'000'000) +
                      " ms; nothing was written, it may be tried again");
    futex_wait(&word, key, pause, slot != nullptr);
  }
}

void Gate::pass_over(const Waiter& waiter) {
  std::uint64_t process = waiter.slot->process.load();
  if (process != 0 && process_.is_alive(static_cast<std::int64_t>(process))) {
    passed_over_[waiter.slot] = waiter.since;
    return;
  }
  std::int64_t since = waiter.since;
  waiter.slot->waits_since.compare_exchange_strong(since, 0);
}

}  // namespace msgq::transport::sqlite
