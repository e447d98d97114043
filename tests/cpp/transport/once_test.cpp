#include "transport/once.h"

#include <gtest/gtest.h>

#include "support/fake_clock.h"

namespace msgq::transport {
namespace {

Parcel parcel_of(const std::vector<std::string>& ids) {
  Parcel out;
  out.type = "t";
  out.first_id = draw_ids(ids.size(), test::FakeClock::kWallStartMs);
  for (const auto& id : ids)
    out.add("body " + id, {}, {}, Once{id, Once::Until::kWindow, 1'000}.encode());
  return out;
}

Exchange exchange_of(const std::vector<std::vector<std::string>>& blocks,
                     const std::vector<std::string>& parks) {
  Exchange out;
  for (const auto& ids : blocks) {
    std::vector<Parcel> parcels;
    parcels.push_back(parcel_of(ids));
    out.appends.push_back({"q", Block::build(std::move(parcels), 1)});
  }
  for (const auto& id : parks)
    out.parks.push_back({"q", 5, StoredMessage::copy(parcel_of({id}).view(0))});
  return out;
}

Duplicate at(std::size_t number) { return {number, {}, true}; }

TEST(OnceWishes, AreNumberedThroughBlocksAndParks) {
  const Exchange in = exchange_of({{"a", ""}, {"b"}}, {"", "c"});
  const auto wishes = once_wishes(in);
  ASSERT_EQ(wishes.size(), 3u);
  EXPECT_EQ(wishes[0].number, 0u);
  EXPECT_EQ(wishes[1].number, 2u);
  EXPECT_EQ(wishes[2].number, 4u);
  EXPECT_EQ(wishes[2].once.id, "c");
  EXPECT_EQ(wishes[1].until_ms(7), 1'007);
}

TEST(OnceWishes, ABlockWithoutIdsHasNone) {
  EXPECT_TRUE(once_wishes(exchange_of({{"", ""}}, {""})).empty());
  EXPECT_FALSE(exchange_of({{"", ""}}, {}).appends[0].block->has_once());
}

TEST(Fresh, LeavesOutDuplicatesAndKeepsTheRestAsItWas) {
  const Exchange in = exchange_of({{"a", "b", "c"}, {"d"}, {"e"}}, {"f", "g"});
  const Exchange out = without(in, {at(1), at(3), at(5)});
  ASSERT_EQ(out.appends.size(), 2u);
  ASSERT_EQ(out.appends[0].block->count(), 2u);
  const MessageView before = in.appends[0].block->view(2), after = out.appends[0].block->view(1);
  EXPECT_EQ(after.body, "body c");
  EXPECT_EQ(after.id, before.id);
  EXPECT_EQ(after.type, before.type);
  EXPECT_EQ(after.once, before.once);
  EXPECT_EQ(after.enqueued_ms, before.enqueued_ms);
  EXPECT_EQ(out.appends[1].block, in.appends[2].block) << "untouched";
  ASSERT_EQ(out.parks.size(), 1u);
  EXPECT_EQ(out.parks[0].message.body, "body g");
}

}  // namespace
}  // namespace msgq::transport
