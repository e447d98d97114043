// Promise: only a process that two looks find without its lock, whose heart did not beat between
// them, is taken for dead; and nobody looks at the dead again.
#include "transport/postgres/reclaim.h"

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

class PostgresReclaimTest : public PostgresRoomTest {
 protected:
  // A process with a claim that loses its lock.
  Process& victim() {
    Process& out = join();
    out.append({"x"});
    out.claim_one(1);
    out.kill();
    return out;
  }
  int dead() { return std::stoi(ask("select count(*) from :schema.process where is_dead")); }
};

TEST_F(PostgresReclaimTest, OneLookIsNoProof) {
  store().options().reclaim.death_look = std::chrono::seconds(1);
  Process& looker = join();
  victim();
  EXPECT_EQ(looker.reclaim(), 0u);
  EXPECT_EQ(looker.reclaim(), 0u) << "at once is no second look";
  clock().advance(std::chrono::milliseconds(999));
  EXPECT_EQ(looker.reclaim(), 0u);
  clock().advance(std::chrono::milliseconds(1));
  EXPECT_EQ(looker.reclaim(), 1u);
  EXPECT_EQ(dead(), 1);
}

TEST_F(PostgresReclaimTest, AHeartbeatBetweenTheLooksBeginsThemAnew) {
  store().options().reclaim.death_look = std::chrono::seconds(1);
  Process& looker = join();
  victim();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(looker.reclaim(), 0u);
    ask("update :schema.process set heartbeat_at = heartbeat_at + interval '1 ms'");
    clock().advance(std::chrono::seconds(2));
  }
  EXPECT_EQ(looker.reclaim(), 0u);
  clock().advance(std::chrono::seconds(1));
  EXPECT_EQ(looker.reclaim(), 1u);
}

TEST_F(PostgresReclaimTest, AHeartbeatBetweenTheLookAndTheBurialSavesIt) {
  victim();
  const std::string id = ask("select id from :schema.process order by id limit 1");
  EXPECT_EQ(ask("set msgq.test_ms = 0; select count(*) from :schema.bury_process(" + id +
                ", 'another time', 1000)"),
            "0");
  EXPECT_EQ(dead(), 0);
}

TEST_F(PostgresReclaimTest, ASessionYoungerThanAHeartbeatBuriesNobody) {
  store().options().reclaim.heartbeat = std::chrono::hours(1);
  Process& looker = join();
  victim();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(looker.reclaim(), 0u);
    clock().advance(std::chrono::seconds(2));
  }
  EXPECT_EQ(
      ask("select bool_and(p.up_s <= extract(epoch from clock_timestamp() - a.backend_start)) "
          "from :schema.look_at_processes(0, 0) p, pg_stat_activity a "
          "where a.pid = pg_backend_pid()"),
      "t")
      << "the server's start says nothing: a crash of another backend ends every session";
}

TEST_F(PostgresReclaimTest, TheDeadAreNotLookedAtAgain) {
  Process& looker = join();
  victim();
  EXPECT_EQ(looker.reclaim(), 1u);
  EXPECT_EQ(ask("select count(*) from :schema.look_at_processes(0, 0)"), "0");
}

TEST_F(PostgresReclaimTest, AClaimThatOthersHoldIsPassedOverAndLapsesWithItsLease) {
  Process& looker = join();
  victim();
  OpenTransaction holder(store().config().schema);
  holder.run("select 1 from :schema.claim for update");
  EXPECT_EQ(looker.reclaim(), 0u);
  EXPECT_EQ(dead(), 1);
  holder.run("commit");
  clock().advance(std::chrono::seconds(31));
  EXPECT_EQ(looker.reclaim(), 1u);
  EXPECT_EQ(drain(looker), std::vector<std::string>{"x"});
}

TEST_F(PostgresReclaimTest, ALeaseExtendedBetweenTheLooksBeginsThemAnew) {
  store().options().reclaim.second_look_max = std::chrono::seconds(2);
  Process& worker = join();
  Process& looker = join();
  worker.append({"x"});
  const Claimed claimed = worker.claim_one(1);
  clock().advance(std::chrono::seconds(31));
  EXPECT_EQ(looker.reclaim(), 0u);
  EXPECT_TRUE(worker.extend(claimed, clock().boot_ms() + 100));
  clock().advance(std::chrono::seconds(2));
  EXPECT_EQ(looker.reclaim(), 0u);
  clock().advance(std::chrono::seconds(2));
  EXPECT_EQ(looker.reclaim(), 1u);
}

// Processes behind a pooler, as their rows show them.
class PostgresLateTest : public PostgresReclaimTest {
 protected:
  Process& silent(const std::string& since) {
    Process& out = join();
    out.append({"x"});
    out.claim_one(1);
    ask("update :schema.process set has_lock = false, heartbeat_at = clock_timestamp() - interval "
        "'" +
        since + "' where id = (select max(id) from :schema.process)");
    return out;
  }
  void SetUp() override {
    PostgresReclaimTest::SetUp();
    if (!IsSkipped()) store().options().reclaim.heartbeat = std::chrono::milliseconds(1);
  }
};

TEST_F(PostgresLateTest, AHeartThatBeatLatelyLivesWithoutALock) {
  Process& looker = join();
  silent("1 s");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(looker.reclaim(), 0u);
    clock().advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(dead(), 0);
}

TEST_F(PostgresLateTest, ALateOneIsGivenUpOnceItWasSilentForAHeartbeatMore) {
  store().options().reclaim.heartbeat = std::chrono::milliseconds(100);
  Process& looker = join();
  silent("11 s");
  while (std::stod(ask("select extract(epoch from clock_timestamp() - min(backend_start)) from "
                       "pg_stat_activity where application_name like 'msgq " +
                       std::to_string(getpid()) + "@% writer'")) < 0.2) {
  }
  EXPECT_EQ(looker.reclaim(), 0u);
  clock().advance(std::chrono::milliseconds(99));
  EXPECT_EQ(looker.reclaim(), 0u);
  clock().advance(std::chrono::milliseconds(1));
  EXPECT_EQ(looker.reclaim(), 1u);
  EXPECT_EQ(dead(), 1);
  const auto found = looker.claim(1);
  ASSERT_EQ(found.claims.size(), 1u) << "no proof, no suspect";
  EXPECT_EQ(found.claims[0].crashes, 0u);
  EXPECT_TRUE(looker.settle(ack_all(found.claims[0])));
}

TEST_F(PostgresLateTest, ALookerThatWasAsleepBeginsAnew) {
  store().options().reclaim.death_look = std::chrono::seconds(1);
  Process& looker = join();
  victim();
  EXPECT_EQ(looker.reclaim(), 0u);
  clock().advance(std::chrono::seconds(6));
  EXPECT_EQ(looker.reclaim(), 0u) << "what it missed while it was asleep it does not know";
  clock().advance(std::chrono::seconds(1));
  EXPECT_EQ(looker.reclaim(), 1u);
}

TEST_F(PostgresLateTest, AProcessOfVersionOneLeavesThemAlone) {
  Process& looker = join();
  silent("1 h");
  EXPECT_EQ(ask("select count(*) from :schema.look_at_processes(0)"), "0");
  EXPECT_EQ(ask("select count(*) from :schema.look_at_processes(0, 10000)"), "1");
  drain(looker);
}

TEST_F(PostgresLateTest, ALivingOneIsAUserOfTheSchema) {
  silent("1 s");
  EXPECT_EQ(code_of([&] { transport::postgres::remove_schema(spec(), store().log); }),
            ErrorCode::kStoreRejected);
}

}  // namespace
}  // namespace msgq::test
