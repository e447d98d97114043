// Promise: a transport is one process on the store: it joins as it opens, refuses what cannot work,
// and leaves nothing behind.
#include "transport/postgres/postgres_transport.h"

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

class PostgresTransportTest : public PostgresRoomTest {};

TEST_F(PostgresTransportTest, AProcessIsThereAsLongAsItsTransport) {
  Process& process = join();
  process.append({"x"});
  process.claim_one(1);
  EXPECT_EQ(ask("select count(*) from :schema.process"), "1");
  EXPECT_EQ(ask("select count(*) from :schema.owner"), "1");
  leave(process);
  EXPECT_EQ(ask("select count(*) from :schema.process"), "0");
  EXPECT_EQ(ask("select count(*) from :schema.owner"), "0");
  EXPECT_EQ(ask("select count(*) from :schema.flushed"), "0");
  EXPECT_EQ(depth().waiting, 1u) << "its claim was given back";
}

TEST_F(PostgresTransportTest, BadNamesOfSchemasAreRefusedBeforeAnythingIsDone) {
  const std::string good = store().config().schema;
  store().config().schema = "no-name";
  EXPECT_EQ(code_of([&] { store().join(); }), ErrorCode::kConfigInvalid);
  store().config().schema = good + "_missing";
  store().config().create_schema = false;
  EXPECT_EQ(code_of([&] { store().join(); }), ErrorCode::kSchemaMismatch);
  store().config().schema = good;
}

TEST_F(PostgresTransportTest, MessagesExpireByTheServersClockWhateverIsSetHere) {
  FakeClock& here = store().clock;
  here.step_wall(std::chrono::hours(1));  // a clock that is wrong from the start
  const auto transport = store().join();
  const std::int64_t there = transport->now_ms(here);
  here.step_wall(std::chrono::hours(-3));
  here.advance(std::chrono::minutes(1));
  EXPECT_EQ(transport->now_ms(here), there + 60'000);
}

TEST_F(PostgresTransportTest, WhatItCanDoIsSaid) {
  const auto transport = store().join();
  EXPECT_STREQ(transport->capability().scheme, "postgresql");
  EXPECT_TRUE(transport->capability().is_shared);
  EXPECT_FALSE(transport->capability().can_backup);
}

}  // namespace
}  // namespace msgq::test
