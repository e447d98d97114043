// Promise: a settle is done whole or not at all, by whoever holds the lease, once; the gen is the
// fence, and a stale settle changes nothing and says so.
#include "conformance/harness.h"

namespace msgq::test {
namespace {

class SettleConformance : public ConformanceTest {};

TEST_P(SettleConformance, AWholeClaimIsDoneAndGone) {
  Process& process = join();
  process.append(numbered(5));
  const Claimed claimed = process.claim_one(10);
  EXPECT_EQ(depth().leased, 5u);
  EXPECT_TRUE(process.settle(ack_all(claimed)));
  EXPECT_EQ(depth().done, 5u);
  EXPECT_EQ(depth().leased, 0u);
  EXPECT_FALSE(process.settle(ack_all(claimed))) << "a claim settles once";
  EXPECT_EQ(depth().done, 5u);
}

TEST_P(SettleConformance, PartsAddUp) {
  Process& process = join();
  process.append(numbered(10));
  const Claimed claimed = process.claim_one(10);
  const SettleOrder first = ack_some(claimed, {3, 0, 9});
  EXPECT_TRUE(process.settle(first));
  EXPECT_EQ(depth().done, 3u);
  EXPECT_EQ(depth().leased, 7u);
  const SettleOrder second = ack_some(claimed, {1, 2}, first.done);
  EXPECT_TRUE(process.settle(second));
  SettleOrder last = ack_some(claimed, {4, 5, 6, 7, 8}, second.done);
  last.is_whole = true;
  EXPECT_TRUE(process.settle(last));
  EXPECT_EQ(depth().done, 10u);
  EXPECT_FALSE(process.settle(last));
}

TEST_P(SettleConformance, ALaterClaimMaySettleFirst) {
  Process& process = join();
  for (std::uint32_t i = 0; i < 6; ++i) process.append({std::to_string(i)});
  std::vector<Claimed> claims;
  for (int i = 0; i < 6; ++i) claims.push_back(process.claim_one(1));
  for (const std::size_t i : {5u, 1u, 4u, 0u, 3u, 2u})
    EXPECT_TRUE(process.settle(ack_all(claims[i])));
  EXPECT_EQ(depth().done, 6u);
  process.append({"after"});
  EXPECT_EQ(drain(process), (std::vector<std::string>{"after"}));
}

TEST_P(SettleConformance, TwoHalvesOfABlockSettleAtTheSameMoment) {
  Process& one = join();
  Process& two = join();
  one.append(numbered(10));
  const Claimed front = one.claim_one(5), back = two.claim_one(5);
  Exchange both;  // one exchange may settle for several claims, also of one block
  both.settles = {ack_all(back)};
  EXPECT_FALSE(two.exchange(both).settle_lost[0]);
  EXPECT_EQ(depth().leased, 5u);
  both.settles = {ack_all(front)};
  EXPECT_FALSE(one.exchange(both).settle_lost[0]);
  EXPECT_EQ(depth().done, 10u);
  EXPECT_TRUE(drain(one).empty());
}

TEST_P(SettleConformance, HalvesOfABlockInOneExchange) {
  Process& process = join();
  process.append(numbered(10));
  const Claimed front = process.claim_one(5), back = process.claim_one(5);
  Exchange in;
  in.settles = {ack_all(back), ack_all(front)};
  const auto out = process.exchange(in);
  EXPECT_EQ(out.settle_lost, (std::vector<bool>{false, false}));
  EXPECT_EQ(depth().done, 10u);
}

TEST_P(SettleConformance, AStaleSettleChangesNothingAndSaysSo) {
  Process& slow = join();
  Process& quick = join();
  slow.append(numbered(3));
  const Claimed stale = slow.claim_one(3);
  clock().advance(std::chrono::seconds(31));
  EXPECT_EQ(quick.reclaim(), 1u);
  const Claimed fresh = quick.claim_one(3);
  SettleOrder order = ack_some(stale, {0});
  add_back(order, stale, 1, SettleOrder::Return::kRetry, wall_ms());
  add_dead(order, stale, 2, "no");
  order.is_whole = true;
  EXPECT_FALSE(slow.settle(order));
  EXPECT_FALSE(slow.settle(give_back(stale)));
  EXPECT_FALSE(slow.extend(stale, clock().boot_ms() + 99'000));
  EXPECT_EQ(depth().leased, 3u);
  EXPECT_EQ(depth().parked + depth().dead + depth().done, 0u);
  EXPECT_TRUE(quick.settle(ack_all(fresh)));
  EXPECT_FALSE(slow.settle(ack_all(stale)));
  EXPECT_EQ(depth().done, 3u);
}

TEST_P(SettleConformance, AStaleSettleOfALapsedClaimThatNobodyTookIsLostToo) {
  Process& process = join();
  process.append({"x"});
  const Claimed claimed = process.claim_one(1);
  clock().advance(std::chrono::seconds(31));
  EXPECT_EQ(process.reclaim(), 1u);
  EXPECT_FALSE(process.settle(ack_all(claimed)));
  EXPECT_EQ(depth().waiting, 1u);
}

TEST_P(SettleConformance, AnotherGenOrOwnerIsAStranger) {
  Process& process = join();
  process.append({"x"});
  const Claimed claimed = process.claim_one(1);
  for (int i = 0; i < 4; ++i) {
    SettleOrder order = ack_all(claimed);
    if (i == 0) ++order.claim.gen;
    if (i == 1) ++order.claim.owner;
    if (i == 2) ++order.claim.lane;
    if (i == 3) ++order.claim.subscription;
    EXPECT_FALSE(process.settle(order)) << i;
  }
  EXPECT_TRUE(process.settle(ack_all(claimed)));
}

TEST_P(SettleConformance, OneLostLeaseInABatchOfManyUndoesNoOther) {
  Process& process = join();
  std::vector<Claimed> claims;
  for (int i = 0; i < 9; ++i) {
    process.append(numbered(4));
    claims.push_back(process.claim_one(4));
  }
  EXPECT_TRUE(process.settle(give_back(claims[4])));
  Exchange in;
  for (const auto& claimed : claims) in.settles.push_back(ack_all(claimed));
  const auto out = process.exchange(in);
  for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(out.settle_lost[i], i == 4) << i;
  EXPECT_EQ(depth().done, 32u);
  EXPECT_EQ(depth().waiting, 4u);
}

TEST_P(SettleConformance, BatchedSettlesOfTwoProcessesCross) {
  Process& one = join();
  Process& two = join();
  one.append(numbered(40));
  Exchange first, second;
  // Their claims lie between each other, and settle in opposite order.
  for (int i = 0; i < 10; ++i) {
    first.settles.push_back(ack_all(one.claim_one(2)));
    second.settles.insert(second.settles.begin(), ack_all(two.claim_one(2)));
  }
  EXPECT_EQ(one.exchange(first).settle_lost, std::vector<bool>(10, false));
  EXPECT_EQ(two.exchange(second).settle_lost, std::vector<bool>(10, false));
  EXPECT_EQ(depth().done, 40u);
}

TEST_P(SettleConformance, TidyingBetweenTakesNothingThatIsHeld) {
  Process& process = join();
  process.append(numbered(9));
  const Claimed open = process.claim_one(3), settled = process.claim_one(3);
  EXPECT_TRUE(process.settle(ack_all(settled)));
  const auto tidy = [&] {
    for (int i = 0; i < 5; ++i) process.session().tidy(std::chrono::milliseconds(10));
  };
  tidy();
  EXPECT_TRUE(process.settle(ack_some(open, {1})));
  tidy();
  EXPECT_TRUE(process.settle(give_back(open)));
  tidy();
  EXPECT_EQ(drain(process), (std::vector<std::string>{"0", "2", "6", "7", "8"}));
  tidy();
  EXPECT_EQ(depth().done, 9u);
}

TEST_P(SettleConformance, EachOutcomeGoesItsOwnWay) {
  Process& process = join();
  process.append(numbered(4));
  const Claimed claimed = process.claim_one(4);
  SettleOrder order = ack_some(claimed, {0});
  add_back(order, claimed, 1, SettleOrder::Return::kRetry, wall_ms() + 1'000);
  add_back(order, claimed, 2, SettleOrder::Return::kSnooze, wall_ms() + 2'000);
  add_dead(order, claimed, 3, "bad address");
  order.is_whole = true;
  EXPECT_TRUE(process.settle(order));
  const QueueDepth d = depth();
  EXPECT_EQ(d.done, 1u);
  EXPECT_EQ(d.parked, 2u);
  EXPECT_EQ(d.dead, 1u);
  EXPECT_EQ(d.leased, 0u);
  const auto letters = process.look().dead(kQueue, "", 10);
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].reason, "bad address");
  EXPECT_EQ(letters[0].message.body, "3");
  EXPECT_EQ(letters[0].message.counts.deliveries, 1u);
}

TEST_P(SettleConformance, WhatIsGivenBackIsClaimedAgainWithoutAnAttemptCounted) {
  Process& one = join();
  Process& two = join();
  one.append(numbered(6));
  const Claimed claimed = one.claim_one(6);
  EXPECT_TRUE(one.settle(ack_some(claimed, {0, 2})));
  EXPECT_TRUE(one.settle(give_back(claimed)));
  EXPECT_EQ(depth().waiting, 4u);
  const Claimed again = two.claim_one(6);
  EXPECT_EQ(again.attempt, 1u);
  EXPECT_EQ(bodies_of(again), (std::vector<std::string>{"1", "3", "4", "5"}));
  EXPECT_TRUE(two.settle(ack_all(again)));
  EXPECT_EQ(depth().done, 6u);
}

TEST_P(SettleConformance, SomeDecidedAndTheRestGivenBackInOneSettle) {
  Process& process = join();
  process.append(numbered(4));
  const Claimed claimed = process.claim_one(4);
  SettleOrder order = ack_some(claimed, {1});
  add_back(order, claimed, 3, SettleOrder::Return::kRetry, wall_ms() + 1'000);
  order.gives_back = true;
  EXPECT_TRUE(process.settle(order));
  EXPECT_EQ(depth().done, 1u);
  EXPECT_EQ(depth().parked, 1u);
  EXPECT_EQ(bodies_of(process.claim_one(4)), (std::vector<std::string>{"0", "2"}));
}

TEST_P(SettleConformance, WhatWasGivenBackMayBeCutAgain) {
  Process& process = join();
  process.append(numbered(10));
  const Claimed claimed = process.claim_one(10);
  EXPECT_TRUE(process.settle(ack_some(claimed, {1, 4})));
  EXPECT_TRUE(process.settle(give_back(claimed)));
  std::vector<std::string> seen;
  for (int i = 0; i < 4; ++i) {
    const Claimed part = process.claim_one(2);
    const auto bodies = bodies_of(part);
    EXPECT_EQ(bodies.size(), 2u);
    seen.insert(seen.end(), bodies.begin(), bodies.end());
    EXPECT_TRUE(process.settle(ack_all(part)));
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"0", "2", "3", "5", "6", "7", "8", "9"}));
  EXPECT_EQ(depth().done, 10u);
}

TEST_P(SettleConformance, SettleAppendAndClaimInOneExchange) {
  Process& process = join();
  process.append(numbered(2));
  Claimed claimed = process.claim_one(2);
  for (std::uint32_t round = 1; round < 30; ++round) {
    Exchange in;
    in.settles.push_back(ack_all(claimed));
    in.appends.push_back({kQueue, block_of(numbered(2, 2 * round))});
    in.claims.push_back({kQueue, 2, 0, 30'000, false, false});
    const auto out = process.exchange(in);
    EXPECT_FALSE(out.settle_lost.at(0));
    ASSERT_EQ(out.claims.at(0).claims.size(), 1u);
    claimed = out.claims[0].claims[0];
    EXPECT_EQ(bodies_of(claimed), numbered(2, 2 * round));
  }
  EXPECT_EQ(depth().done, 58u);
}

TEST_P(SettleConformance, AClosedSessionGivesBackUncounted) {
  Process& leaver = join();
  Process& other = join();
  leaver.append(numbered(3));
  const Claimed claimed = leaver.claim_one(3);
  leaver.session().close();
  const Claimed again = other.claim_one(3);
  EXPECT_EQ(again.attempt, 1u);
  EXPECT_EQ(bodies_of(again), numbered(3));
  EXPECT_FALSE(other.settle(ack_all(claimed)));
}

MSGQ_CONFORMANCE(SettleConformance);

}  // namespace
}  // namespace msgq::test
