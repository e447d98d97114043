// Promise: whatever the network or an administrator does to a connection in the middle of an
// exchange, resolve() finds out what became of it, and everything in it happens exactly once.
#include "transport/postgres/session.h"

#include <cstdlib>
#include <functional>
#include <iostream>

#include "support/tcp_relay.h"
#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using transport::SettleOrder;
using transport::postgres::ConnectionSpec;
using transport::postgres::PostgresSession;
using transport::postgres::Presence;
using transport::postgres::PresenceRules;

// A session whose connections run through a relay; beside it a process that watches.
class PostgresSessionTest : public PostgresRoomTest {
 protected:
  void SetUp() override {
    PostgresRoomTest::SetUp();
    if (IsSkipped()) return;
    const std::string url = pg_url();
    const std::size_t at = url.find("port=") + 5;
    relay_ = std::make_unique<TcpRelay>("127.0.0.1", std::stoi(url.substr(at)));
    const std::size_t user_end = url.find('@');
    const std::string database =
        url.substr(url.find('/', user_end) + 1, url.find('?') - url.find('/', user_end) - 1);
    relayed_ =
        url.substr(0, user_end) + "@127.0.0.1:" + std::to_string(relay_->port()) + "/" + database;
    watcher_ = &join();
    presence_ = std::make_unique<Presence>(spec(), store().log,
                                           PresenceRules{std::chrono::milliseconds(5'000)});
  }
  void TearDown() override {
    session_.reset();
    if (presence_) presence_->leave();
    presence_.reset();
    PostgresRoomTest::TearDown();
    relay_.reset();
  }

  PostgresSession& open(std::chrono::milliseconds silence_max = std::chrono::seconds(20)) {
    session_.reset();
    ConnectionSpec through = spec(relayed_);
    through.silence_max = silence_max;
    through.max_age = max_age_;
    session_ = std::make_unique<PostgresSession>(transport::postgres::SessionParts{
        through, clock(), store().random, store().log, transport::postgres::Rules{}, *presence_,
        store().options().before});
    return *session_;
  }

  // Appends two, parks one, settles one, retries one (R21) and claims one, all in one exchange.
  struct Work {
    std::string queue;
    Exchange in;
  };
  Work make_work() {
    Work out;
    out.queue = "q" + std::to_string(++number_);
    watcher_->append({"first", "again"}, out.queue);
    Exchange claim;
    claim.claims.push_back({out.queue, 2, 0, 30'000, false, false});
    ExchangeResult result;
    session_->exchange(claim, result);
    const Claimed& claimed = result.claims.at(0).claims.at(0);
    out.in.settles.push_back(ack_some(claimed, {0}));
    add_back(out.in.settles[0], claimed, 1, SettleOrder::Return::kRetry,
             clock().wall_ms() + 60'000);
    out.in.appends.push_back({out.queue, block_of({"a", "b"})});
    out.in.parks.push_back(
        {out.queue, clock().wall_ms() + 60'000, StoredMessage::copy(block_of({"later"})->view(0))});
    out.in.claims.push_back({out.queue, 1, 0, 30'000, false, false, true});
    return out;
  }

  // With a session that soon takes silence for a loss: on a loaded machine also while nothing is
  // cut yet, and then another is opened.
  Work make_work_impatiently() {
    for (;;) try {
        open(std::chrono::milliseconds(150));
        return make_work();
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kStoreRejected) throw;
      }
  }

  // Sends until it is known to have happened. How often it was in doubt.
  int send(const Work& work) {
    int doubts = 0;
    for (;;) {
      ExchangeResult out;
      try {
        session_->exchange(work.in, out);
        EXPECT_EQ(out.settle_lost, std::vector<bool>(work.in.settles.size())) << work.queue;
        return doubts;
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kStoreUnavailable) continue;
        EXPECT_EQ(error.code(), ErrorCode::kStoreInDoubt) << error.what();
      }
      ++doubts;
      if (find_out(out)) {
        EXPECT_EQ(out.settle_lost, std::vector<bool>(work.in.settles.size())) << work.queue;
        return doubts;
      }
    }
  }

  // What lies in the relay comes late: once nothing can be found out for it, or after the answer.
  bool find_out(ExchangeResult& out) {
    for (;;) {
      if (in_partition_) in_partition_();
      try {
        const bool has_happened = session_->resolve(out);
        late_ += relay_->deliver_late();
        return has_happened;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kStoreInDoubt) << error.what();
        late_ += relay_->deliver_late();
      }
    }
  }

  void tell(int doubts) const {
    std::cout << "[ figures] P3: " << number_ << " exchanges cut, " << doubts << " in doubt, "
              << late_ << " bytes came late\n";
  }

  void expect_once(const Work& work) {
    const QueueDepth d = depth(work.queue);
    EXPECT_EQ(d.sent, 5u) << work.queue;
    EXPECT_EQ(d.parked, 2u) << work.queue << ": one was sent for later, one is retried";
    EXPECT_EQ(d.done, 1u) << work.queue;
    Exchange idle;
    idle.reclaims = true;
    ExchangeResult out;
    session_->exchange(idle, out);  // when the claims were not heard of, they go back now
    session_->close();
    EXPECT_EQ(drain(*watcher_, work.queue), (std::vector<std::string>{"a", "b"})) << work.queue;
  }

  std::unique_ptr<TcpRelay> relay_;
  std::string relayed_;
  Process* watcher_ = nullptr;
  std::unique_ptr<Presence> presence_;
  std::unique_ptr<PostgresSession> session_;
  std::chrono::milliseconds max_age_{0};
  int number_ = 0;
  std::size_t late_ = 0;
  std::function<void()> in_partition_;  // between a lost answer and the asking after it
};

// So many bytes further with every cut: each message of the protocol is met, at its edges and
// inside. `make torture-pg` meets every byte.
std::size_t stride(std::size_t usual) {
  return std::getenv("MSGQ_SWEEP_EVERY_BYTE") != nullptr ? 1 : usual;
}

TEST_F(PostgresSessionTest, ACutAnywhereInTheRequestLosesAndDoublesNothing) {
  int doubts = 0;
  bool was_cut = true;
  for (std::size_t count = 0; was_cut; count += stride(61)) {
    open();
    const Work work = make_work();
    relay_->cut_requests_after(count, false);
    doubts += send(work);
    was_cut = relay_->was_cut();
    relay_->pass_all();
    expect_once(work);
  }
  tell(doubts);
  EXPECT_GT(doubts, 10);
}

TEST_F(PostgresSessionTest, WhatArrivesLateAfterTheClientHasGoneLosesAndDoublesNothing) {
  int doubts = 0;
  bool was_cut = true;
  for (std::size_t count = 0; was_cut; count += stride(61)) {
    const Work work = make_work_impatiently();
    relay_->cut_requests_after(count, true);
    doubts += send(work);
    was_cut = relay_->was_cut();
    relay_->pass_all();
    relay_->deliver_late();
    expect_once(work);
  }
  tell(doubts);
  EXPECT_GT(doubts, 10);
  EXPECT_GT(late_, 1'000u) << "late bytes were delivered";
}

TEST_F(PostgresSessionTest, ACutAnywhereInTheReplyLosesAndDoublesNothing) {
  int doubts = 0;
  bool was_cut = true;
  for (std::size_t count = 0; was_cut; count += stride(17)) {
    open();
    const Work work = make_work();
    relay_->cut_replies_after(count);
    doubts += send(work);
    was_cut = relay_->was_cut();
    relay_->pass_all();
    expect_once(work);
  }
  tell(doubts);
  EXPECT_GT(doubts, 3);
}

// As a caller sends it who may leave before the answer comes.
TEST_F(PostgresSessionTest, ABegunExchangeThatIsCutAnywhereIsStoredOnce) {
  int doubts = 0;
  for (const bool in_reply : {false, true}) {
    bool was_cut = true;
    for (std::size_t count = 0; was_cut; count += stride(7)) {
      open();
      Work work{"q" + std::to_string(++number_), {}};
      work.in.appends.push_back({work.queue, block_of({"a", "b"})});
      EXPECT_FALSE(session_->begin(work.in)) << "its queue has to be made first";
      send(work);
      in_reply ? relay_->cut_replies_after(count) : relay_->cut_requests_after(count, false);
      EXPECT_TRUE(session_->begin(work.in));
      session_->await(std::chrono::milliseconds(1));
      doubts += send(work);
      was_cut = relay_->was_cut();
      relay_->pass_all();
      session_->close();
      EXPECT_EQ(drain(*watcher_, work.queue), (std::vector<std::string>{"a", "b", "a", "b"}));
      EXPECT_EQ(depth(work.queue).sent, 4u);
    }
  }
  tell(doubts);
  EXPECT_GT(doubts, 10);
}

TEST_F(PostgresSessionTest, ASessionEndedByAnAdministratorIsInDoubtAndComesBack) {
  open();
  const Work work = make_work();
  terminate(backend());
  EXPECT_EQ(send(work), 0) << "of the exchange nothing was sent";
  expect_once(work);
}

TEST_F(PostgresSessionTest, AnOldConnectionIsMadeAnewBetweenExchangesAndItsClaimsAreKept) {
  max_age_ = std::chrono::milliseconds(1);
  open();
  const Work work = make_work();
  const int before = backend();
  const Nanos old = system_clock().steady() + max_age_;
  while (system_clock().steady() < old) {
  }
  EXPECT_EQ(send(work), 0) << "nothing is in doubt";
  EXPECT_NE(backend(), before);
  EXPECT_EQ(depth(work.queue).done, 1u);
  session_->close();
  presence_->leave();  // with it goes back what older connections had claimed
  EXPECT_EQ(drain(*watcher_, work.queue), (std::vector<std::string>{"a", "b"}));
}

TEST_F(PostgresSessionTest, ABackendEndedWhileItWaitsInsideTheExchangeIsInDoubt) {
  open();
  const Work work = make_work();
  const int victim = backend();
  OpenTransaction other(store().config().schema);
  other.run("select :schema.lock_lanes(array(select id from :schema.lane))");
  std::thread killer([&] {
    other.await_waiters();
    terminate(victim);
    other.run("rollback");
  });
  EXPECT_EQ(send(work), 1);
  killer.join();
  expect_once(work);
}

TEST_F(PostgresSessionTest, ACommitThatADeferredConstraintRefusesIsNoSuccess) {
  ask("create function :schema.refuse() returns trigger language plpgsql as "
      "$$begin raise exception 'not today'; end$$;"
      "create constraint trigger t after insert on :schema.block deferrable initially deferred "
      "for each row execute function :schema.refuse()");
  Process& process = join();
  EXPECT_EQ(code_of([&] { process.append({"x"}); }), ErrorCode::kStoreRejected);
  ask("drop trigger t on :schema.block");
  EXPECT_EQ(depth().sent, 0u);
  process.append({"y"});
  EXPECT_EQ(drain(process), std::vector<std::string>{"y"});
}

TEST_F(PostgresSessionTest, ARefusedStatementLeavesTheConnectionAsItWas) {
  Process& process = join();
  process.append({"x"});
  const int before = backend();
  ask("alter table :schema.block add constraint c check (n < 2) not valid");
  EXPECT_EQ(code_of([&] { process.append({"a", "b"}); }), ErrorCode::kStoreRejected);
  ask("alter table :schema.block drop constraint c");
  EXPECT_EQ(drain(process), std::vector<std::string>{"x"});
  EXPECT_EQ(backend(), before);
}

TEST_F(PostgresSessionTest, ABlockThatCannotBePutIntoQuarantineStopsNobody) {
  Process& process = join();
  process.append({"x"});
  store().damage();
  ask("alter table :schema.quarantine add constraint c check (n < 0) not valid");
  EXPECT_TRUE(process.claim(1).claims.empty());
  ask("alter table :schema.quarantine drop constraint c");
  process.append({"y"});
  EXPECT_EQ(drain(process), std::vector<std::string>{"y"});
  EXPECT_EQ(depth().quarantined, 1u);
}

TEST_F(PostgresSessionTest, WhatALostConnectionHeldComesBackWhenItsProcessLeaves) {
  Process& process = join();
  process.append({"x"});
  const Claimed claimed = process.claim_one(1);
  terminate(backend());
  process.append({"y"});  // over a new connection, by a new owner
  leave(process);
  Process& other = join();
  EXPECT_EQ(drain(other), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(ask("select count(*) from :schema.process where not is_dead"), "3")
      << "the watcher, the fixture's own, and the other";
}

TEST_F(PostgresSessionTest, AnAppendToAQueueThatWasDeletedMakesItAnew) {
  Process& process = join();
  process.append({"x"});
  join().look().delete_queue(kQueue);
  for (int tries = 0;; ++tries) {
    ASSERT_LT(tries, 3);
    try {
      process.append({"y"});
      break;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kStoreUnavailable) << error.what();
    }
  }
  EXPECT_EQ(drain(join()), std::vector<std::string>{"y"});
}

TEST_F(PostgresSessionTest, AParkedMessageOfADeletedQueueStopsNoPromotion) {
  Process& process = join();
  process.append({"x"});
  join().look().delete_queue(kQueue);
  const std::int64_t due = clock().wall_ms() + 1'000;
  for (int tries = 0;; ++tries) {
    ASSERT_LT(tries, 3);
    try {
      process.park("later", due);
      break;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kStoreUnavailable) << error.what();
    }
  }
  clock().advance(std::chrono::seconds(2));
  EXPECT_EQ(process.promote(), 1u);
  EXPECT_EQ(drain(process), std::vector<std::string>{"later"});
}

TEST_F(PostgresSessionTest, AProcessThatHasLeftIsNotJoinedAnew) {
  Process& process = join();
  process.append({"x"});
  process.kill();
  Process& other = join();
  EXPECT_EQ(other.reclaim(), 0u);
  EXPECT_EQ(ask("select count(*) from :schema.process where is_dead"), "1");
  EXPECT_EQ(code_of([&] { process.append({"y"}); }), ErrorCode::kStoreUnavailable);
  EXPECT_EQ(code_of([&] { process.append({"y"}); }), ErrorCode::kClosed);
}

// A partition: the exchange was committed, its answer never came, and others sweep before it is
// asked after.
TEST_F(PostgresSessionTest, WhatNobodyHeardOfIsNotSweptDuringAPartition) {
  in_partition_ = [this] {
    clock().advance(std::chrono::seconds(1));
    watcher_->append({"x"}, "other");
    watcher_->reclaim();
    while (watcher_->session().tidy(Nanos::max()) != kNever) {
    }
  };
  int doubts = 0;
  bool was_cut = true;
  for (std::size_t count = 0; was_cut; count += 97) {
    open();
    const Work work = make_work();
    relay_->cut_replies_after(count);
    doubts += send(work);
    was_cut = relay_->was_cut();
    relay_->pass_all();
    expect_once(work);
  }
  EXPECT_GT(doubts, 2);
}

}  // namespace
}  // namespace msgq::test
