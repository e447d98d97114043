#include "transport/memory/range.h"

#include <gtest/gtest.h>

#include "conformance/harness.h"

namespace msgq::transport::memory {
namespace {

using test::block_of;
using test::numbered;

Range range_of(std::initializer_list<std::uint32_t> counts) {
  Range range;
  std::uint64_t seq = 0;
  for (const std::uint32_t count : counts) range.add({++seq, block_of(numbered(count)), 0, count});
  return range;
}

Room room_of(std::uint32_t count, std::uint64_t bytes = Room::kAnyBytes) {
  return {count, bytes, false};
}

TEST(Range, LocatesOrdinalsAcrossBlocks) {
  const Range range = range_of({3, 1, 4});
  EXPECT_EQ(range.count, 8u);
  EXPECT_EQ(range.locate(2).second, 2u);
  EXPECT_EQ(range.locate(3).first, &range.parts[1]);
  EXPECT_EQ(range.locate(7).first, &range.parts[2]);
  EXPECT_EQ(range.locate(7).second, 3u);
}

TEST(Range, ASplitLosesNothing) {
  Range range = range_of({3, 1, 4});
  range.done.set(1);
  range.done.set(5);
  range.left = 6;
  range.attempt = 2;
  const std::uint64_t bytes = range.bytes;
  Room room = room_of(3);
  const Range front = split_front(range, room);
  EXPECT_EQ(front.left, 3u);
  EXPECT_EQ(range.left, 3u);
  EXPECT_EQ(front.count + range.count, 8u);
  EXPECT_EQ(front.bytes + range.bytes, bytes);
  EXPECT_EQ(front.attempt, 2u);
  EXPECT_EQ(range.attempt, 2u);
  EXPECT_TRUE(front.done.has(1));
  EXPECT_FALSE(front.done.has(2));
  EXPECT_EQ(range.done.count(), 1u);
  EXPECT_TRUE(room.is_spent());
}

TEST(Range, IsTakenWholeWhenTheRestIsSmall) {
  Range range = range_of({6});
  Room room = room_of(4);
  EXPECT_EQ(split_front(range, room).count, 6u);
  EXPECT_EQ(range.count, 0u);
}

TEST(Range, GivesOneMessageAlsoWhenThereIsNoRoomForItsBytes) {
  Range range = range_of({10});
  range.done.set_range(2, 10);
  range.left = 2;
  Room room = room_of(2, 1);
  room.extra = 0;
  const Range front = split_front(range, room);
  EXPECT_EQ(front.left, 1u) << "one message although there is no room for its bytes";
  EXPECT_EQ(range.left, 1u);
}

TEST(Range, AloneIsOneRangeEach) {
  Range range = range_of({3, 2});
  range.done.set(0);
  range.left = 4;
  range.attempt = 5;
  const auto alone = split_alone(range);
  ASSERT_EQ(alone.size(), 4u);
  for (const Range& one : alone) {
    EXPECT_EQ(one.count, 1u);
    EXPECT_EQ(one.left, 1u);
    EXPECT_EQ(one.attempt, 5u);
    EXPECT_TRUE(one.is_suspect);
  }
  EXPECT_EQ(alone[2].parts[0].first, 0u);
  EXPECT_EQ(alone[3].parts[0].first, 1u);
}

}  // namespace
}  // namespace msgq::transport::memory
