// Promise: looking and administering survive a lost connection, name what is not there, and count
// what they did.
#include "transport/postgres/look.h"

#include <thread>

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

class PostgresLookTest : public PostgresRoomTest {};

TEST_F(PostgresLookTest, WhatTheServerEndedIsMadeAnew) {
  Process& process = join();
  process.append({"x"});
  EXPECT_EQ(process.look().queues(), std::vector<std::string>{kQueue});
  EXPECT_EQ(process.look().connections().idle, 1u);
  EXPECT_EQ(process.look().connections().used, 2u) << "its presence and its session";
  terminate(backend());
  EXPECT_EQ(process.look().queues(), std::vector<std::string>{kQueue});
}

TEST_F(PostgresLookTest, WhatIsNotThereIsNamed) {
  Process& process = join();
  const Error error = error_of([&] { process.look().purge("nowhere"); });
  EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  EXPECT_NE(std::string(error.what()).find("nowhere"), std::string::npos);
  EXPECT_EQ(code_of([&] { process.look().delete_queue("nowhere"); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { process.look().backup("f"); }), ErrorCode::kUnsupported);
}

TEST_F(PostgresLookTest, AClaimThatIsBeingSettledHoldsUpAPurge) {
  Process& process = join();
  process.append({"x"});
  const Claimed claimed = process.claim_one(1);
  OpenTransaction settle(store().config().schema);
  settle.run("select 1 from :schema.claim for update");
  EXPECT_EQ(code_of([&] { process.look().purge(kQueue); }), ErrorCode::kStoreUnavailable);
  settle.run("rollback");
  EXPECT_EQ(process.look().purge(kQueue), 1u);
  EXPECT_FALSE(process.settle(ack_all(claimed)));
  EXPECT_EQ(ask("select count(*) from :schema.block"), "0");
  EXPECT_EQ(depth().purged, 1u);
}

TEST_F(PostgresLookTest, APurgeWaitsForASettleThatIsAboutToEnd) {
  Process& process = join();
  process.append(numbered(2));
  process.claim_one(1);
  OpenTransaction settle(store().config().schema);
  settle.run("select 1 from :schema.claim for update");
  std::thread purge([&] { EXPECT_EQ(process.look().purge(kQueue), 2u); });
  settle.await_waiters();
  settle.run("rollback");
  purge.join();
  settle.run("begin");
  settle.run("select 1 from :schema.claim for update");
  std::thread removal([&] { process.look().delete_queue(kQueue); });
  settle.await_waiters();
  settle.run("rollback");
  removal.join();
  EXPECT_TRUE(process.look().queues().empty());
}

// Who sends has the queue's lane, and takes the log's next: who deletes takes them in that order.
TEST_F(PostgresLookTest, AQueueWithSubscriptionsGoesBesideWhoSends) {
  Process& process = join();
  process.append({"x"});
  process.look().subscribe(kQueue, "audit", {});
  OpenTransaction sender(store().config().schema);
  sender.run("select :schema.lock_lanes(array[min(id)]) from :schema.lane where log is not null");
  std::thread removal([&] { process.look().delete_queue(kQueue); });
  sender.await_waiters();
  sender.run("select :schema.lock_lanes(array[min(log)]) from :schema.lane");
  sender.run("commit");
  removal.join();
  EXPECT_TRUE(process.look().queues().empty());
}

TEST_F(PostgresLookTest, SoItDoesBesideWhoSettlesOfASubscription) {
  Process& process = join();
  process.append({"x"});
  process.look().subscribe(kQueue, "audit", {});
  process.append({"y"});
  const Claimed claimed = process.claim_one(1, std::string(kQueue) + "@audit");
  OpenTransaction settle(store().config().schema);
  settle.run("select 1 from :schema.claim where owner <> 0 for update");
  std::thread removal([&] { process.look().delete_queue(kQueue); });
  settle.await_waiters();
  settle.run("rollback");
  removal.join();
  EXPECT_FALSE(process.settle(ack_all(claimed)));
  EXPECT_EQ(ask("select count(*) from :schema.subscription"), "0");
}

TEST_F(PostgresLookTest, ANameThatSomebodyTakesMeanwhileIsTaken) {
  Process& process = join();
  process.append({"x"});
  OpenTransaction maker(store().config().schema);
  maker.run("insert into :schema.queue (name) values ('new')");
  std::thread renaming([&] {
    EXPECT_EQ(code_of([&] { process.look().rename_queue(kQueue, "new"); }),
              ErrorCode::kConfigInvalid);
  });
  maker.await_waiters();
  maker.run("commit");
  renaming.join();
  EXPECT_EQ(depth().waiting, 1u);
}

TEST_F(PostgresLookTest, ADeletedQueueLeavesNoRow) {
  Process& process = join();
  process.append(numbered(3));
  process.claim_one(1);
  process.park("later", clock().wall_ms() + 1'000);
  process.look().delete_queue(kQueue);
  for (const char* table :
       {"queue", "subscription", "lane", "cursor", "block", "claim", "parked", "totals", "flushed"})
    EXPECT_EQ(ask(std::string("select count(*) from :schema.") + table), "0") << table;
}

TEST_F(PostgresLookTest, ALookSeesOneMoment) {
  Process& process = join();
  process.park("later", clock().wall_ms() + 1'000);
  process.look().queues();  // its connection is made
  OpenTransaction promotion(store().config().schema);
  promotion.run("lock table :schema.parked in access exclusive mode");
  std::vector<FoundMessage> seen;
  std::thread reader([&] { seen = process.look().peek(kQueue, "", 10); });
  promotion.await_waiters();  // it has read the lanes, and is at the parked ones
  promotion.run("delete from :schema.parked");
  promotion.run("commit");
  reader.join();
  ASSERT_EQ(seen.size(), 1u) << "it went into a lane that was read before";
  EXPECT_EQ(seen[0].message.body, "later");
  EXPECT_TRUE(process.look().peek(kQueue, "", 10).empty()) << "the next look sees the next moment";
}

TEST_F(PostgresLookTest, TheStoreHasASize) {
  Process& process = join();
  const auto before = process.look().store_bytes();
  process.append({std::string(500'000, 'x')});
  EXPECT_GT(process.look().store_bytes(), before + 400'000);
}

}  // namespace
}  // namespace msgq::test
