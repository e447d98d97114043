#include "transport/postgres/once_filter.h"

#include <gtest/gtest.h>

#include "support/fake_clock.h"
#include "support/outcome.h"

namespace msgq::transport::postgres {
namespace {

Exchange exchange_of(const std::vector<std::string>& ids) {
  Parcel parcel;
  parcel.first_id = draw_ids(ids.size(), test::FakeClock::kWallStartMs);
  for (const auto& id : ids) parcel.add("x", {}, {}, Once{id, Once::Until::kDone, 0}.encode());
  std::vector<Parcel> parcels;
  parcels.push_back(std::move(parcel));
  Exchange out;
  out.appends.push_back({"q", Block::build(std::move(parcels), 1)});
  return out;
}

TEST(OnceFilter, WhatRepeatsInOneExchangeIsNotAskedTwice) {
  const Exchange in = exchange_of({"a", "b", "a"});
  const OnceFilter filter(in);
  EXPECT_TRUE(filter.is_asking());
  const auto twice = filter.duplicates();
  ASSERT_EQ(twice.size(), 1u);
  EXPECT_EQ(twice[0].number, 2u);
  EXPECT_EQ(twice[0].earlier, in.appends[0].block->view(0).id);
}

TEST(OnceFilter, WhatTheServerRemembersIsAskedNoMoreAndRepeatsAreItsToo) {
  const Exchange in = exchange_of({"a", "b", "a"});
  OnceFilter filter(in);
  const MessageId earlier = draw_ids(1, test::FakeClock::kWallStartMs);
  filter.note("1 " + earlier.to_string() + " -5");
  EXPECT_TRUE(filter.is_asking()) << "of b";
  const auto found = filter.duplicates();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].number, 0u);
  EXPECT_EQ(found[1].number, 2u);
  EXPECT_EQ(found[1].earlier, earlier);
  EXPECT_FALSE(found[1].is_same);
  filter.note("1 " + earlier.to_string() + " 7");
  EXPECT_FALSE(filter.is_asking());
}

TEST(OnceFilter, RefusesAnAnswerThatItDoesNotUnderstand) {
  const Exchange in = exchange_of({"a"});
  OnceFilter filter(in);
  EXPECT_EQ(test::code_of([&] { filter.note("one of them"); }), ErrorCode::kStoreRejected);
}

TEST(OnceFilter, AnExchangeWithoutIdsAsksNothing) {
  const OnceFilter filter(exchange_of({""}));
  EXPECT_FALSE(filter.is_asking());
  EXPECT_TRUE(filter.duplicates().empty());
}

}  // namespace
}  // namespace msgq::transport::postgres
