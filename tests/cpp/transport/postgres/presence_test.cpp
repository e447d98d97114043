// Promise: a process shows that it lives over whatever becomes of its connection, hears hints again
// when it has a new one, and leaves nothing when it leaves.
#include "transport/postgres/presence.h"

#include <thread>

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using transport::postgres::Connection;
using transport::postgres::Params;
using transport::postgres::Presence;
using transport::postgres::PresenceRules;

class PostgresPresenceTest : public PostgresRoomTest {
 protected:
  std::unique_ptr<Presence> present() {
    return std::make_unique<Presence>(spec(), store().log,
                                      PresenceRules{std::chrono::milliseconds(5'000)});
  }
  // Listens, and has heard all there was.
  static void hear(Presence& presence) {
    presence.listen();
    while (presence.wait(Nanos::zero())) {
    }
  }
  bool has_others(const Presence& presence) {
    return ask("select has_others from :schema.beat(" + std::to_string(presence.process()) + ")") ==
           "t";
  }
  std::string holder(int process) {
    return ask(
        "select pid from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock' and "
        "classid = ':schema'::regnamespace::oid and objid = " +
        std::to_string(process));
  }
};

TEST_F(PostgresPresenceTest, ItHoldsItsLockAndLeavesNothing) {
  auto presence = present();
  const int process = presence->process();
  EXPECT_NE(holder(process), "");
  presence->leave();
  EXPECT_EQ(ask("select count(*) from :schema.process"), "0");
  presence->leave();
  EXPECT_FALSE(presence->wait(std::chrono::hours(1))) << "at once";
}

TEST_F(PostgresPresenceTest, AfterItsSessionEndedItTakesTheLockAgainAndHearsHints) {
  auto presence = present();
  auto other = present();
  const int process = presence->process();
  hear(*presence);
  terminate(std::stoi(holder(process)));
  while (holder(process).empty()) presence->wait(std::chrono::milliseconds(10));
  EXPECT_EQ(presence->process(), process);
  other->hint();
  while (!presence->wait(std::chrono::milliseconds(10))) other->hint();
  presence->leave();
  other->leave();
}

// Sixteen processes that only sent once woke each other for every message: a hundred times the
// work.
TEST_F(PostgresPresenceTest, WhoOnlySendsHearsNoHintsAndGivesNoneToItsLike) {
  auto one = present();
  auto other = present();
  EXPECT_FALSE(has_others(*one));
  EXPECT_EQ(ask("select count(*) from :schema.process where listens"), "0");
  hear(*other);
  EXPECT_TRUE(has_others(*one));
  EXPECT_FALSE(has_others(*other));
  while (!other->wait(std::chrono::milliseconds(10))) one->hint();
  one->leave();
  other->leave();
}

TEST_F(PostgresPresenceTest, OneThatWasBuriedJoinsAnewWithANumberOfItsOwn) {
  auto presence = present();
  const int process = presence->process();
  ask("update :schema.process set is_dead = true");
  presence->rejoin(process);
  const int anew = presence->process();
  EXPECT_NE(anew, process);
  EXPECT_NE(holder(anew), "");
  presence->rejoin(process);
  EXPECT_EQ(presence->process(), anew) << "somebody else has done it";
  presence->leave();
  EXPECT_EQ(code_of([&] { presence->rejoin(anew); }), ErrorCode::kClosed);
}

TEST_F(PostgresPresenceTest, ALockThatASessionOfBeforeStillHoldsIsTakenOver) {
  Connection before(spec(), store().log), now(spec(), store().log);
  Params params;
  params.small(4'711);
  before.call("lock_process", params);
  now.call("lock_process", params);
  EXPECT_EQ(holder(4'711), std::to_string(PQbackendPID(now.raw())));
}

TEST_F(PostgresPresenceTest, OfAProcessThatHoldsItsLockNobodyElseSaysOtherwise) {
  auto presence = present();
  const int process = presence->process();
  Params params;
  params.small(process).flag(false);
  connect()->call("note_lock", params);
  EXPECT_EQ(ask("select count(*) from :schema.process where has_lock"), "1");
  presence->test_only_kill();
  ask("select pg_advisory_xact_lock_shared(:schema.space(), " + std::to_string(process) + ")");
  connect()->call("note_lock", params);
  EXPECT_EQ(ask("select count(*) from :schema.process where has_lock"), "0");
}

TEST_F(PostgresPresenceTest, ALookersSharedLockIsWaitedForNotEnded) {
  OpenTransaction looker(store().config().schema);
  looker.run("select pg_advisory_xact_lock_shared(:schema.space(), 4711)");
  Connection now(spec(), store().log);
  std::thread joins([&] {
    Params params;
    params.small(4'711);
    now.call("lock_process", params);
  });
  looker.await_waiters();
  looker.run("commit");
  joins.join();
  EXPECT_EQ(holder(4'711), std::to_string(PQbackendPID(now.raw())));
}

TEST_F(PostgresPresenceTest, AHintWaitsForNobodyWhoConnects) {
  auto patient = spec();
  patient.silence_max = std::chrono::hours(1);
  auto presence = std::make_unique<Presence>(patient, store().log,
                                             PresenceRules{std::chrono::milliseconds(5'000)});
  OpenTransaction blocker(store().config().schema);
  blocker.run("lock table :schema.process");
  terminate(holder(presence->process()));
  std::thread waiter([&] {
    while (!presence->wait(std::chrono::milliseconds(1))) {
    }
  });
  blocker.await_waiters();  // it connects anew, and its heartbeat waits
  presence->hint();         // would wait as long
  blocker.run("commit");
  waiter.join();
  presence->leave();
}

TEST_F(PostgresPresenceTest, StopEndsAWaitNowAndFromNowOn) {
  auto presence = present();
  std::thread waiter([&] { presence->wait(std::chrono::hours(1)); });
  presence->stop();
  waiter.join();
  EXPECT_FALSE(presence->wait(std::chrono::hours(1)));
  presence->leave();
}

class PostgresPooledPresenceTest : public PostgresPresenceTest {
 protected:
  void SetUp() override {
    MSGQ_TEST_NEEDS_POOLER();
    PostgresPresenceTest::SetUp();
  }
  std::unique_ptr<Presence> behind(Pooler pooler = Pooler::kAuto, const std::string& dsn = {}) {
    auto through = spec(dsn.empty() ? pooled_url() : dsn);
    through.pooler = pooler;
    return std::make_unique<Presence>(through, store().log,
                                      PresenceRules{std::chrono::milliseconds(5'000)});
  }
  std::vector<std::pair<int, std::string>> said() {
    auto out = store().log.drain();
    std::erase_if(out, [](const auto& each) {
      return each.second.find("a pooler is between") == std::string::npos;
    });
    return out;
  }
  std::string row(const std::string& column) {
    return ask("select " + column + " from :schema.process");
  }
};

TEST_F(PostgresPooledPresenceTest, ItHasNoLockAndSaysSoInItsRowAndOnceInTheLog) {
  auto presence = behind();
  EXPECT_TRUE(presence->is_pooled());
  EXPECT_EQ(row("has_lock"), "f");
  EXPECT_EQ(holder(presence->process()), "");
  const auto records = said();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].first, static_cast<int>(LogLevel::kWarning));
  presence->leave();
  EXPECT_EQ(row("count(*)"), "0");
}

TEST_F(PostgresPooledPresenceTest, WhoSaidSoIsNotWarned) {
  auto presence = behind(Pooler::kOn);
  const auto records = said();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].first, static_cast<int>(LogLevel::kInfo));
  presence->leave();
}

TEST_F(PostgresPooledPresenceTest, ItsHeartBeatsThroughThePooler) {
  auto through = spec(pooled_url());
  Presence presence(through, store().log, PresenceRules{std::chrono::milliseconds(2)});
  const std::string before = row("heartbeat_at");
  while (row("heartbeat_at") == before) presence.wait(std::chrono::milliseconds(2));
  presence.leave();
}

TEST_F(PostgresPooledPresenceTest, ItsHintsReachThoseWhoListen) {
  auto listener = present();
  auto pooled = behind();
  hear(*listener);
  pooled->hint();
  while (!listener->wait(std::chrono::milliseconds(10))) pooled->hint();
  pooled->leave();
  listener->leave();
}

TEST_F(PostgresPooledPresenceTest, AmongThePooledNobodyIsTold) {
  auto one = behind();
  auto other = behind();
  hear(*other);
  EXPECT_FALSE(has_others(*one));
  auto listener = present();
  hear(*listener);
  EXPECT_TRUE(has_others(*one));
  for (auto* each : {&one, &other, &listener}) (*each)->leave();
}

}  // namespace
}  // namespace msgq::test
