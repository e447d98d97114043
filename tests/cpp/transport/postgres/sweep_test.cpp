// Promise: lanes where a claim ended inside a block are swept after some such ends; whole blocks
// cost no sweep.
#include "transport/postgres/sweep.h"

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using transport::postgres::Sweeper;

class PostgresSweepTest : public PostgresRoomTest {};

TEST_F(PostgresSweepTest, OnlyEndsOfCutClaimsCount) {
  Process& process = join();
  Sweeper sweeper(clock());
  for (int i = 0; i < 64; ++i) {
    process.append({"x"});
    const Claimed whole = process.claim_one(1);
    sweeper.note_claimed(whole);
    EXPECT_TRUE(process.settle(ack_all(whole)));
    sweeper.note_ended(ack_all(whole));
  }
  EXPECT_FALSE(sweeper.is_due());
  process.append(numbered(65));
  for (int i = 0; i < 64; ++i) {
    EXPECT_FALSE(sweeper.is_due()) << i;
    const Claimed part = process.claim({kQueue, 1, 0, 30'000, false, false, true}).claims.at(0);
    sweeper.note_claimed(part);
    EXPECT_TRUE(process.settle(ack_all(part)));
    sweeper.note_ended(ack_all(part));
    sweeper.note_ended(ack_all(part));  // once only
  }
  EXPECT_TRUE(sweeper.is_due());
  auto connection = connect();
  sweeper.run(*connection, transport::postgres::Directory());
  EXPECT_FALSE(sweeper.is_due());
  EXPECT_EQ(ask("select count(*) from :schema.block"), "1") << "a message of it still waits";
  EXPECT_EQ(drain(process), std::vector<std::string>{"64"});
}

TEST_F(PostgresSweepTest, OfManyProcessesOneDropsWhatIsTooMuch) {
  Process& process = join();
  observer().subscribe(kQueue, "audit", {});
  for (const std::string& body : numbered(6)) process.append({body});
  QueueChange two;
  two.length_max = 2;
  two.overflow = Overflow::kDropOldest;
  observer().alter("orders@audit", two);
  OpenTransaction first(store().config().schema);
  const std::string drop = "set msgq.test_ms = 0; select count(*) from :schema.drop_beyond()";
  first.run(drop);
  EXPECT_EQ(ask("set lock_timeout = 1000; " + drop), "0") << "nor does it wait for the other";
  first.run("commit");
  EXPECT_EQ(ask(drop), "0");
  EXPECT_EQ(drain(process, "orders@audit"), (std::vector<std::string>{"4", "5"}));
}

}  // namespace
}  // namespace msgq::test
