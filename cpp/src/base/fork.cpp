#include "base/fork.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <utility>

#include "base/event.h"

namespace msgq {
namespace {

// A hung disk must not hang every fork of the program. A guess: far above any flush.
constexpr Nanos kPatience{2'000'000'000};

std::atomic<std::uint32_t> generation{0};
// seq_cst: either the fork sees the hold, or the hold sees the fork
std::atomic<std::uint32_t> holds{0};
std::atomic<std::uint32_t> forks{0};
std::atomic<bool> is_torn{false};
thread_local std::uint32_t depth = 0;
thread_local bool waited_in_vain = false;

// Atomic: the child's handler may not take a lock. The inode tells whether the number still means
// what it meant: a library may have closed it, and somebody opened another file under it.
struct Inherited {
  std::atomic<int> descriptor{0};
  std::atomic<std::uint64_t> inode{0};
};
constexpr int kReserved = -1;
std::array<Inherited, 1024> inherited;

std::uint64_t inode_of(int descriptor) {
  struct stat info {};
  return fstat(descriptor, &info) == 0 ? info.st_ino : 0;
}

void close_inherited() {
  for (auto& each : inherited)
    if (const int number = each.descriptor.exchange(0); number > 0)
      if (inode_of(number) == each.inode.load()) close(number);
}

void before_fork() {
  forks.fetch_add(1);
  const Nanos end = steady_now() + kPatience;
  waited_in_vain = false;
  const std::uint32_t own = depth > 0 ? 1 : 0;
  for (std::uint32_t held = holds.load(); held > own; held = holds.load()) {
    const Nanos now = steady_now();
    waited_in_vain = now >= end;
    if (waited_in_vain) return;
    futex_wait(&holds, held, end - now);
  }
}

void after_fork_in_parent() {
  if (forks.fetch_sub(1) == 1) futex_wake(&forks, 1 << 30);
}

void after_fork_in_child() {
  generation.fetch_add(1, std::memory_order_relaxed);
  if (waited_in_vain) is_torn.store(true);
  holds.store(depth > 0 ? 1 : 0);
  forks.store(0);
  close_inherited();
}

void register_once() {
  [[maybe_unused]] static const int once =
      pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void leave() {
  holds.fetch_sub(1);
  if (forks.load() > 0) futex_wake(&holds, 1 << 30);
}

}  // namespace

std::uint32_t fork_generation() {
  register_once();
  return generation.load(std::memory_order_relaxed);
}

ForkHold::ForkHold() {
  register_once();
  if (depth++ > 0) return;
  while (true) {
    holds.fetch_add(1);
    const std::uint32_t running = forks.load();
    if (running == 0) return;
    leave();
    futex_wait(&forks, running, kNever);
  }
}

ForkHold::~ForkHold() {
  if (--depth == 0) leave();
}

bool was_forked_in_hold() { return is_torn.load(); }

ClosedInChild::ClosedInChild(int descriptor) {
  register_once();
  for (std::size_t i = 0; i < inherited.size(); ++i) {
    int free = 0;
    if (!inherited[i].descriptor.compare_exchange_strong(free, kReserved)) continue;
    inherited[i].inode.store(inode_of(descriptor));
    inherited[i].descriptor.store(descriptor);
    place_ = static_cast<int>(i);
    return;
  }
}

bool ClosedInChild::forget() {
  const int place = std::exchange(place_, -1);
  return place >= 0 && inherited[static_cast<std::size_t>(place)].descriptor.exchange(0) != 0;
}

}  // namespace msgq
