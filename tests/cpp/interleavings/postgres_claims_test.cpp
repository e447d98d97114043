// Promise: processes that claim at the same moment take turns at a lane and share the lanes;
// whoever finds another one at it is told so, and whoever has enough keeps nobody from the rest.
#include <thread>

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

// The first claim stops before its commit until the holder of lock (78, 1) lets it go on.
class PostgresClaimInterleavings : public PostgresRoomTest {
 protected:
  void SetUp() override {
    PostgresRoomTest::SetUp();
    if (IsSkipped()) return;
    ask("create function :schema.pause() returns trigger language plpgsql as $$begin "
        "if (select count(*) from :schema.claim) = 1 then perform pg_advisory_xact_lock(78, 1); "
        "end if; return null; end$$;"
        "create constraint trigger pause after insert on :schema.claim deferrable initially "
        "deferred for each row execute function :schema.pause()");
  }
  // While `process` is between a claim of two messages and its commit.
  void while_claiming(Process& process, const std::function<void()>& what) {
    OpenTransaction holder(store().config().schema);
    holder.run("select pg_advisory_xact_lock(78, 1)");
    std::thread thread([&] {
      for (const Claimed& claimed : process.claim(2).claims) process.settle(ack_all(claimed));
    });
    holder.await_waiters();
    what();
    holder.run("commit");
    thread.join();
  }
};

TEST_F(PostgresClaimInterleavings, WhoFindsAnotherAtTheLaneIsToldThatItWasPassedOver) {
  store().config().lanes = 1;
  Process& one = join();
  Process& two = join();
  one.append(numbered(6));
  while_claiming(one, [&] {
    const auto answer = two.claim(4);
    EXPECT_TRUE(answer.claims.empty());
    EXPECT_TRUE(answer.was_passed_over);
    EXPECT_FALSE(answer.has_more) << "which would be asked for again at once";
  });
  EXPECT_EQ(drain(two).size(), 4u);
}

TEST_F(PostgresClaimInterleavings, NobodyIsPassedOverWhereThereIsNothing) {
  store().config().lanes = 1;
  Process& one = join();
  Process& two = join();
  one.append(numbered(2));
  EXPECT_FALSE(two.claim(0).was_passed_over);
  EXPECT_EQ(drain(two).size(), 2u);
  EXPECT_FALSE(two.claim(4).was_passed_over);
}

TEST_F(PostgresClaimInterleavings, WhoHasEnoughKeepsNobodyFromTheOtherLanes) {
  store().config().lanes = 3;
  Process& one = join();
  Process& two = join();
  Process& three = join();
  for (Process* each : {&one, &two, &three}) each->append(numbered(2));
  two.claim(0);  // it has heard of all lanes
  while_claiming(one, [&] { EXPECT_EQ(drain(two).size(), 4u) << "of the two lanes left"; });
  EXPECT_EQ(depth().done, 6u);
}

}  // namespace
}  // namespace msgq::test
