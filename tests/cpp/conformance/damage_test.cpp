// Promise: a block whose stored bytes were spoiled is found by its checksum, counted, and costs
// only itself; nothing false is ever delivered.
#include "conformance/harness.h"

namespace msgq::test {
namespace {

class DamageConformance : public ConformanceTest {};

TEST_P(DamageConformance, ADamagedBlockIsQuarantinedAndCounted) {
  Process& process = join();
  process.append(numbered(7));
  store().damage();
  process.append(numbered(3, 100));
  EXPECT_EQ(drain(join()), numbered(3, 100));  // who wrote a block may still have it
  EXPECT_EQ(depth().quarantined, 7u);
  EXPECT_EQ(depth().waiting, 0u);
}

TEST_P(DamageConformance, OnlyTheDamagedPartOfALapsedRangeIsLost) {
  Process& process = join();
  process.append(numbered(4));
  process.claim_one(4);
  clock().advance(std::chrono::seconds(31));
  process.reclaim();
  store().damage();
  process.append({"good"});
  EXPECT_EQ(drain(join()), (std::vector<std::string>{"good"}));
  EXPECT_EQ(depth().quarantined, 4u);
}

TEST_P(DamageConformance, WhatWasClaimedBeforeTheDamageSettles) {
  Process& process = join();
  process.append(numbered(4));
  const Claimed claimed = process.claim_one(4);
  store().damage();
  EXPECT_TRUE(process.settle(ack_all(claimed)));
  EXPECT_EQ(depth().done, 4u);
  EXPECT_EQ(depth().quarantined, 0u);
}

// They were remembered for thirty days, though nobody will ever run their messages.
TEST_P(DamageConformance, TheDedupIdsThatCanStillBeReadAreFreed) {
  Process& process = join();
  const auto duplicates = [&] {
    Parcel parcel;
    parcel.first_id = draw_ids(2, FakeClock::kWallStartMs);
    for (const char* id : {"first-of-two", "second-of-two"})
      parcel.add("x", {}, {}, Once{id, Once::Until::kDone, 0}.encode());
    std::vector<Parcel> parcels;
    parcels.push_back(std::move(parcel));
    Exchange in;
    in.appends.push_back({kQueue, transport::Block::build(std::move(parcels), 1)});
    return process.exchange(in).duplicates.size();
  };
  EXPECT_EQ(duplicates(), 0u);
  store().scratch();
  EXPECT_EQ(duplicates(), 2u);
  EXPECT_TRUE(drain(join()).empty());
  EXPECT_EQ(depth().quarantined, 2u);
  EXPECT_EQ(duplicates(), 0u);
}

TEST_P(DamageConformance, LookingDoesNotStumbleOverIt) {
  Process& process = join();
  const MessageId first = process.append(numbered(4));
  store().damage();
  process.append({"good"});
  EXPECT_FALSE(process.look().find(kQueue, first).has_value());
  const auto found = process.look().peek(kQueue, "", 10);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].message.body, "good");
  EXPECT_EQ(process.look().depth().at(0).sent, 5u);
}

INSTANTIATE_TEST_SUITE_P(Stores, DamageConformance, ::testing::ValuesIn(durable_store_cases()),
                         store_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DamageConformance);

}  // namespace
}  // namespace msgq::test
