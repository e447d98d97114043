// Promise: settles, claims, lapses and sweeps of several processes may meet in any order; nothing
// is lost, settled twice or run without a claim, and nobody waits for a client that stopped.
#include <thread>

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

class PostgresSettleInterleavings : public PostgresRoomTest {
 protected:
  std::int64_t number(const std::string& sql) { return std::stoll(ask(sql)); }
  // Lapses every claim whose lease is over by now.
  void expire() { clock().advance(std::chrono::seconds(31)); }
};

std::string row_of(const Claimed& claimed) {
  return "select 1 from :schema.claim where gen = " + std::to_string(claimed.key.gen) +
         " for update";
}

TEST_F(PostgresSettleInterleavings, ASettleThatComesBeforeTheReclaimWins) {
  Process& worker = join();
  Process& other = join();
  worker.append({"x"});
  const Claimed claimed = worker.claim_one(1);
  expire();
  OpenTransaction holder(store().config().schema);
  holder.run(row_of(claimed));
  std::thread settle([&] { EXPECT_TRUE(worker.settle(ack_all(claimed))); });
  holder.await_waiters();
  EXPECT_EQ(other.reclaim(), 0u) << "the row is passed over";
  holder.run("commit");
  settle.join();
  EXPECT_EQ(other.reclaim(), 0u);
  EXPECT_TRUE(other.claim_idle(1).claims.empty());
  EXPECT_EQ(depth().done, 1u);
}

TEST_F(PostgresSettleInterleavings, ASettleThatComesAfterTheReclaimIsLost) {
  Process& worker = join();
  Process& other = join();
  worker.append({"x"});
  const Claimed claimed = worker.claim_one(1);
  expire();
  OpenTransaction reclaim(store().config().schema);
  reclaim.run("update :schema.claim set state = 2 where gen = " + std::to_string(claimed.key.gen));
  std::thread settle([&] { EXPECT_FALSE(worker.settle(ack_all(claimed))); });
  reclaim.await_waiters();
  reclaim.run("commit");
  settle.join();
  EXPECT_EQ(depth().done, 0u);
  EXPECT_EQ(drain(other), std::vector<std::string>{"x"});
  EXPECT_EQ(depth().done, 1u);
}

TEST_F(PostgresSettleInterleavings, OfTwoOpenClaimsTheNewerMaySettleFirst) {
  Process& worker = join();
  worker.append(numbered(3));
  const Claimed five = worker.claim_one(1), six = worker.claim_one(1);
  EXPECT_TRUE(worker.settle(ack_all(six)));
  EXPECT_EQ(bodies_of(worker.claim_one(1)), std::vector<std::string>{"2"}) << "the position stays";
  EXPECT_TRUE(worker.settle(ack_all(five)));
  EXPECT_EQ(depth().done, 2u);
}

