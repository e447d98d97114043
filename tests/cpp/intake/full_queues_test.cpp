// Promise: of what is sent to a full queue as much goes on as there is room for, the rest waits in
// its order, is dropped or refused as is set; and nothing else waits.
#include "intake/full_queues.h"

#include <gtest/gtest.h>

#include "support/road.h"

namespace msgq {
namespace {

using std::chrono::milliseconds;
using Fate = FullQueues::Fate;

class FullQueuesTest : public ::testing::Test {
 protected:
  Admitted parcel(std::uint32_t count, const std::string& queue = "q") {
    return test::admitted_of(test::parcel_of(test::numbers(count), queue), book.find(queue), now);
  }
  void note(std::uint64_t room, Overflow overflow) {
    QueueSettings settings;
    settings.length_max = 10;
    settings.overflow = overflow;
    settings.overflow_wait_ms = 100;
    full.note({"q", 10 - room, settings});
  }

  TrafficBook book;
  Nanos now{1'000'000'000};
  FullQueues full;
};

TEST_F(FullQueuesTest, AsMuchGoesOnAsThereIsRoomFor) {
  note(3, Overflow::kRaise);
  EXPECT_EQ(full.judge(parcel(2), now), Fate::kStore);
  const Admitted more = parcel(2);
  EXPECT_EQ(full.judge(more, now), Fate::kRefuse);
  EXPECT_EQ(full.error_of(more).code(), ErrorCode::kQueueFull);
  EXPECT_EQ(full.judge(parcel(1), now), Fate::kStore);
  EXPECT_EQ(full.judge(parcel(5, "other"), now), Fate::kStore);
  full.forget();
  EXPECT_TRUE(full.is_empty());
}

TEST_F(FullQueuesTest, TheNewestIsDroppedIfSoSet) {
  note(0, Overflow::kDrop);
  EXPECT_EQ(full.judge(parcel(1), now), Fate::kDrop);
}

TEST_F(FullQueuesTest, WhereTheOldestMakeRoomTheRestComesWithTheNextFlush) {
  note(3, Overflow::kDropOldest);
  EXPECT_EQ(full.judge(parcel(2), now), Fate::kStore);
  EXPECT_EQ(full.judge(parcel(2), now), Fate::kWait);
  note(0, Overflow::kDropOldest);
  EXPECT_EQ(full.judge(parcel(1), now), Fate::kRefuse) << "nothing would make room";
}

TEST_F(FullQueuesTest, WhatWaitsIsTriedAgainInItsOrder) {
  note(1, Overflow::kBlock);
  EXPECT_EQ(full.judge(parcel(2), now), Fate::kWait);
  full.hold(parcel(2), now);
  EXPECT_EQ(full.judge(parcel(1), now), Fate::kWait)
      << "there is room for it, but not before others";
  full.hold(parcel(1), now);
  EXPECT_EQ(full.count(), 3u);
  full.forget();
  EXPECT_FALSE(full.is_empty());
  std::deque<Admitted> backlog;
  full.release(backlog, now);
  EXPECT_TRUE(backlog.empty()) << "not yet";
  now = full.next_time();
  full.release(backlog, now);
  ASSERT_EQ(backlog.size(), 2u);
  EXPECT_EQ(backlog[0].count, 2u);
  EXPECT_EQ(full.judge(backlog[0], now), Fate::kStore) << "the store is asked";
  EXPECT_EQ(full.next_time(), kNever);
}

TEST_F(FullQueuesTest, ItWaitsLongerFromTimeToTimeAndNotForEver) {
  std::deque<Admitted> backlog;
  backlog.push_back(parcel(1));
  const Nanos start = now;
  Nanos gap{0};
  for (int tries = 0; tries < 3; ++tries) {
    note(0, Overflow::kBlock);
    ASSERT_EQ(full.judge(backlog.front(), now), Fate::kWait);
    full.hold(std::move(backlog.front()), now);
    backlog.clear();
    EXPECT_GT(full.next_time() - now, gap);
    gap = full.next_time() - now;
    now = full.next_time();
    full.release(backlog, now);
    ASSERT_EQ(backlog.size(), 1u);
  }
  now = start + milliseconds(100);
  note(0, Overflow::kBlock);
  EXPECT_EQ(full.judge(backlog.front(), now), Fate::kRefuse);
}

TEST_F(FullQueuesTest, WhatCanNeverFitDoesNotWait) {
  note(10, Overflow::kBlock);
  EXPECT_EQ(full.judge(parcel(11), now), Fate::kRefuse);
}

TEST_F(FullQueuesTest, OfWhatSeveralCallsSentSomeFits) {
  Admitted loose = parcel(12);
  EXPECT_EQ(full.fitting(loose), 12u) << "nothing is known";
  note(4, Overflow::kBlock);
  EXPECT_EQ(full.fitting(loose), 12u) << "one call's";
  loose.is_loose = true;
  EXPECT_EQ(full.fitting(loose), 4u);
  EXPECT_EQ(full.judge(parcel(3), now), Fate::kStore);
  EXPECT_EQ(full.fitting(loose), 1u);
  EXPECT_EQ(full.judge(parcel(1), now), Fate::kStore);
  EXPECT_EQ(full.fitting(loose), 12u) << "all of it waits or is refused";
  EXPECT_EQ(full.judge(loose, now), Fate::kWait) << "in parts it will fit";
}

TEST_F(FullQueuesTest, DuplicatesNeedNoRoom) {
  note(1, Overflow::kRaise);
  Admitted some = parcel(3);
  EXPECT_EQ(full.judge(some, now), Fate::kRefuse);
  some.known = 2;
  EXPECT_EQ(full.judge(some, now), Fate::kStore);
  EXPECT_EQ(full.judge(parcel(1), now), Fate::kRefuse);
}

TEST_F(FullQueuesTest, WhatWaitsIsGivenBackAtTheEnd) {
  note(0, Overflow::kBlock);
  full.hold(parcel(1), now);
  now += milliseconds(50);
  full.hold(parcel(2), now);
  EXPECT_EQ(full.take_over(milliseconds(50), now).size(), 1u);
  EXPECT_EQ(full.take_all().size(), 1u);
  EXPECT_TRUE(full.is_empty());
}

}  // namespace
}  // namespace msgq
