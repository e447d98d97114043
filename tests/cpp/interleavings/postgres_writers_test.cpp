// Promise: writers of one lane are read in the order in which they committed, whoever of them stops
// in between; roles, restarts and administration in the middle lose nothing and count no crash.
#include <set>
#include <thread>

#include "transport/postgres/room.h"
#include "transport/postgres/schema.h"

namespace msgq::test {
namespace {

class PostgresWriterInterleavings : public PostgresRoomTest {};

TEST_F(PostgresWriterInterleavings, OfSixteenWritersOneStopsBetweenLockAndCommit) {
  store().config().lanes = 1;
  std::vector<Process*> writers;
  for (int i = 0; i < 16; ++i) writers.push_back(&join());
  Process& reader = join();
  writers[0]->append({"first"});
  // Writer 0 stops behind its insert, before its commit, holding the lane.
  ask("create function :schema.pause() returns trigger language plpgsql as $$begin "
      "if new.n = 2 then perform pg_advisory_xact_lock(78, 1); end if; return null; end$$;"
      "create constraint trigger pause after insert on :schema.block deferrable initially deferred "
      "for each row execute function :schema.pause()");
  OpenTransaction holder(store().config().schema);
  holder.run("select pg_advisory_xact_lock(78, 1)");
  std::vector<std::thread> threads;
  threads.emplace_back([&] { writers[0]->append({"p0", "p1"}); });
  holder.await_waiters();
  for (std::size_t i = 1; i < 16; ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < 5; ++k) writers[i]->append({std::to_string(i) + "." + std::to_string(k)});
    });
  EXPECT_EQ(drain(reader), std::vector<std::string>{"first"}) << "nobody overtakes it";
  holder.run("commit");
  for (auto& thread : threads) thread.join();
  const std::vector<std::string> rest = drain(reader);
  ASSERT_EQ(rest.size(), 2u + 15 * 5);
  EXPECT_EQ(rest[0] + rest[1], "p0p1");
  std::map<std::string, int> next;
  for (std::size_t i = 2; i < rest.size(); ++i) {
    const std::string writer = rest[i].substr(0, rest[i].find('.'));
    EXPECT_EQ(rest[i], writer + "." + std::to_string(next[writer]++));
  }
}

// One that is stopped with its flush half sent: all others of the queue, or the id, waited with it,
// until they were in doubt.
TEST_F(PostgresWriterInterleavings, AFlushThatIsHalfSentHoldsNobodyUpForLong) {
  Process& sender = join();
  sender.append({"x"}, "bounded");
  QueueChange change;
  change.length_max = 10;
  observer().alter("bounded", change);
  clock().advance(std::chrono::seconds(1));
  OpenTransaction half(store().config().schema);
  half.run(
      "insert into :schema.dedup select id, 'a', gen_random_uuid(), 1, 1, 'infinity' "
      "from :schema.queue; select * from :schema.queue_setting for no key update");
  Parcel parcel;
  parcel.first_id = draw_ids(1, FakeClock::kWallStartMs);
  parcel.add("y", {}, {}, Once{"a", Once::Until::kDone, 0}.encode());
  std::vector<Parcel> parcels;
  parcels.push_back(std::move(parcel));
  Exchange once, bounded;
  once.appends.push_back({"bounded", transport::Block::build(std::move(parcels), 1)});
  bounded.appends.push_back({"bounded", block_of({"z"})});
  Process& other = join();
  std::thread thread(
      [&] { EXPECT_EQ(code_of([&] { other.exchange(bounded); }), ErrorCode::kStoreUnavailable); });
  EXPECT_EQ(code_of([&] { sender.exchange(once); }), ErrorCode::kStoreUnavailable);
  thread.join();
  half.run("rollback");
  EXPECT_TRUE(sender.exchange(once).duplicates.empty());
  other.exchange(bounded);
  EXPECT_EQ(drain(sender, "bounded"), (std::vector<std::string>{"x", "y", "z"}));
}