TEST_F(PostgresSettleInterleavings, AClaimIsReclaimedWhileANewerOneAdvances) {
  Process& slow = join();
  Process& quick = join();
  slow.append(numbered(3));
  const Claimed five = slow.claim_one(1);
  expire();
  const Claimed six = quick.claim_one(1);
  EXPECT_EQ(bodies_of(six), std::vector<std::string>{"1"});
  EXPECT_EQ(quick.reclaim(), 1u);
  Exchange both;  // settles 6 and claims: the lapsed 0 again, then on to 2
  both.settles.push_back(ack_all(six));
  both.claims.push_back({kQueue, 2, 0, 30'000, false, false});
  const auto out = quick.exchange(both);
  ASSERT_EQ(out.claims[0].claims.size(), 2u);
  EXPECT_EQ(bodies_of(out.claims[0].claims[0]), std::vector<std::string>{"0"});
  EXPECT_EQ(bodies_of(out.claims[0].claims[1]), std::vector<std::string>{"2"});
  EXPECT_FALSE(slow.settle(ack_all(five)));
  EXPECT_TRUE(quick.settle(ack_all(out.claims[0].claims[1])));
  EXPECT_TRUE(quick.settle(ack_all(out.claims[0].claims[0])));
  EXPECT_EQ(depth().done, 3u);
  EXPECT_TRUE(drain(slow).empty());
}

TEST_F(PostgresSettleInterleavings, BatchedSettlesOfTwoProcessesCross) {
  Process& one = join();
  Process& two = join();
  for (const char* queue : {"a", "b"}) one.append(numbered(20), queue);
  std::vector<Claimed> of_one, of_two;
  for (int i = 0; i < 10; ++i)
    for (const char* queue : {"a", "b"}) {
      of_one.push_back(one.claim_one(1, queue));
      of_two.push_back(two.claim_one(1, queue));
    }
  const auto settle = [](Process& process, std::vector<Claimed> claims, bool backwards) {
    if (backwards) std::reverse(claims.begin(), claims.end());
    Exchange in;
    for (const auto& claimed : claims) in.settles.push_back(ack_all(claimed));
    const auto out = process.exchange(in);
    EXPECT_EQ(out.settle_lost, std::vector<bool>(20, false));
  };
  std::thread crossing([&] { settle(two, of_two, true); });
  settle(one, of_one, false);
  crossing.join();
  EXPECT_EQ(depth("a").done + depth("b").done, 40u);
}

TEST_F(PostgresSettleInterleavings, OneLostLeaseInABatchUndoesNoOther) {
  Process& worker = join();
  worker.append(numbered(10));
  std::vector<Claimed> claims;
  for (int i = 0; i < 10; ++i) claims.push_back(worker.claim_one(1));
  ask("update :schema.claim set state = 2 where gen = " + std::to_string(claims[4].key.gen));
  Exchange in;
  for (const auto& claimed : claims) in.settles.push_back(ack_all(claimed));
  add_dead(in.settles[4], claims[4], 0, "never written");
  const auto out = worker.exchange(in);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(out.settle_lost[i], i == 4) << i;
  EXPECT_EQ(depth().done, 9u);
  EXPECT_EQ(depth().dead, 0u);
  EXPECT_EQ(drain(worker), std::vector<std::string>{"4"});
}

TEST_F(PostgresSettleInterleavings, TwoHalvesOfABlockSettledAtTheSameMomentLeaveNoBlock) {
  Process& one = join();
  Process& two = join();
  one.append(numbered(10));
  const Claimed front = one.claim({kQueue, 5, 0, 30'000, false, false, true}).claims.at(0);
  const Claimed back = two.claim({kQueue, 5, 0, 30'000, false, false, true}).claims.at(0);
  OpenTransaction holder(store().config().schema);
  holder.run("select 1 from :schema.claim for update");
  std::thread first([&] { EXPECT_TRUE(one.settle(ack_all(front))); });
  std::thread second([&] { EXPECT_TRUE(two.settle(ack_all(back))); });
  holder.await_waiters(2);
  holder.run("commit");
  first.join();
  second.join();
  EXPECT_EQ(number("select count(*) from :schema.block"), 1);
  one.session().tidy(Nanos::max());
  EXPECT_EQ(number("select count(*) from :schema.block"), 0);
  EXPECT_EQ(depth().done, 10u);
}

TEST_F(PostgresSettleInterleavings, BlocksClaimedInPartsDoNotPileUp) {
  Process& worker = join();
  for (int i = 0; i < 100; ++i) worker.append(numbered(3));
  for (int i = 0; i < 150; ++i) {
    const Claimed claimed = worker.claim({kQueue, 2, 0, 30'000, false, false, true}).claims.at(0);
    EXPECT_TRUE(worker.settle(ack_all(claimed)));
  }
  EXPECT_EQ(depth().done, 300u);
  EXPECT_LT(number("select count(*) from :schema.block"), 70) << "of 100, without a pause";
  EXPECT_LT(number("select count(*) from :schema.claim"), 70);
  worker.session().tidy(Nanos::max());
  EXPECT_EQ(number("select count(*) from :schema.block"), 0);
}

TEST_F(PostgresSettleInterleavings, WhatDeadProcessesLeftIsSweptInItsTurn) {
  Process& victim = join();
  for (const char* queue : {"a", "b", "c"}) {
    victim.append(numbered(4), queue);
    const Claimed claimed = victim.claim({queue, 2, 0, 30'000, false, false, true}).claims.at(0);
    EXPECT_TRUE(victim.settle(ack_all(claimed)));
    EXPECT_TRUE(
        victim.settle(ack_all(victim.claim({queue, 2, 0, 30'000, false, false, true}).claims[0])));
  }
  victim.kill();
  EXPECT_EQ(number("select count(*) from :schema.block"), 3);
  Process& other = join();
  transport::Exchange poll;  // of somebody who is idle
  poll.is_poll = poll.reclaims = true;
  for (const char* queue : {"a", "b", "c"}) poll.claims.push_back({queue, 1, 0, 30'000});
  for (int i = 0; i < 4; ++i) {
    clock().advance(std::chrono::seconds(2));
    other.exchange(poll);
  }
  EXPECT_EQ(number("select count(*) from :schema.block"), 0);
}

TEST_F(PostgresSettleInterleavings, ASweepBetweenClaimAndSettleTakesNothingThatIsHeld) {
  Process& worker = join();
  worker.append(numbered(4));
  worker.append(numbered(4, 4));
  const Claimed first = worker.claim({kQueue, 2, 0, 30'000, false, false, true}).claims.at(0);
  const Claimed rest = worker.claim({kQueue, 6, 0, 30'000, false, false, true}).claims.at(0);
  const std::string sweep = "select :schema.sweep_lane(subscription, lane, 0) from :schema.cursor";
  ask(sweep);
  EXPECT_EQ(number("select count(*) from :schema.block"), 2);
  EXPECT_TRUE(worker.settle(ack_all(rest)));
  ask(sweep);
  EXPECT_EQ(number("select count(*) from :schema.block"), 1) << "the first half is still held";
  expire();
  EXPECT_EQ(worker.reclaim(), 1u);
  ask(sweep);
  EXPECT_EQ(drain(worker), (std::vector<std::string>{"0", "1"}))
      << "a lapsed claim keeps its block";
  EXPECT_FALSE(worker.settle(ack_all(first)));
  ask(sweep);
  EXPECT_EQ(number("select count(*) from :schema.block"), 0);
}

TEST_F(PostgresSettleInterleavings, AClaimThatLapsedWasSettledAndDeletedIsNotDelivered) {
  Process& slow = join();
  Process& quick = join();
  slow.append(numbered(3));
  // Between the claim's commit and the reading of its bodies, others do all that.
  ask("alter function :schema.read_claims rename to read_claims_now");
  ask("create function :schema.read_claims(p_owner bigint, p_request bigint, p_after bigint, "
      "p_subscriptions int[], p_lanes int[], p_known bigint[]) "
      "returns table (subscription int, lane int, gen bigint, attempt int, crashes int, "
      "is_suspect boolean, lo_seq bigint, lo_index int, hi_seq bigint, hi_index int, n int, "
      "done text, lease_ms bigint, seq bigint, count int, checksum bigint, frames bytea) "
      "language plpgsql volatile as $$ begin "
      "perform pg_advisory_xact_lock(77, p_owner::bit(32)::int) from :schema.owner o "
      "where o.id = p_owner and o.process = (select min(id) from :schema.process); "
      "return query select * from :schema.read_claims_now(p_owner, p_request, p_after, "
      "p_subscriptions, p_lanes, p_known); end $$");
  OpenTransaction holder(store().config().schema);
  holder.run(
      "select pg_advisory_xact_lock(77, o.id::bit(32)::int) from :schema.owner o "
      "where o.process = (select min(id) from :schema.process)");
  std::thread claim([&] { EXPECT_TRUE(slow.claim(3).claims.empty()); });
  holder.await_waiters();
  expire();
  EXPECT_EQ(quick.reclaim(), 1u);
  EXPECT_EQ(drain(quick), numbered(3)) << "a client that reads slowly stops nobody";
  EXPECT_EQ(number("select count(*) from :schema.block"), 0);
  holder.run("commit");
  claim.join();
  EXPECT_EQ(depth().done, 3u);
}

}  // namespace
}  // namespace msgq::test
