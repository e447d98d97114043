// Promise: an exchange that asks for nothing but work costs an idle process one call that writes
// nothing, and misses nothing that is there.
#include "transport/postgres/glance.h"

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using transport::postgres::Directory;
using transport::postgres::Glance;
using transport::postgres::Narrowed;

class PostgresGlanceTest : public PostgresRoomTest {
 protected:
  static Exchange poll(std::vector<std::string> queues = {kQueue}) {
    Exchange in;
    for (auto& queue : queues) in.claims.push_back({std::move(queue), 10, 1 << 20, 30'000});
    in.promote_max = 100;
    in.reclaims = in.is_poll = true;
    return in;
  }
  static std::vector<std::string> many() {
    std::vector<std::string> out;
    for (int i = 0; i < 40; ++i) out.push_back("q" + std::to_string(i));
    return out;
  }
};

TEST_F(PostgresGlanceTest, AnIdlePollFindsWhatCameMeanwhile) {
  Process& one = join();
  Process& two = join();
  one.append({"x"});
  drain(one);
  EXPECT_TRUE(one.exchange(poll()).claims[0].claims.empty());
  two.append({"y"});
  const auto out = one.exchange(poll());
  ASSERT_EQ(out.claims[0].claims.size(), 1u);
  EXPECT_TRUE(one.settle(ack_all(out.claims[0].claims[0])));
}

TEST_F(PostgresGlanceTest, AQueueThatOthersMadeIsSeen) {
  Process& one = join();
  Process& two = join();
  EXPECT_TRUE(one.exchange(poll({"new"})).claims[0].claims.empty());
  two.append({"x"}, "new");
  const auto out = one.exchange(poll({"new"}));
  ASSERT_EQ(out.claims[0].claims.size(), 1u);
  EXPECT_TRUE(one.settle(ack_all(out.claims[0].claims[0])));
}

TEST_F(PostgresGlanceTest, WhatAPausedQueueHoldsIsNoWorkUntilItIsResumed) {
  Process& one = join();
  one.append({"x"});
  QueueChange change;
  change.is_paused = true;
  observer().alter(kQueue, change);
  EXPECT_TRUE(one.exchange(poll()).claims[0].claims.empty());
  EXPECT_TRUE(one.exchange(poll()).claims[0].claims.empty());
  change.is_paused = false;
  observer().alter(kQueue, change);
  const auto out = one.exchange(poll());
  ASSERT_EQ(out.claims[0].claims.size(), 1u);
  EXPECT_TRUE(one.settle(ack_all(out.claims[0].claims[0])));
}

TEST_F(PostgresGlanceTest, OfManyQueuesThoseWithWorkAreClaimed) {
  Process& one = join();
  for (const auto& queue : many()) one.append({queue}, queue);
  for (const auto& queue : many()) {
    if (queue != "q7" && queue != "q23") {
      EXPECT_EQ(drain(one, queue).size(), 1u);
    }
  }
  const auto out = one.exchange(poll(many()));
  ASSERT_EQ(out.claims.size(), 40u);
  for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(out.claims[i].claims.size(), i == 7 || i == 23);
  for (const std::size_t i : {std::size_t{7}, std::size_t{23}})
    EXPECT_TRUE(one.settle(ack_all(out.claims[i].claims.at(0))));
}

// A thousand busy queues were looked at one by one before each claim of a few of them.
TEST_F(PostgresGlanceTest, ManyWishesAreNotLookedAtWhileTheFirstUseUpTheRoom) {
  transport::postgres::Glancer glancer(clock(), {});
  Exchange many, poll;
  many.claims.resize(100);
  for (auto& wish : many.claims) wish.count_max = 4;
  poll = many;
  poll.is_poll = true;
  EXPECT_TRUE(glancer.is_worth(many));
  ExchangeResult out;
  out.claims.resize(100);
  Claimed claimed;
  claimed.parts.push_back({block_of(numbered(4)), 0, 4});
  out.claims[7].claims.push_back(claimed);
  glancer.note(many, out);
  EXPECT_FALSE(glancer.is_worth(many));
  EXPECT_TRUE(glancer.is_worth(poll));
  out.claims[7].claims[0].parts[0].count = 3;
  glancer.note(many, out);
  EXPECT_TRUE(glancer.is_worth(many));
}

TEST_F(PostgresGlanceTest, PartOfABlockIsWork) {
  Process& one = join();
  one.append(numbered(4));
  ClaimWish two{kQueue, 2, 1 << 20, 30'000};
  two.is_exact = true;
  const auto first = one.claim(two);
  const auto rest = one.exchange(poll());
  ASSERT_EQ(rest.claims[0].claims.size(), 1u);
  EXPECT_EQ(bodies_of(rest.claims[0].claims[0]), (std::vector<std::string>{"2", "3"}));
  EXPECT_TRUE(one.exchange(poll()).claims[0].claims.empty());
  EXPECT_TRUE(one.settle(ack_all(first.claims.at(0))));
  EXPECT_TRUE(one.settle(ack_all(rest.claims[0].claims[0])));
}

TEST_F(PostgresGlanceTest, WhatIsDueIsPromotedAndWhatIsNotIsTold) {
  Process& one = join();
  one.append({"x"});
  drain(one);
  one.park("later", clock().wall_ms() + 5'000);
  const auto early = one.exchange(poll());
  EXPECT_EQ(early.promoted, 0u);
  EXPECT_EQ(early.next_due_ms, clock().wall_ms() + 5'000);
  clock().advance(std::chrono::seconds(5));
  const auto out = one.exchange(poll());
  EXPECT_EQ(out.promoted, 1u);
  ASSERT_EQ(out.claims[0].claims.size(), 1u) << "promoted before it looked";
  EXPECT_EQ(bodies_of(out.claims[0].claims[0]), std::vector<std::string>{"later"});
  EXPECT_TRUE(one.settle(ack_all(out.claims[0].claims[0])));
}

TEST_F(PostgresGlanceTest, WhatUsersSentIsTakenIn) {
  Process& one = join();
  one.exchange(poll());
  ask("set msgq.test_ms = 0; select :schema.enqueue('orders', 'x'::bytea)");
  clock().advance(std::chrono::seconds(2));
  EXPECT_EQ(one.exchange(poll()).promoted, 1u);
  EXPECT_EQ(drain(one).size(), 1u);
}

TEST_F(PostgresGlanceTest, TheDeadAndTheLapsedAreReclaimed) {
  Process& one = join();
  Process& victim = join();
  Process& slow = join();
  one.append({"a"});
  victim.claim_one(1);
  one.append({"b"});
  slow.claim_one(1);
  EXPECT_EQ(one.exchange(poll()).reclaimed, 0u);
  victim.kill();
  clock().advance(std::chrono::seconds(2));
  EXPECT_EQ(one.exchange(poll()).reclaimed, 1u);
  clock().advance(std::chrono::seconds(31));
  const auto out = one.exchange(poll());
  EXPECT_EQ(out.reclaimed, 1u);
  for (const Claimed& claimed : out.claims[0].claims) EXPECT_TRUE(one.settle(ack_all(claimed)));
  EXPECT_EQ(drain(one).size() + out.claims[0].claims.size(), 2u);
}

TEST_F(PostgresGlanceTest, ChoresAloneAreNotAskedAgainAtOnce) {
  Process& one = join();
  Process& two = join();
  Exchange chores = poll({});
  one.exchange(chores);
  two.park("x", clock().wall_ms());
  EXPECT_EQ(one.exchange(chores).promoted, 0u) << "just now there was nothing";
  clock().advance(std::chrono::seconds(1));
  EXPECT_EQ(one.exchange(chores).promoted, 1u);
  two.park("y", clock().wall_ms());
  chores.is_poll = false;  // somebody said so
  EXPECT_EQ(one.exchange(chores).promoted, 1u);
  EXPECT_EQ(drain(one).size(), 2u);
}

TEST_F(PostgresGlanceTest, BlocksBehindEveryClaimAreSweptWhoeverLeftThem) {
  Process& one = join();
  one.append(numbered(4));
  drain(one);
  ask("insert into :schema.block select lane, 0, 1, 1, gen_random_uuid(), gen_random_uuid(), 0, 0, "
      "now(), 0, '' from :schema.claim limit 1");
  Process& other = join();
  other.exchange(poll());
  other.session().tidy(Nanos(0));
  EXPECT_EQ(ask("select count(*) from :schema.block"), "0");
}

TEST_F(PostgresGlanceTest, ItWritesNothing) {
  Process& one = join();
  one.append({"x"});
  drain(one);
  one.exchange(poll());
  OpenTransaction reader(store().config().schema);
  reader.run(
      "lock table :schema.block, :schema.claim, :schema.owner, :schema.flushed, "
      ":schema.parked, :schema.outbox, :schema.totals in share mode");
  for (int i = 0; i < 5; ++i) one.exchange(poll());  // who writes waits for the reader
  reader.run("commit");
}

// --- which wishes stay -----------------------------------------------------------------------

class NarrowedTest : public PostgresRoomTest {};

TEST_F(NarrowedTest, PostgresAChainWithoutItsHeadKeepsItsRoom) {
  Process& one = join();
  for (const char* queue : {"a", "b", "c"}) one.append({"x"}, queue);
  auto connection = connect();
  Directory queues;
  queues.refresh(*connection);
  Exchange in;
  in.claims = {{"a", 2, 0, 0}, {"b", 9, 0, 0}, {"c", 9, 0, 0}, {"a", 5, 0, 0}};
  in.claims[1].continues = in.claims[2].continues = true;
  Glance seen;
  for (const char* queue : {"b", "c"}) seen.work.insert(queues.find(queue)->subscription);
  const Narrowed few(in, seen, queues);
  const auto& left = few.exchange().claims;
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[0].queue, "b");
  EXPECT_EQ(left[0].count_max, 2u);
  EXPECT_FALSE(left[0].continues);
  EXPECT_TRUE(left[1].continues);
  ExchangeResult out;
  out.claims.resize(2);
  out.claims[0].has_more = true;
  few.widen(out, 4);
  ASSERT_EQ(out.claims.size(), 4u);
  EXPECT_TRUE(out.claims[1].has_more);
  EXPECT_FALSE(out.claims[0].has_more);
  for (const char* queue : {"a", "b", "c"}) drain(one, queue);
}

}  // namespace
}  // namespace msgq::test
