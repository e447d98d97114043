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

class PostgresPresenceTest : public PostgresRoomTest {
 protected:
  std::unique_ptr<Presence> present() {
    return std::make_unique<Presence>(spec(), store().log, std::chrono::milliseconds(5'000));
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
  while (presence->wait(Nanos::zero())) {
  }
  terminate(std::stoi(holder(process)));
  while (holder(process).empty()) presence->wait(std::chrono::milliseconds(10));
  EXPECT_EQ(presence->process(), process);
  other->hint();
  while (!presence->wait(std::chrono::milliseconds(10))) other->hint();
  presence->leave();
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
  auto presence =
      std::make_unique<Presence>(patient, store().log, std::chrono::milliseconds(5'000));
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

}  // namespace
}  // namespace msgq::test
