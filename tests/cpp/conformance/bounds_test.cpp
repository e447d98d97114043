// Promise: a queue holds at most as many messages as it may, whoever sends them: what is more is
// refused as a whole, with nothing done, or the oldest that wait make room.
#include <thread>

#include "conformance/harness.h"

namespace msgq::test {
namespace {

using transport::QueueFull;

class BoundsConformance : public ConformanceTest {
 protected:
  void bound(std::uint64_t length_max, Overflow overflow = Overflow::kRaise) {
    QueueChange change;
    change.creates = true;
    change.length_max = length_max;
    change.overflow = overflow;
    observer().alter(kQueue, change);
  }
  // Processes that only send look for new settings now and then.
  void pass_a_second() { clock().advance(std::chrono::seconds(1)); }
  // Sends messages whose dedup ids are remembered until they are done. How many were there before.
  static std::size_t duplicates(Process& process, const std::vector<std::string>& ids) {
    Parcel parcel;
    parcel.first_id = draw_ids(ids.size(), FakeClock::kWallStartMs);
    for (const auto& id : ids) parcel.add(id, {}, {}, Once{id, Once::Until::kDone, 0}.encode());
    std::vector<Parcel> parcels;
    parcels.push_back(std::move(parcel));
    Exchange in;
    in.appends.push_back({kQueue, transport::Block::build(std::move(parcels), 1)});
    return process.exchange(in).duplicates.size();
  }
  // What the store says when it refuses; empty when it does not.
  static std::optional<QueueFull> refusal_of(Process& process,
                                             const std::vector<std::string>& bodies,
                                             std::uint8_t band = kPriorityNormal) {
    Exchange in;
    in.appends.push_back({kQueue, block_of(bodies), band});
    ExchangeResult out;
    try {
      process.session().exchange(in, out);
    } catch (const QueueFull& full) {
      return full;
    }
    return std::nullopt;
  }
};

TEST_P(BoundsConformance, WhatIsMoreIsRefusedWithNothingDone) {
  bound(3);
  Process& process = join();
  process.append(numbered(2));
  const auto full = refusal_of(process, numbered(2));
  ASSERT_TRUE(full);
  EXPECT_EQ(full->queue, kQueue);
  EXPECT_EQ(full->room, 1u);
  EXPECT_EQ(full->settings.overflow, Overflow::kRaise);
  EXPECT_EQ(depth().sent, 2u);
  EXPECT_FALSE(refusal_of(process, {"2"}));
  EXPECT_TRUE(refusal_of(process, {"3"}));
  EXPECT_EQ(drain(process), numbered(3));
  EXPECT_FALSE(refusal_of(process, numbered(3)));
}

TEST_P(BoundsConformance, WhatIsLeasedOrParkedCounts) {
  bound(3);
  Process& process = join();
  process.append({"leased"});
  const Claimed claimed = process.claim_one(1);
  process.park("parked", wall_ms() + 60'000);
  process.append({"waiting"});
  EXPECT_TRUE(refusal_of(process, {"more"}));
  Exchange in;
  in.parks.push_back({kQueue, wall_ms() + 60'000, StoredMessage::copy(block_of({"x"})->view(0))});
  ExchangeResult out;
  EXPECT_THROW(process.session().exchange(in, out), QueueFull);
  EXPECT_TRUE(process.settle(ack_all(claimed)));
  EXPECT_FALSE(refusal_of(process, {"more"}));
  EXPECT_EQ(depth().waiting, 2u);
}

TEST_P(BoundsConformance, ItHoldsAcrossProcesses) {
  bound(4);
  Process& one = join();
  Process& two = join();
  one.append(numbered(2));
  two.append(numbered(2));
  EXPECT_TRUE(refusal_of(one, {"x"}));
  EXPECT_TRUE(refusal_of(two, {"x"}));
  EXPECT_EQ(drain(one).size(), 4u);
  EXPECT_FALSE(refusal_of(two, {"x"}));
}

TEST_P(BoundsConformance, WhatIsEndedWithItMakesRoom) {
  bound(2);
  Process& process = join();
  process.append({"a", "b"});
  const Claimed claimed = process.claim_one(1);
  Exchange in;
  in.settles.push_back(ack_all(claimed));
  in.settles.back().is_required = true;
  in.appends.push_back({kQueue, block_of({"c", "d"})});
  ExchangeResult out;
  try {
    process.session().exchange(in, out);
    ADD_FAILURE() << "three in a queue for two";
  } catch (const QueueFull& full) {
    EXPECT_EQ(full.room, 1u);
  }
  in.appends = {{kQueue, block_of({"c"})}};
  process.session().exchange(in, out);
  EXPECT_EQ(drain(process), (std::vector<std::string>{"b", "c"}));
}

TEST_P(BoundsConformance, AnotherBoundIsSeenByWhoSends) {
  Process& process = join();
  process.append(numbered(3));
  bound(3);
  pass_a_second();
  EXPECT_TRUE(refusal_of(process, {"x"}));
  bound(0);
  pass_a_second();
  EXPECT_FALSE(refusal_of(process, {"x"}));
  bound(2);
  pass_a_second();
  EXPECT_EQ(refusal_of(process, {"x"})->room, 0u);
  EXPECT_EQ(depth().waiting, 4u) << "what is there stays";
}

TEST_P(BoundsConformance, OtherQueuesOfTheExchangeWaitForNobody) {
  bound(1);
  Process& process = join();
  process.append({"x"});
  Exchange in;
  in.appends.push_back({"other", block_of({"y"})});
  in.appends.push_back({kQueue, block_of({"z"})});
  ExchangeResult out;
  EXPECT_THROW(process.session().exchange(in, out), QueueFull);
  in.appends.pop_back();
  process.session().exchange(in, out);
  EXPECT_EQ(drain(process, "other"), std::vector<std::string>{"y"});
  EXPECT_EQ(drain(process), std::vector<std::string>{"x"});
}

TEST_P(BoundsConformance, TheOldestMakeRoom) {
  bound(5, Overflow::kDropOldest);
  Process& process = join();
  process.append(numbered(3));
  process.append(numbered(2, 3));
  process.append(numbered(2, 5));
  EXPECT_EQ(depth().waiting, 5u);
  EXPECT_EQ(depth().purged, 2u);
  process.append(numbered(3, 7));
  EXPECT_EQ(depth().purged, 5u);
  EXPECT_EQ(drain(process), numbered(5, 5));
  EXPECT_EQ(depth().done, 5u);
}

TEST_P(BoundsConformance, WhatIsDroppedMayComeAgainAndDuplicatesDropNothing) {
  bound(2, Overflow::kDropOldest);
  Process& process = join();
  EXPECT_EQ(duplicates(process, {"a"}), 0u);
  EXPECT_EQ(duplicates(process, {"b"}), 0u);
  EXPECT_EQ(duplicates(process, {"a"}), 1u);
  EXPECT_EQ(depth().purged, 0u) << "what is there already takes no room";
  EXPECT_EQ(duplicates(process, {"c"}), 0u);
  EXPECT_EQ(depth().purged, 1u);
  EXPECT_EQ(duplicates(process, {"b"}), 1u);
  EXPECT_EQ(duplicates(process, {"a"}), 0u) << "a was dropped";
  EXPECT_EQ(drain(process), (std::vector<std::string>{"c", "a"}));
}

TEST_P(BoundsConformance, DuplicatesNeedNoRoom) {
  bound(2);
  Process& process = join();
  EXPECT_EQ(duplicates(process, {"a", "b"}), 0u);
  EXPECT_EQ(duplicates(process, {"a"}), 1u);
  try {
    duplicates(process, {"b", "c", "c"});
    ADD_FAILURE() << "there is no room for c";
  } catch (const QueueFull& full) {
    EXPECT_EQ(full.room, 0u);
    ASSERT_EQ(full.duplicates.size(), 2u);
    EXPECT_EQ(full.duplicates[0].number, 0u);
    EXPECT_EQ(full.duplicates[1].number, 2u);
  }
  EXPECT_EQ(drain(process), (std::vector<std::string>{"a", "b"}));
}

// PostgreSQL once freed the ids of the whole block: what was left of it came twice.
TEST_P(BoundsConformance, OfABlockThatIsDroppedInPartTheRestIsRemembered) {
  bound(3, Overflow::kDropOldest);
  Process& process = join();
  EXPECT_EQ(duplicates(process, {"a", "b", "c"}), 0u);
  EXPECT_EQ(duplicates(process, {"d"}), 0u);
  EXPECT_EQ(depth().purged, 1u);
  EXPECT_EQ(duplicates(process, {"b", "c"}), 2u);
  EXPECT_EQ(duplicates(process, {"a"}), 0u);
  EXPECT_EQ(drain(process), (std::vector<std::string>{"c", "d", "a"}));
}

TEST_P(BoundsConformance, OfSeveralPrioritiesTheOldestMakeRoom) {
  bound(2, Overflow::kDropOldest);
  Process& process = join();
  EXPECT_FALSE(refusal_of(process, {"urgent"}, 9));
  clock().advance(std::chrono::milliseconds(5));
  EXPECT_FALSE(refusal_of(process, {"normal"}));
  clock().advance(std::chrono::milliseconds(5));
  EXPECT_FALSE(refusal_of(process, {"new"}));
  EXPECT_EQ(drain(process), (std::vector<std::string>{"normal", "new"}));
}

TEST_P(BoundsConformance, WhatIsInHandIsNeverDropped) {
  bound(3, Overflow::kDropOldest);
  Process& process = join();
  process.append(numbered(3));
  const Claimed claimed =
      process.claim(ClaimWish{kQueue, 2, 0, 30'000, true, false, true}).claims.at(0);
  process.append({"3"});
  EXPECT_TRUE(refusal_of(process, numbered(2)));
  EXPECT_TRUE(refusal_of(process, numbered(4))) << "more than it may ever hold";
  EXPECT_EQ(depth().purged, 1u);
  EXPECT_EQ(depth().leased, 2u);
  EXPECT_TRUE(process.settle(ack_all(claimed)));
  EXPECT_EQ(drain(process), (std::vector<std::string>{"3"}));
}

TEST_P(BoundsConformance, RoomIsWhatThereIsOnceTheOldestHaveGone) {
  bound(3, Overflow::kDropOldest);
  Process& process = join();
  process.append(numbered(3));
  process.claim(ClaimWish{kQueue, 1, 0, 30'000, true, false, true});
  const auto full = refusal_of(process, numbered(4));
  ASSERT_TRUE(full);
  EXPECT_EQ(full->room, 2u);
  EXPECT_EQ(depth().waiting, 2u) << "nothing was done";
}

TEST_P(BoundsConformance, APartOfABlockMayBeDroppedAndTheRestIsRun) {
  bound(4, Overflow::kDropOldest);
  Process& process = join();
  process.append(numbered(4));
  const Claimed first =
      process.claim(ClaimWish{kQueue, 1, 0, 30'000, true, false, true}).claims.at(0);
  process.append({"4"});  // for which the second one goes
  EXPECT_EQ(bodies_of(first), std::vector<std::string>{"0"});
  EXPECT_TRUE(process.settle(ack_all(first)));
  EXPECT_EQ(drain(process), (std::vector<std::string>{"2", "3", "4"}));
  EXPECT_EQ(depth().purged, 1u);
  EXPECT_EQ(depth().done, 4u);
}

TEST_P(BoundsConformance, MessagesOfKeysAreNotDropped) {
  bound(2, Overflow::kDropOldest);
  Process& process = join();
  Parcel parcel;
  parcel.band = band_of(kPriorityNormal, "k");
  parcel.first_id = draw_ids(2, FakeClock::kWallStartMs);
  parcel.add("a", {}, "k");
  parcel.add("b", {}, "k");
  const std::uint8_t band = parcel.band;
  std::vector<Parcel> parcels;
  parcels.push_back(std::move(parcel));
  Exchange in;
  in.appends.push_back(
      {kQueue, transport::Block::build(std::move(parcels), FakeClock::kWallStartMs), band});
  process.exchange(in);
  EXPECT_TRUE(refusal_of(process, {"x"}));
  EXPECT_EQ(drain(process), (std::vector<std::string>{"a", "b"}));
}

MSGQ_CONFORMANCE(BoundsConformance);

}  // namespace
}  // namespace msgq::test
