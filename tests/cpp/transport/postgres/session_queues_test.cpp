// Promise: what is set of a queue holds for sessions that only send and hear of nothing else, and a
// bound for all of them together.
#include <thread>

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

class PostgresSessionQueuesTest : public PostgresRoomTest {
 protected:
  void bound(std::uint64_t length_max, Overflow overflow = Overflow::kRaise) {
    QueueChange change;
    change.creates = true;
    change.length_max = length_max;
    change.overflow = overflow;
    observer().alter(kQueue, change);
  }
};

TEST_F(PostgresSessionQueuesTest, WhoOnlySendsLooksNowAndThen) {
  Process& process = join();
  process.append({"a"});
  bound(1);
  process.append({"b"});  // as it was known a moment ago
  clock().advance(std::chrono::seconds(1));
  EXPECT_THROW(process.append({"c"}), transport::QueueFull);
  EXPECT_THROW(process.append({"c"}), transport::QueueFull) << "also sent ahead";
  EXPECT_EQ(depth().sent, 2u);
}

TEST_F(PostgresSessionQueuesTest, WhatWasAlteredHereIsKnownHereAtOnce) {
  Process& process = join();
  process.append({"a"});
  QueueChange change;
  change.length_max = 1;
  change.overflow = Overflow::kRaise;
  process.look().alter(kQueue, change);
  EXPECT_THROW(process.append({"b"}), transport::QueueFull);
}

TEST_F(PostgresSessionQueuesTest, WhoBringsMoreWaitsForWhoIsBringing) {
  bound(1);
  Process& process = join();
  OpenTransaction other(store().config().schema);
  other.run("select 1 from :schema.queue_setting for update");
  std::thread waits([&] { process.append({"x"}); });
  other.await_waiters();
  other.run("commit");
  waits.join();
  EXPECT_THROW(process.append({"y"}), transport::QueueFull);
}

TEST_F(PostgresSessionQueuesTest, WhatAUserSentIsNotRefused) {
  bound(1);
  Process& process = join();
  process.append({"x"});
  ask("set msgq.test_ms = 0; select :schema.enqueue('orders', 'y'::bytea)");
  EXPECT_EQ(process.promote(), 1u);
  EXPECT_EQ(depth().waiting, 2u);
  EXPECT_THROW(process.append({"z"}), transport::QueueFull);
}

TEST_F(PostgresSessionQueuesTest, BlocksThatWereDroppedAreGone) {
  bound(4, Overflow::kDropOldest);
  Process& process = join();
  for (int i = 0; i < 4; ++i) process.append({"x"});
  process.append(numbered(3));
  EXPECT_EQ(ask("select count(*) from :schema.block"), "2");
  EXPECT_EQ(ask("select count(*) from :schema.claim"), "1");
  EXPECT_EQ(depth().purged, 3u);
}

}  // namespace
}  // namespace msgq::test
