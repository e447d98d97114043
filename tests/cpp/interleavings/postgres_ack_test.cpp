// Promise: a message acknowledged in a transaction of the user's is done if, and only if, that
// commits, at every isolation level and whatever its claim goes through meanwhile; and of the
// user's commit and the process's own outcome exactly one wins.
#include <thread>

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using transport::AckPlace;

constexpr char kLost[] = "MQ010", kTooOld[] = "MQ011", kSettled[] = "MQ012", kDone[] = "";

std::string ack_of(const Claimed& claimed, std::uint32_t ordinal) {
  const auto& key = claimed.key;
  const auto in = [](std::uint64_t value) { return "'{" + std::to_string(value) + "}'"; };
  return "select :schema.ack(" + in(key.subscription) + ", " + in(key.lane) + ", " + in(key.gen) +
         ", " + in(key.owner) + ", " + in(ordinal) + ")";
}

class PostgresAckInterleavings : public PostgresRoomTest,
                                 public ::testing::WithParamInterface<const char*> {
 protected:
  // A transaction of the user's whose snapshot is taken now.
  std::unique_ptr<OpenTransaction> user(const char* isolation = GetParam()) {
    auto out = std::make_unique<OpenTransaction>(store().config().schema, isolation);
    out->run("select 1");
    return out;
  }
  void expire() { clock().advance(std::chrono::seconds(61)); }
  static AckFate fate(Process& process, const Claimed& claimed, std::uint32_t ordinal) {
    return process.look().bar({AckPlace{claimed.key, ordinal}}).at(0);
  }
  std::string rows(const char* table) {
    return ask(std::string("select count(*) from :schema.") + table);
  }
  // Locks a claim as whoever ends it does.
  void hold(OpenTransaction& holder, const Claimed& claimed) {
    holder.run("select 1 from :schema.claim where gen = " + std::to_string(claimed.key.gen) +
               " for update");
  }
  void lapse(OpenTransaction& holder, const Claimed& claimed) {
    holder.run("select :schema.lapse(c) from :schema.claim c where gen = " +
               std::to_string(claimed.key.gen));
  }
};

