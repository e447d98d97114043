// Promise: what exchanges leave for finding out what became of them goes once nobody needs it, the
// totals stay, and an idle session comes back for it by itself.
#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

class PostgresSessionHouseTest : public PostgresRoomTest {};

TEST_F(PostgresSessionHouseTest, HeardRequestsAreSweptAndTheTotalsStay) {
  Process& process = join();
  for (int i = 0; i < 300; ++i) process.append({"x"});
  EXPECT_LT(std::stoi(ask("select count(*) from :schema.flushed")), 260);
  clock().advance(std::chrono::seconds(1));
  EXPECT_EQ(process.session().tidy(Nanos::max()), kNever);
  EXPECT_EQ(ask("select count(*) from :schema.flushed"), "0");
  EXPECT_EQ(depth().sent, 300u);
}

TEST_F(PostgresSessionHouseTest, OwnersClosedLongAgoAndDeadProcessesGo) {
  Process& victim = join();
  victim.append(numbered(3));
  victim.kill();
  Process& other = join();
  other.reclaim();
  ask("update :schema.owner set closed_at = closed_at - interval '2 days' where is_closed");
  clock().advance(std::chrono::minutes(20));
  other.session().tidy(Nanos::max());
  EXPECT_EQ(ask("select count(*) from :schema.owner where is_closed"), "0");
  EXPECT_EQ(ask("select count(*) from :schema.process where is_dead"), "0");
  EXPECT_EQ(depth().sent, 3u);
}

TEST_F(PostgresSessionHouseTest, WhoIsWantedAgainAtOnceComesBackLater) {
  Process& process = join();
  process.append({"a"});
  process.session().tidy(Nanos::max());
  process.append({"b"});
  const Nanos again = process.session().tidy(Nanos::max());
  EXPECT_GT(again, clock().steady());
  EXPECT_EQ(ask("select count(*) from :schema.flushed"), "1") << "not after every exchange";
  clock().advance(again - clock().steady());
  EXPECT_EQ(process.session().tidy(Nanos::max()), kNever);
  EXPECT_EQ(ask("select count(*) from :schema.flushed"), "0");
}

}  // namespace
}  // namespace msgq::test
