#include "intake/admission.h"

#include <gtest/gtest.h>
#include <time.h>

#include <thread>
#include <vector>

#include "support/fake_clock.h"
#include "support/waits.h"

namespace msgq {
namespace {

std::int64_t thread_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

TEST(Admission, EachBoundIsReachedAndNotPassed) {
  Admission room(system_clock(), 3, 100);
  EXPECT_TRUE(room.try_acquire(2, 10));
  EXPECT_FALSE(room.try_acquire(2, 10)) << "4 messages";
  EXPECT_FALSE(room.try_acquire(1, 91)) << "101 bytes";
  EXPECT_EQ(room.count(), 2U);
  EXPECT_EQ(room.bytes(), 10U);
  EXPECT_TRUE(room.try_acquire(1, 90));
  room.release(3, 100);
  EXPECT_EQ(room.count(), 0U);
  EXPECT_EQ(room.bytes(), 0U);
}

TEST(Admission, WhatIsLargerThanABoundIsLetInAlone) {
  Admission room(system_clock(), 3, 100);
  EXPECT_TRUE(room.try_acquire(5, 10));
  EXPECT_FALSE(room.try_acquire(1, 1));
  room.release(5, 10);
  EXPECT_TRUE(room.try_acquire(1, 500));
  EXPECT_FALSE(room.try_acquire(1, 1));
}

// R6: bounds are exact with many threads at once.
TEST(Admission, EightThreadsNeverPassABound) {
  constexpr std::uint64_t kCountMax = 16, kBytesMax = 1'000;
  Admission room(system_clock(), kCountMax, kBytesMax);
  std::atomic<std::uint64_t> count{0}, bytes{0}, count_seen{0}, bytes_seen{0};
  const auto note = [](std::atomic<std::uint64_t>& most, std::uint64_t now) {
    std::uint64_t seen = most.load();
    while (seen < now && !most.compare_exchange_weak(seen, now)) {
    }
  };
  std::vector<std::thread> threads;
  for (std::uint64_t i = 1; i <= 8; ++i)
    threads.emplace_back([&, i] {
      for (int round = 0; round < 3'000; ++round) {
        ASSERT_TRUE(room.acquire(i, 30 * i, kLong));
        note(count_seen, count += i);
        note(bytes_seen, bytes += 30 * i);
        count -= i;
        bytes -= 30 * i;
        room.release(i, 30 * i);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_LE(count_seen.load(), kCountMax);
  EXPECT_LE(bytes_seen.load(), kBytesMax);
  EXPECT_EQ(room.count(), 0U);
  EXPECT_EQ(room.bytes(), 0U);
}

// R6: whoever is refused by the bytes, having passed the count, sleeps; it once woke itself for
// ever.
TEST(Admission, WaitersSleepWhicheverBoundStopsThem) {
  Admission room(system_clock(), 10, 100);
  ASSERT_TRUE(room.try_acquire(1, 100));
  std::vector<std::thread> threads;
  std::atomic<std::int64_t> cpu_ns{0};
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      const std::int64_t before = thread_cpu_ns();
      EXPECT_FALSE(room.acquire(1, 10, std::chrono::milliseconds(200)));
      cpu_ns += thread_cpu_ns() - before;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_LT(cpu_ns.load(), 30'000'000) << "three waits of 200 ms";
}

TEST(Admission, ReleaseWakesAWaiter) {
  Admission room(system_clock(), 1, 100);
  ASSERT_TRUE(room.try_acquire(1, 1));
  std::thread waiter([&] { EXPECT_TRUE(room.acquire(1, 1, kLong)); });
  room.release(1, 1);
  waiter.join();
  EXPECT_EQ(room.count(), 1U);
}

TEST(Admission, WaitRoomTakesNothing) {
  Admission room(system_clock(), 1, 100);
  room.wait_room(1, 1, kLong);
  EXPECT_EQ(room.count(), 0U);
  ASSERT_TRUE(room.try_acquire(1, 1));
  room.wait_room(1, 1, std::chrono::milliseconds(1));
  EXPECT_EQ(room.count(), 1U);
}

TEST(Admission, AWaitWithoutEndIsNotOverAtOnce) {
  Admission room(system_clock(), 1, 100);
  ASSERT_TRUE(room.try_acquire(1, 1));
  std::thread waiter([&] { EXPECT_TRUE(room.acquire(1, 1, kNever)); });
  room.release(1, 1);
  waiter.join();
}

// What count() says after close() only falls: nobody slips in behind whoever waits for it.
TEST(Admission, CloseEndsWaitsAndLetsNobodyIn) {
  Admission room(system_clock(), 2, 100);
  ASSERT_TRUE(room.try_acquire(2, 1));
  std::thread waiter([&] { EXPECT_FALSE(room.acquire(1, 1, kLong)); });
  room.close();
  waiter.join();
  EXPECT_EQ(room.count(), 2U);
  room.release(2, 1);
  EXPECT_FALSE(room.try_acquire(1, 1));
  EXPECT_EQ(room.count(), 0U);
}

TEST(Admission, WhoWaitsForWhatWasLetInWaitsForNothingThatIsHeld) {
  test::FakeClock clock;  // never gets there
  Admission room(clock, 10, 100);
  EXPECT_TRUE(room.try_acquire(3, 10));
  EXPECT_TRUE(room.try_acquire(2, 10));
  std::thread other([&] {
    room.set_held(3);
    room.release(2, 10);
  });
  room.wait_passed(kLong);
  other.join();
  EXPECT_EQ(room.count(), 3U);
}

}  // namespace
}  // namespace msgq
