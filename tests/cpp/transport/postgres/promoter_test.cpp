// Promise: looks begin where the last due messages were found; what a slow transaction brought
// behind that is found within a second, or within ten when looking there is dear.
#include "transport/postgres/promoter.h"

#include <thread>

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using transport::postgres::Params;
using transport::postgres::Promoter;

class PostgresPromoterTest : public PostgresRoomTest {
 protected:
  void SetUp() override {
    PostgresRoomTest::SetUp();
    if (IsSkipped()) return;
    process_ = &join();
    connection_ = connect();
    promoter_ = std::make_unique<Promoter>(clock());
    asker_.owner = 1;
    Params params;
    params.integer(asker_.owner).small(std::stoi(ask("select max(id) from :schema.process")));
    connection_->call("open_owner", params);
  }
  std::uint32_t run(std::uint32_t most = 100) {
    set_clock();
    return promoter_->run(*connection_, asker_, most);
  }
  void set_clock() { store().options().before(*connection_); }
  void park() { process_->park("x", clock().wall_ms()); }
  // As if the transaction that parked all that is parked had needed so long to commit.
  void make_late(const std::string& by) {
    ask("update :schema.parked set due = due - interval '" + by + "'");
  }
  std::string floors() { return ask("select count(*) from :schema.due_floor"); }

  Process* process_ = nullptr;
  std::unique_ptr<transport::postgres::Connection> connection_;
  std::unique_ptr<Promoter> promoter_;
  transport::postgres::Asker asker_;
};

TEST_F(PostgresPromoterTest, OneFloorFollowsWhatWasPromoted) {
  EXPECT_EQ(floors(), "0");
  for (int i = 0; i < 5; ++i) {
    park();
    clock().advance(std::chrono::seconds(1));
    EXPECT_EQ(run(), 1u);
    EXPECT_EQ(floors(), "1");
  }
  const std::string before = ask("select due from :schema.due_floor");
  park();
  clock().advance(std::chrono::milliseconds(50));
  EXPECT_EQ(run(), 1u);
  EXPECT_EQ(ask("select due from :schema.due_floor"), before) << "not at every message";
  EXPECT_EQ(drain(*process_).size(), 6u);
}

TEST_F(PostgresPromoterTest, ALittleLateIsFoundAtOnceAndVeryLateWithinASecond) {
  park();
  clock().advance(std::chrono::seconds(2));
  EXPECT_EQ(run(), 1u);
  park();
  make_late("150 ms");
  EXPECT_EQ(run(), 1u);
  park();
  make_late("1 hour");
  EXPECT_EQ(run(), 0u);
  EXPECT_EQ(depth().parked, 1u);
  clock().advance(std::chrono::seconds(1));
  EXPECT_EQ(run(0), 1u) << "though nobody asked";
  EXPECT_EQ(run(0), 0u);
  EXPECT_EQ(drain(*process_).size(), 3u);
}

TEST_F(PostgresPromoterTest, AnIdleProcessFindsIt) {
  park();
  clock().advance(std::chrono::seconds(2));
  EXPECT_EQ(run(), 1u);
  EXPECT_EQ(drain(*process_).size(), 1u);
  park();
  make_late("1 hour");
  clock().advance(std::chrono::seconds(2));
  Exchange poll;
  poll.is_poll = true;
  poll.promote_max = 100;
  EXPECT_EQ(process_->exchange(poll).promoted, 1u);
  EXPECT_EQ(drain(*process_).size(), 1u);
}

TEST_F(PostgresPromoterTest, TheLeftKeepsItsTurnUntilItIsEmpty) {
  park();
  clock().advance(std::chrono::seconds(2));
  EXPECT_EQ(run(), 1u);
  for (int i = 0; i < 5; ++i) park();
  make_late("1 hour");
  clock().advance(std::chrono::seconds(2));
  EXPECT_EQ(run(2), 2u);
  EXPECT_EQ(run(2), 2u);
  EXPECT_EQ(run(2), 1u);
  EXPECT_EQ(drain(*process_).size(), 6u);
}

