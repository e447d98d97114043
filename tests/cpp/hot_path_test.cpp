// Promise: who enqueues, takes and settles locks no mutex while there is room and work. Every lock
// of the process goes through pthread_mutex_lock, which stands here before the library's own.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <functional>
#include <vector>

#include "msgq/engine.h"
#include "support/road.h"
#include "support/temp_dir.h"
#include "support/waits.h"

// ThreadSanitizer has to see the library's own.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MSGQ_HAS_TSAN 1
#endif
#endif
#ifndef MSGQ_HAS_TSAN

namespace {
thread_local std::uint64_t locked = 0;
}

extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  using Lock = int (*)(pthread_mutex_t*);
  static const Lock lock = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  ++locked;
  return lock(mutex);
}

namespace msgq {
namespace {

constexpr std::uint32_t kCount = 500;

class HotPath : public ::testing::TestWithParam<const char*> {
 protected:
  static std::uint64_t locks_of(const std::function<void()>& work) {
    const std::uint64_t before = locked;
    work();
    return locked - before;
  }
  Config config() {
    Config out;
    out.scheme = GetParam();
    out.path = out.scheme == "memory" ? "" : dir_.file("store.db");
    out.durability = Durability::kOs;
    return out;
  }

 private:
  test::TempDir dir_;
};

TEST_P(HotPath, EnqueueTakeAndSettleLockNothing) {
  Engine engine(config());
  WorkerSpec spec;
  spec.channels.push_back({"q", "*", 0, 0, Nanos(0), false});
  spec.slots = 1;
  const auto worker = engine.open_worker(spec);
  const auto enqueue = [&] {
    std::vector<ReceiptPtr> receipts;
    for (std::uint32_t i = 0; i < kCount; ++i)
      receipts.push_back(engine.enqueue(test::parcel_of({"x"})));
    for (const auto& receipt : receipts) EXPECT_TRUE(receipt->wait(kLong));
  };
  const auto handle = [&] {
    for (std::uint32_t done = 0; done < kCount;) {
      const auto lot = engine.take(worker, kLong);
      ASSERT_TRUE(lot);
      done += lot->size();
      engine.settle(lot, {});
    }
  };
  enqueue();  // the first message of a queue finds its place in the book, under a lock
  handle();
  EXPECT_EQ(locks_of(enqueue), 0u);
  EXPECT_EQ(locks_of(handle), 0u);
  EXPECT_GT(locks_of([&] { engine.stats(); }), 0u) << "locks are counted";
}

#if MSGQ_WITH_SQLITE
INSTANTIATE_TEST_SUITE_P(Stores, HotPath, ::testing::Values("memory", "sqlite"));
#else
INSTANTIATE_TEST_SUITE_P(Stores, HotPath, ::testing::Values("memory"));
#endif

}  // namespace
}  // namespace msgq

#endif