TEST_F(PostgresWriterInterleavings, RolesWithOtherDefaultsChangeNothing) {
  observer();  // as another role
  const std::string role = store().config().schema + "_role";
  ask("create role " + role + " login superuser; alter role " + role +
      " set default_transaction_isolation = 'repeatable read'; alter role " + role +
      " set statement_timeout = '20s'; alter role " + role + " set synchronous_commit = 'local'");
  std::string url = pg_url();
  const std::size_t from = url.find("://") + 3;
  url.replace(from, url.find('@') - from, role);
  store().config().dsn = url;
  {
    Process& one = join();
    Process& two = join();
    EXPECT_NE(ask("select count(*) from pg_stat_activity where usename = '" + role + "'"), "0");
    one.append(numbered(4));
    const Claimed claimed = one.claim_one(2);
    one.park("later", clock().wall_ms() + 1'000);
    one.kill();
    EXPECT_EQ(two.reclaim(), 1u);
    clock().advance(std::chrono::seconds(2));
    EXPECT_EQ(two.promote(), 1u);
    EXPECT_EQ(drain(two).size(), 5u);
    EXPECT_EQ(depth().done, 5u);
    leave(two);
    leave(one);
  }
  store().config().dsn = pg_url();
  ask("drop owned by " + role + " cascade; drop role " + role);
}

TEST_F(PostgresWriterInterleavings, StartersOfARoleInRepeatableReadMigrateOnce) {
  const std::string role = store().config().schema + "_role";
  ask("create role " + role + " login superuser; alter role " + role +
      " set default_transaction_isolation = 'repeatable read'");
  std::string url = pg_url();
  const std::size_t from = url.find("://") + 3;
  url.replace(from, url.find('@') - from, role);
  const PgSchema fresh;
  std::vector<std::thread> starters;
  for (int i = 0; i < 8; ++i)
    starters.emplace_back([&] { transport::postgres::prepare_schema(url, fresh.name(), true); });
  for (auto& each : starters) each.join();
  EXPECT_EQ(pg_run("select count(*) from " + fresh.name() + ".meta"), "1");
  ask("drop owned by " + role + " cascade; drop role " + role);
}

TEST_F(PostgresWriterInterleavings, WhenEverySessionEndsAtOnceTheLivingAreNotBuried) {
  store().options().reclaim.heartbeat = std::chrono::seconds(5);
  Process& worker = join();
  Process& looker = join();
  worker.append(numbered(2));
  const Claimed claimed = worker.claim_one(2);
  // What a crash of the server ends; the worker has not come back yet.
  terminate(
      ask("select string_agg(l.pid::text, ',') from pg_locks l where l.locktype = 'advisory' and "
          "l.classid = ':schema'::regnamespace::oid and l.mode = 'ExclusiveLock'"));
  looker.reclaim();
  terminate(backend());
  for (int i = 0; i < 3; ++i) {
    clock().advance(std::chrono::seconds(2));
    try {
      EXPECT_EQ(looker.reclaim(), 0u);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kStoreUnavailable) << "the connection is made anew";
    }
  }
  EXPECT_TRUE(worker.settle(ack_all(claimed)));
  EXPECT_EQ(depth().done, 2u);
  EXPECT_EQ(ask("select count(*) from :schema.process where is_dead"), "0");
}

// It folded the rows of one owner after the other, and could hold a total while it waited for an
// earlier one.
TEST_F(PostgresWriterInterleavings, WhoLeavesTakesTheTotalsOfAllItsOwnersInOrder) {
  Process& process = join();
  process.append({"x"}, "q1");
  process.append({"x"}, "q2");
  const std::string low = ask("select min(subscription) from :schema.totals");
  const std::string high = ask("select max(subscription) from :schema.totals");
  const std::string gone = ask("select :schema.join_process('elsewhere', 1, false)");
  ask("insert into :schema.owner (id, process) values (101, " + gone + "), (102, " + gone + ")");
  ask("insert into :schema.flushed (owner, request, part, subscription, sent) values "
      "(101, 1, 1, " +
      high + ", 0), (102, 1, 1, " + low + ", 0)");
  const auto lock = [](const std::string& subscription) {
    return "select from :schema.totals where subscription = " + subscription + " for update nowait";
  };
  OpenTransaction holder(store().config().schema), looker(store().config().schema);
  holder.run(lock(low));
  std::thread leaving([&, leaver = connect()] {
    transport::postgres::Params params;
    params.small(std::stoi(gone));
    leaver->call("leave_process", params);
  });
  holder.await_waiters();
  EXPECT_EQ(looker.state_of(lock(high)), "") << "it waits for the first and holds no later one";
  looker.run("rollback");
  holder.run("commit");
  leaving.join();
  EXPECT_EQ(ask("select count(*) from :schema.owner where process = " + gone), "0");
}

TEST_F(PostgresWriterInterleavings, AMessageParkedDuringAPurgeStaysAndIsCounted) {
  Process& worker = join();
  worker.append({"x"});
  worker.park("old", clock().wall_ms() + 1'000);
  // The purge stops where it has counted, before it ends.
  ask("alter function :schema.balance(text) rename to balance_now;"
      "create function :schema.balance(p_queue text) returns table (queue text, sent bigint, "
      "parked bigint, leased bigint, done bigint, dead bigint, purged bigint, quarantined bigint, "
      "expired bigint, cancelled bigint, oldest timestamptz) language plpgsql as $$ begin "
      "return query select * from :schema.balance_now(p_queue); "
      "perform pg_advisory_xact_lock_shared(79, 1); end $$");
  OpenTransaction holder(store().config().schema);
  holder.run("select pg_advisory_xact_lock(79, 1)");
  std::thread purge([&] { EXPECT_EQ(join().look().purge(kQueue), 2u); });
  holder.await_waiters();
  worker.park("new", clock().wall_ms() + 1'000);
  holder.run("commit");
  purge.join();
  EXPECT_EQ(depth().purged, 2u);
  EXPECT_EQ(depth().parked, 1u);
  clock().advance(std::chrono::seconds(2));
  worker.promote();
  EXPECT_EQ(drain(worker), std::vector<std::string>{"new"});
}

TEST_F(PostgresWriterInterleavings, APurgeAndAnExchangeThatAppendsAndSettlesDoNotDeadlock) {
  Process& worker = join();
  worker.append({"x"});
  const Claimed claimed = worker.claim_one(1);
  // The exchange has the lane and wants the claim; the purge must not have the claim and want the
  // lane.
  OpenTransaction holder(store().config().schema);
  holder.run("select :schema.lock_lanes(array(select id from :schema.lane))");
  std::thread purge([&] {
    try {
      join().look().purge(kQueue);
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find("40P01"), std::string::npos) << error.what();
    }
  });
  holder.await_waiters();
  holder.run("set local lock_timeout = '5s'; select 1 from :schema.claim where gen = " +
             std::to_string(claimed.key.gen) + " for update");
  holder.run("commit");
  purge.join();
}

}  // namespace
}  // namespace msgq::test
