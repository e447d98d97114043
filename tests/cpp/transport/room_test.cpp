#include "transport/room.h"

#include <gtest/gtest.h>

#include "support/road.h"

namespace msgq::transport {
namespace {

BlockPtr block_of(std::vector<std::string> bodies) {
  std::vector<Parcel> parcels;
  parcels.push_back(test::parcel_of(std::move(bodies)));
  return Block::build(std::move(parcels), 0);
}

Room room(std::uint32_t count, std::uint64_t bytes = 0) { return {count, bytes, false}; }

TEST(Room, ABlockIsNotCutWhenItsRestIsNearlyWished) {
  const auto block = block_of(test::numbers(15));
  EXPECT_EQ(fit(room(10), *block, 0), 15U);
  EXPECT_EQ(fit(room(9), *block, 0), 9U);
  EXPECT_EQ(fit(room(9), *block, 5), 10U);
  EXPECT_EQ(fit(Room(10, 0, true), *block, 0), 10U);
}

TEST(Room, BytesBoundButOneMessageAlwaysFits) {
  const auto block = block_of(std::vector<std::string>(10, std::string(100, 'x')));
  EXPECT_EQ(fit(room(10, 350), *block, 0), 3U);
  EXPECT_EQ(fit(room(100, 350), *block, 8), 2U);
  EXPECT_EQ(fit(room(10, 1), *block, 0), 1U);
  EXPECT_EQ(fit(Room::for_one(), *block, 3), 1U);
  Room spent = room(10, 1);
  spent.spend(1, 101);
  EXPECT_EQ(fit(spent, *block, 1), 0U);
}

TEST(Room, IsSpentByCountOrByBytes) {
  Room by_count = room(3, 1'000), by_bytes = room(3, 100);
  by_count.spend(3, 10);
  by_bytes.spend(1, 100);
  EXPECT_TRUE(by_count.is_spent());
  EXPECT_TRUE(by_bytes.is_spent());
  EXPECT_FALSE(room(1, 1).is_spent());
}

TEST(Room, HasWhatSparesACut) {
  EXPECT_TRUE(room(10, 100).has(15, 100));
  EXPECT_FALSE(room(10, 100).has(16, 100));
  EXPECT_FALSE(room(10, 100).has(15, 101));
}

}  // namespace
}  // namespace msgq::transport