// A standby took over whose clock is behind: what is due is due by its clock.
TEST_F(PostgresPromoterTest, AFloorInTheFutureHidesNothing) {
  ask("insert into :schema.due_floor select now() + interval '100 years'");
  EXPECT_EQ(run(), 0u);  // the left has had its turn
  park();
  EXPECT_EQ(run(), 1u) << "on time";
  EXPECT_EQ(floors(), "0");
  park();
  clock().advance(std::chrono::milliseconds(900));
  EXPECT_EQ(run(), 1u) << "and later, too";
  EXPECT_EQ(drain(*process_).size(), 2u);
}

// The other took of the queue that both had seen; of the next one more is due.
TEST_F(PostgresPromoterTest, WhoGetsLessThanWasSeenMovesNoFloor) {
  for (int i = 0; i < 3; ++i) park();
  clock().advance(std::chrono::seconds(1));
  process_->park("b", clock().wall_ms(), "other");
  clock().advance(std::chrono::seconds(1));
  EXPECT_GT(run(0), 0u);  // the left has had its turn, and the floor is set
  for (int i = 0; i < 3; ++i) park();
  clock().advance(std::chrono::milliseconds(300));
  process_->park("b", clock().wall_ms(), "other");
  clock().advance(std::chrono::milliseconds(300));
  {
    OpenTransaction other(store().config().schema);
    const std::string now = std::to_string(store().store_ms());
    other.run("set msgq.test_ms = " + now);
    other.run("select :schema.promote(" + std::to_string(asker_.owner) + ", 1000, 2, false)");
    std::thread waiting([&] { EXPECT_EQ(run(2), 1u); });
    other.await_waiters();
    other.run("commit");
    waiting.join();
  }
  EXPECT_EQ(run(), 1u) << "the other queue's message is seen from the floor on";
  EXPECT_EQ(drain(*process_).size() + drain(*process_, "other").size(), 8u);
}

// Looking at the left takes a time, as under an old snapshot.
TEST_F(PostgresPromoterTest, WhatIsDearIsDoneMoreRarely) {
  class Ticking final : public Clock {
   public:
    Nanos steady() override { return now += tick; }
    std::int64_t wall_ms() override { return 0; }
    std::int64_t boot_ms() override { return 0; }
    Nanos now{0}, tick{0};
  } ticking;
  Promoter promoter(ticking);
  const auto looks_again_after = [&](Nanos gap) {
    ticking.tick = Nanos::zero();
    park();
    make_late("1 hour");
    set_clock();
    const std::uint32_t early =
        (ticking.now += gap - std::chrono::milliseconds(10), promoter.run(*connection_, asker_, 0));
    const std::uint32_t late =
        (ticking.now += std::chrono::milliseconds(20), promoter.run(*connection_, asker_, 0));
    return early == 0 && late == 1;
  };
  const auto look_for = [&](Nanos cost) {
    ticking.now += std::chrono::seconds(100);
    ticking.tick = cost;
    set_clock();
    promoter.run(*connection_, asker_, 0);
  };
  look_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(looks_again_after(std::chrono::seconds(1)));
  look_for(std::chrono::milliseconds(100));
  EXPECT_TRUE(looks_again_after(std::chrono::seconds(5)));
  look_for(std::chrono::seconds(3));
  EXPECT_TRUE(looks_again_after(std::chrono::seconds(10)));
  EXPECT_EQ(drain(*process_).size(), 3u);
}

TEST_F(PostgresPromoterTest, ALookThatFindsNothingLeavesNothingToSweep) {
  EXPECT_EQ(run(0), 0u);
  EXPECT_EQ(asker_.request, 0);
  park();
  EXPECT_EQ(run(100), 1u);
  EXPECT_EQ(asker_.request, 1);
  EXPECT_EQ(drain(*process_).size(), 1u);
}

TEST_F(PostgresPromoterTest, AClosedConnectionPromotesNothing) {
  park();
  ask("update :schema.owner set is_closed = true where id = 1");
  EXPECT_NE(std::string(error_of([&] { run(); }).what()).find("closed by others"),
            std::string::npos);
  EXPECT_EQ(depth().parked + depth().waiting, 1u);
  clock().advance(std::chrono::seconds(2));
  EXPECT_EQ(process_->promote(), 1u);
  EXPECT_EQ(drain(*process_).size(), 1u);
}

}  // namespace
}  // namespace msgq::test
