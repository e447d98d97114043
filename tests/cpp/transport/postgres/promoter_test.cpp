// Promise: looks begin where the last due messages were found; what a slow transaction brought
// behind that is found within a second, or later when looking there is dear.
#include "transport/postgres/promoter.h"

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
  EXPECT_EQ(run(), 0u);
  park();
  EXPECT_EQ(run(), 1u);
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