INSTANTIATE_TEST_SUITE_P(Levels, PostgresAckInterleavings,
                         ::testing::Values("read committed", "repeatable read", "serializable"),
                         [](const auto& each) {
                           std::string name = each.param;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

TEST_P(PostgresAckInterleavings, TheRestOfItsClaimSettlesAndExtendsBesideAnOpenOne) {
  Process& worker = join();
  worker.append(numbered(4));
  const Claimed claimed = worker.claim_one(4);
  const auto own = user();
  EXPECT_EQ(own->state_of(ack_of(claimed, 0)), kDone);
  SettleOrder part = ack_some(claimed, {1});
  part.has_acks = true;
  EXPECT_TRUE(worker.settle(part));
  EXPECT_TRUE(worker.extend(claimed, clock().boot_ms() + 60'000));
  EXPECT_EQ(depth().leased, 3u) << "not before the commit";
  own->run("commit");
  EXPECT_EQ(depth().leased, 2u);
  EXPECT_EQ(depth().done, 2u);
  EXPECT_EQ(fate(worker, claimed, 0), AckFate::kDone);
  SettleOrder rest = ack_all(claimed);
  rest.acked = 3;
  rest.has_acks = true;
  EXPECT_TRUE(worker.settle(rest));
  EXPECT_EQ(depth().done, 4u);
  EXPECT_EQ(rows("acked"), "0");
}

TEST_P(PostgresAckInterleavings, AnExtensionSinceTheSnapshotIsNoHindrance) {
  Process& worker = join();
  worker.append(numbered(3));
  const Claimed claimed = worker.claim_one(3);
  const auto own = user();
  EXPECT_TRUE(worker.extend(claimed, clock().boot_ms() + 60'000));
  EXPECT_TRUE(worker.settle(ack_some(claimed, {2})));
  EXPECT_EQ(own->state_of(ack_of(claimed, 1)), kDone);
  own->run("commit");
  EXPECT_EQ(depth().done, 2u);
}

TEST_P(PostgresAckInterleavings, ALapsePassesOverAnOpenOneAndCountsACommittedOne) {
  Process& worker = join();
  Process& other = join();
  worker.append(numbered(2));
  const Claimed claimed = worker.claim_one(2);
  const auto own = user();
  EXPECT_EQ(own->state_of(ack_of(claimed, 0)), kDone);
  expire();
  EXPECT_EQ(other.reclaim(), 0u);
  own->run("commit");
  EXPECT_EQ(other.reclaim(), 1u);
  EXPECT_EQ(depth().done, 1u);
  EXPECT_EQ(drain(other), std::vector<std::string>{"1"});
  EXPECT_FALSE(worker.settle(ack_all(claimed)));
  EXPECT_EQ(depth().done, 2u);
  EXPECT_EQ(rows("acked"), "0");
}

TEST_P(PostgresAckInterleavings, WhatWasRolledBackIsHandedOutAgain) {
  Process& worker = join();
  Process& other = join();
  worker.append({"x"});
  const Claimed claimed = worker.claim_one(1);
  const auto own = user();
  EXPECT_EQ(own->state_of(ack_of(claimed, 0)), kDone);
  expire();
  EXPECT_EQ(other.reclaim(), 0u);
  own->run("rollback");
  EXPECT_EQ(other.reclaim(), 1u);
  EXPECT_EQ(drain(other), std::vector<std::string>{"x"});
  EXPECT_EQ(depth().done, 1u);
}

TEST_P(PostgresAckInterleavings, ALapsedClaimOfWhichAllIsDoneEnds) {
  Process& worker = join();
  worker.append(numbered(2));
  const Claimed claimed = worker.claim_one(2);
  const auto own = user();
  for (const std::uint32_t i : {0u, 1u}) EXPECT_EQ(own->state_of(ack_of(claimed, i)), kDone);
  own->run("commit");
  expire();
  EXPECT_EQ(worker.reclaim(), 1u);
  EXPECT_TRUE(drain(worker).empty());
  EXPECT_EQ(depth().done, 2u);
  EXPECT_EQ(rows("claim"), "1") << "the position";
  EXPECT_EQ(rows("acked"), "0");
}

TEST_P(PostgresAckInterleavings, AfterTheLapseTheLeaseIsLost) {
  Process& worker = join();
  worker.append(numbered(2));
  const Claimed claimed = worker.claim_one(2);
  const auto own = user();
  expire();
  EXPECT_EQ(worker.reclaim(), 1u);
  EXPECT_EQ(own->state_of(ack_of(claimed, 0)), kLost);
  const auto later = user();
  EXPECT_EQ(later->state_of(ack_of(claimed, 0)), kLost);
  EXPECT_EQ(drain(worker).size(), 2u);
  EXPECT_EQ(user()->state_of(ack_of(claimed, 1)), kLost) << "its row has gone";
}

TEST_P(PostgresAckInterleavings, WhoeverComesDuringALapseWaitsAndFindsTheLeaseLost) {
  Process& worker = join();
  worker.append({"x"});
  const Claimed claimed = worker.claim_one(1);
  const auto own = user();
  OpenTransaction holder(store().config().schema);
  hold(holder, claimed);
  lapse(holder, claimed);
  std::string state;
  std::thread late([&] { state = own->state_of(ack_of(claimed, 0)); });
  holder.await_waiters();
  holder.run("commit");
  late.join();
  EXPECT_EQ(state, kLost);
  EXPECT_EQ(drain(worker), std::vector<std::string>{"x"});
}

TEST_P(PostgresAckInterleavings, WhoeverComesDuringALapseThatIsUndoneHasIt) {
  Process& worker = join();
  worker.append({"x"});
  const Claimed claimed = worker.claim_one(1);
  const auto own = user();
  OpenTransaction holder(store().config().schema);
  hold(holder, claimed);
  lapse(holder, claimed);
  std::string state;
  std::thread late([&] { state = own->state_of(ack_of(claimed, 0)); });
  holder.await_waiters();
  holder.run("rollback");
  late.join();
  EXPECT_EQ(state, kDone);
  own->run("commit");
  EXPECT_EQ(depth().done, 1u);
}

TEST_P(PostgresAckInterleavings, AfterTheSettleOfTheWholeTheLeaseIsLost) {
  Process& worker = join();
  worker.append({"x"});
  const Claimed claimed = worker.claim_one(1);
  const auto own = user();
  SettleOrder whole = ack_all(claimed);
  whole.has_acks = true;
  EXPECT_TRUE(worker.settle(whole));
  EXPECT_EQ(own->state_of(ack_of(claimed, 0)), kLost);
  EXPECT_EQ(user()->state_of(ack_of(claimed, 0)), kLost);
  EXPECT_EQ(depth().done, 1u);
}

TEST_P(PostgresAckInterleavings, ASettleOfTheWholeWaitsForAnOpenOne) {
  Process& worker = join();
  worker.append({"x"});
  const Claimed claimed = worker.claim_one(1);
  const auto own = user();
  EXPECT_EQ(own->state_of(ack_of(claimed, 0)), kDone);
  SettleOrder whole = ack_all(claimed);
  whole.has_acks = true;
  std::thread settle([&] { EXPECT_TRUE(worker.settle(whole)); });
  own->await_waiters();
  own->run("commit");
  settle.join();
  EXPECT_EQ(depth().done, 1u) << "once";
}

TEST_P(PostgresAckInterleavings, OfTwoOfOneMessageTheSecondWaitsForTheFirst) {
  Process& worker = join();
  worker.append(numbered(2));
  const Claimed claimed = worker.claim_one(2);
  for (const bool commits : {false, true}) {
    const auto first = user(), second = user();
    EXPECT_EQ(first->state_of(ack_of(claimed, 0)), kDone);
    EXPECT_EQ(second->state_of(ack_of(claimed, 1)), kDone) << "another message of the claim";
    std::string state;
    std::thread late([&] { state = second->state_of(ack_of(claimed, 0)); });
    first->await_waiters();
    first->run(commits ? "commit" : "rollback");
    late.join();
    EXPECT_EQ(state, commits ? kSettled : kDone);
    second->run("rollback");
  }
  EXPECT_EQ(user()->state_of(ack_of(claimed, 0)), kSettled);
  EXPECT_EQ(depth().done, 1u);
}

TEST_P(PostgresAckInterleavings, ARetryAfterItWaitsForNobodyAndOneOutcomeWins) {
  Process& worker = join();
  worker.append(numbered(2));
  const Claimed claimed = worker.claim_one(2);
  const auto own = user();
  EXPECT_EQ(own->state_of(ack_of(claimed, 0)), kDone);
  EXPECT_EQ(fate(worker, claimed, 0), AckFate::kOpen);
  own->run("rollback");
  EXPECT_EQ(fate(worker, claimed, 0), AckFate::kBarred);
  EXPECT_EQ(fate(worker, claimed, 0), AckFate::kBarred) << "as often as one asks";
  EXPECT_EQ(user()->state_of(ack_of(claimed, 0)), kSettled);
  SettleOrder retry = ack_some(claimed, {0});
  retry.acked = 0;
  retry.has_acks = true;
  add_back(retry, claimed, 0, SettleOrder::Return::kRetry, clock().wall_ms() + 60'000);
  EXPECT_TRUE(worker.settle(retry));
  EXPECT_EQ(depth().parked, 1u);
  const auto next = user();
  EXPECT_EQ(next->state_of(ack_of(claimed, 1)), kDone);
  next->run("commit");
  EXPECT_EQ(fate(worker, claimed, 1), AckFate::kDone) << "the commit came first";
  expire();
  EXPECT_EQ(worker.reclaim(), 1u);
  EXPECT_EQ(depth().done, 1u);
}

TEST_P(PostgresAckInterleavings, AMessageThatWasSettledInPartIsRefused) {
  Process& worker = join();
  worker.append(numbered(2));
  const Claimed claimed = worker.claim_one(2);
  EXPECT_TRUE(worker.settle(ack_some(claimed, {0})));
  EXPECT_EQ(user()->state_of(ack_of(claimed, 0)), kSettled);
}

TEST_P(PostgresAckInterleavings, ATransactionOlderThanTheDeliveryIsToldSo) {
  Process& worker = join();
  worker.append(numbered(2));
  const auto first = user();
  const Claimed one = worker.claim_one(1);
  const bool sees_all = std::string(GetParam()) == "read committed";
  EXPECT_EQ(first->state_of(ack_of(one, 0)), sees_all ? kDone : kTooOld);
  const auto second = user();
  const Claimed two = worker.claim_one(1);
  EXPECT_EQ(second->state_of(ack_of(two, 0)), sees_all ? kDone : kTooOld);
}

TEST_P(PostgresAckInterleavings, TheDeathOfItsProcessCountsWhatWasCommitted) {
  Process& victim = join();
  Process& other = join();
  victim.append(numbered(3));
  const Claimed claimed = victim.claim_one(3);
  const auto own = user();
  EXPECT_EQ(own->state_of(ack_of(claimed, 0)), kDone);
  own->run("commit");
  EXPECT_EQ(fate(victim, claimed, 1), AckFate::kBarred) << "its own outcome was never told";
  victim.kill();
  EXPECT_EQ(other.reclaim(), 1u);
  EXPECT_EQ(drain(other), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(depth().done, 3u);
}

// Its process did not live to free them: they were remembered for thirty days.
TEST_P(PostgresAckInterleavings, WhoeverTakesTheCommittedOverFreesTheirDedupIds) {
  Process& victim = join();
  Process& other = join();
  const auto send = [&](const std::vector<std::string>& ids) {
    Parcel parcel;
    parcel.first_id = draw_ids(ids.size(), FakeClock::kWallStartMs);
    for (const auto& id : ids) parcel.add(id, {}, {}, Once{id, Once::Until::kDone, 0}.encode());
    std::vector<Parcel> parcels;
    parcels.push_back(std::move(parcel));
    Exchange in;
    in.appends.push_back({kQueue, transport::Block::build(std::move(parcels), 1)});
    return other.exchange(in).duplicates.size();
  };
  EXPECT_EQ(send({"a", "b"}), 0u);
  EXPECT_EQ(send({"c", "d"}), 0u);
  const auto answer = victim.claim(4);
  ASSERT_EQ(answer.claims.size(), 1u);
  const Claimed& claimed = answer.claims[0];
  ASSERT_EQ(claimed.parts.size(), 2u);
  const auto own = user();
  EXPECT_EQ(own->state_of(ack_of(claimed, 1)), kDone);
  EXPECT_EQ(own->state_of(ack_of(claimed, 2)), kDone);
  own->run("commit");
  EXPECT_EQ(send({"b"}), 1u) << "nobody has taken it over yet";
  victim.kill();
  EXPECT_EQ(other.reclaim(), 1u);
  EXPECT_EQ(send({"a", "d"}), 2u) << "they will run again";
  EXPECT_EQ(send({"b", "c"}), 0u);
}

TEST_P(PostgresAckInterleavings, AnOpenOneOfADeadProcessHoldsItsClaimUntilItEnds) {
  Process& victim = join();
  Process& other = join();
  victim.append({"x"});
  const Claimed claimed = victim.claim_one(1);
  const auto own = user();
  EXPECT_EQ(own->state_of(ack_of(claimed, 0)), kDone);
  victim.kill();
  EXPECT_EQ(other.reclaim(), 0u);
  own->run("rollback");
  clock().advance(std::chrono::seconds(15));  // what is left of its lease is not waited for
  other.reclaim();
  EXPECT_EQ(drain(other), std::vector<std::string>{"x"});
}

TEST_P(PostgresAckInterleavings, AProcessLeavesBesideAnOpenOne) {
  Process& worker = join();
  Process& other = join();
  worker.append(numbered(2));
  const Claimed claimed = worker.claim_one(2);
  const auto own = user();
  EXPECT_EQ(own->state_of(ack_of(claimed, 0)), kDone);
  leave(worker);
  EXPECT_TRUE(drain(other).empty());
  own->run("commit");
  clock().advance(std::chrono::seconds(15));
  other.reclaim();
  EXPECT_EQ(drain(other), std::vector<std::string>{"1"});
  EXPECT_EQ(depth().done, 2u);
}

TEST_P(PostgresAckInterleavings, WhatGoesBackGoesWithoutTheCommitted) {
  Process& worker = join();
  worker.append(numbered(3));
  const Claimed claimed = worker.claim_one(3);
  const auto own = user();
  EXPECT_EQ(own->state_of(ack_of(claimed, 1)), kDone);
  own->run("commit");
  SettleOrder back = give_back(claimed);
  back.has_acks = true;
  EXPECT_TRUE(worker.settle(back));
  EXPECT_EQ(depth().done, 1u);
  EXPECT_EQ(drain(worker), (std::vector<std::string>{"0", "2"}));
  EXPECT_EQ(rows("acked"), "0");
}

TEST_P(PostgresAckInterleavings, APurgeIsRefusedByAnOpenOneAndCountsTheCommitted) {
  Process& worker = join();
  worker.append(numbered(3));
  const Claimed claimed = worker.claim_one(3);
  const auto own = user();
  EXPECT_EQ(own->state_of(ack_of(claimed, 0)), kDone);
  EXPECT_THROW(worker.look().purge(kQueue), Error);
  own->run("commit");
  EXPECT_EQ(worker.look().purge(kQueue), 2u);
  EXPECT_EQ(depth().done, 1u);
  EXPECT_EQ(depth().purged, 2u);
  EXPECT_EQ(user()->state_of(ack_of(claimed, 1)), kLost);
  EXPECT_EQ(rows("acked"), "0");
}

TEST_P(PostgresAckInterleavings, ASessionSeesWhatWasCommitted) {
  Process& worker = join();
  worker.append(numbered(3));
  const Claimed claimed = worker.claim_one(3);
  const auto own = user();
  EXPECT_EQ(own->state_of(ack_of(claimed, 2)), kDone);
  Exchange look;
  look.ack_looks.push_back(claimed.key);
  EXPECT_TRUE(worker.exchange(look).acked.at(0).empty());
  own->run("commit");
  EXPECT_EQ(fate(worker, claimed, 0), AckFate::kBarred);
  EXPECT_EQ(worker.exchange(look).acked.at(0), std::vector<std::uint32_t>{2});
}

}  // namespace
}  // namespace msgq::test
