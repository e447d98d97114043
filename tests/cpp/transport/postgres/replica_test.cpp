// Promise: looks go to the replica while it answers and is young enough, and to the primary
// otherwise; a change is one line of the log.
#include "transport/postgres/replica.h"

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using std::chrono::seconds;
using transport::postgres::Connection;
using transport::postgres::ReplicaLook;

// The server itself stands for a replica that is never behind.
class PostgresReplicaTest : public PostgresRoomTest {
 protected:
  std::vector<std::string> lines() {
    std::vector<std::string> out;
    for (auto& [level, text] : store().log.drain()) out.push_back(std::move(text));
    return out;
  }
};

TEST_F(PostgresReplicaTest, LooksGoThereOverConnectionsOfItsOwn) {
  Process& process = join();
  process.append({"x", "y"});
  ReplicaLook look({spec(), {}, seconds(10), clock(), store().log, store().options().before},
                   process.look());
  lines();
  const auto before = process.look().connections().borrows;
  ASSERT_EQ(look.depth().size(), 1u);
  EXPECT_EQ(look.depth()[0].waiting, 2u);
  EXPECT_EQ(look.peek(kQueue, "", 10).size(), 2u);
  EXPECT_TRUE(look.dead(kQueue, "", 10).empty());
  EXPECT_GT(look.store_bytes(), 0u);
  EXPECT_EQ(look.lag_ms(), std::optional<std::int64_t>(0));
  EXPECT_EQ(process.look().connections().borrows, before) << "the primary was asked nothing";
  EXPECT_TRUE(lines().empty());
  EXPECT_EQ(look.purge(kQueue), 2u);
}

TEST_F(PostgresReplicaTest, OneThatIsAwayIsToldOnceAndTriedAgainInASecond) {
  Process& process = join();
  process.append({"x"});
  auto away = spec("postgresql://nobody@127.0.0.1:1/none");
  away.connect_timeout = std::chrono::milliseconds(200);
  ReplicaLook look({away, {}, seconds(10), clock(), store().log, store().options().before},
                   process.look());
  lines();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(look.depth()[0].waiting, 1u);
    clock().advance(seconds(2));
  }
  const auto told = lines();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].find("looks go to the primary, not to the replica: "), 0u) << told[0];
  EXPECT_FALSE(look.lag_ms());
}

TEST_F(PostgresReplicaTest, AConnectionThatBreaksCostsNoLook) {
  Process& process = join();
  process.append({"x"});
  bool breaks = false;
  const auto before = [&](Connection& connection) {
    store().options().before(connection);
    if (breaks) terminate(PQbackendPID(connection.raw()));
  };
  ReplicaLook look({spec(), {}, seconds(10), clock(), store().log, before}, process.look());
  EXPECT_EQ(look.depth()[0].waiting, 1u);
  lines();
  breaks = true;
  EXPECT_EQ(look.depth()[0].waiting, 1u);
  EXPECT_FALSE(look.lag_ms());
  breaks = false;
  clock().advance(seconds(1));
  EXPECT_EQ(look.depth()[0].waiting, 1u);
  EXPECT_TRUE(look.lag_ms());
  EXPECT_EQ(lines().size(), 2u);
}

TEST_F(PostgresReplicaTest, WhatIsNowhereIsNamedAndNoFaultOfTheReplica) {
  Process& process = join();
  ReplicaLook look({spec(), {}, seconds(10), clock(), store().log, store().options().before},
                   process.look());
  EXPECT_EQ(code_of([&] { look.peek("nowhere", "", 1); }), ErrorCode::kNotFound);
  EXPECT_TRUE(look.lag_ms());
  process.append({"x"});
  EXPECT_FALSE(look.find(kQueue, MessageId{1, 2}));
}

}  // namespace
}  // namespace msgq::test
