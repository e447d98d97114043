// Promise: who asks what became of messages hears it for each, in order, also when the connection
// was lost meanwhile; nobody waits for long, however many transactions are open.
#include "transport/postgres/ack_bar.h"

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using transport::AckPlace;
using transport::postgres::AckBar;
using transport::postgres::ConnectionSpec;
using transport::postgres::Pool;
using transport::postgres::PoolRules;

class PostgresAckBarTest : public PostgresRoomTest {
 protected:
  static std::vector<AckPlace> places_of(const Claimed& claimed) {
    std::vector<AckPlace> out;
    for (std::uint32_t i = 0; i < claimed.count(); ++i) out.push_back({claimed.key, i});
    return out;
  }
  // Another transaction's row for a message.
  static std::string row(const Claimed& claimed, std::uint32_t ordinal) {
    return "insert into :schema.acked values (" + std::to_string(claimed.key.gen) + ", " +
           std::to_string(ordinal) + ", true)";
  }
  std::vector<AckFate> fates(const std::vector<AckPlace>& places) { return bar().run(places); }
  AckBar& bar() {
    if (!bar_) bar_ = std::make_unique<AckBar>(pool_of(spec()));
    return *bar_;
  }
  Pool& pool_of(const ConnectionSpec& spec) {
    pool_ = std::make_unique<Pool>(spec, PoolRules{}, clock(), store().log);
    return *pool_;
  }
  void TearDown() override {
    bar_.reset();
    pool_.reset();
    PostgresRoomTest::TearDown();
  }

 private:
  std::unique_ptr<Pool> pool_;
  std::unique_ptr<AckBar> bar_;
};

TEST_F(PostgresAckBarTest, EachHasItsFateInOrder) {
  Process& worker = join();
  worker.append(numbered(4));
  const Claimed claimed = worker.claim_one(4);
  OpenTransaction done(store().config().schema), open(store().config().schema);
  done.run(row(claimed, 2));
  done.run("commit");
  open.run(row(claimed, 1));
  const std::vector expected{AckFate::kBarred, AckFate::kOpen, AckFate::kDone, AckFate::kBarred};
  EXPECT_EQ(fates(places_of(claimed)), expected);
  EXPECT_EQ(ask("select count(*) from :schema.acked where not is_done"), "2");
  EXPECT_TRUE(fates({}).empty());
}

TEST_F(PostgresAckBarTest, OfManyOpenOnesOneIsWaitedFor) {
  Process& worker = join();
  worker.append(numbered(40));
  const Claimed claimed = worker.claim_one(40);
  OpenTransaction open(store().config().schema);
  for (std::uint32_t i = 0; i < 40; ++i) open.run(row(claimed, i));
  ask("alter function :schema.bar set lock_timeout = '100ms'");
  EXPECT_EQ(fates(places_of(claimed)), std::vector<AckFate>(40, AckFate::kOpen));
}

TEST_F(PostgresAckBarTest, ALeaseThatHasGoneLeavesNoRow) {
  Process& worker = join();
  worker.append({"x"});
  const Claimed claimed = worker.claim_one(1);
  EXPECT_TRUE(worker.settle(ack_all(claimed)));
  EXPECT_EQ(fates(places_of(claimed)), std::vector{AckFate::kBarred});
  EXPECT_EQ(ask("select count(*) from :schema.acked"), "0");
}

TEST_F(PostgresAckBarTest, ALostConnectionIsMadeAgain) {
  Process& worker = join();
  worker.append({"x"});
  const auto places = places_of(worker.claim_one(1));
  EXPECT_EQ(fates(places), std::vector{AckFate::kBarred});
  pg_run(
      "select pg_terminate_backend(pid, 10000) from pg_stat_activity "
      "where application_name like 'msgq % test'");
  EXPECT_EQ(fates(places), std::vector{AckFate::kBarred});
}

TEST_F(PostgresAckBarTest, AServerThatIsAwayIsSaidSo) {
  auto nowhere = spec("postgresql:///msgq?host=/nonexistent");
  AckBar lost(pool_of(nowhere));
  EXPECT_EQ(code_of([&] { lost.run({AckPlace{}}); }), ErrorCode::kStoreUnavailable);
}

}  // namespace
}  // namespace msgq::test
