// Promise: what users send in transactions of their own is seen soon by one of those who take work,
// also when nothing else has happened for long; when that one ends another takes over.
#include "transport/postgres/outbox_watch.h"

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using transport::postgres::OutboxWatch;
using transport::postgres::Presence;
using transport::postgres::PresenceRules;

class PostgresOutboxWatchTest : public PostgresRoomTest {
 protected:
  void send(const std::string& body) {
    ask("set msgq.test_ms = 0; select :schema.enqueue('orders', '" + body + "'::bytea)");
  }
};

TEST_F(PostgresOutboxWatchTest, OneWatchesAndWhenItEndsAnotherDoes) {
  auto one = connect();
  const auto other = connect();
  OutboxWatch first, second;
  EXPECT_EQ(first.next_at(), kNever);
  first.try_take(*one, Nanos(5));
  EXPECT_EQ(first.next_at(), Nanos(5));
  second.try_take(*other, Nanos(5));
  EXPECT_EQ(second.next_at(), kNever);
  const int backend = PQbackendPID(one->raw());
  one.reset();
  first.lose();
  EXPECT_EQ(first.next_at(), kNever);
  terminate(backend);
  second.try_take(*other, Nanos(7));
  EXPECT_EQ(second.next_at(), Nanos(7));
}

TEST_F(PostgresOutboxWatchTest, SeesWhatWasCommittedUntilItIsDrained) {
  const auto connection = connect();
  OutboxWatch watch;
  watch.try_take(*connection, Nanos(0));
  EXPECT_FALSE(watch.look(*connection, Nanos(1)));
  EXPECT_GT(watch.next_at(), Nanos(1));
  OpenTransaction user(store().config().schema);
  user.run("set msgq.test_ms = 0; select :schema.enqueue('orders', 'slow'::bytea)");
  EXPECT_FALSE(watch.look(*connection, Nanos(2)));
  send("quick");  // younger, and there first
  EXPECT_TRUE(watch.look(*connection, Nanos(3)));
  EXPECT_TRUE(watch.look(*connection, Nanos(4)));
  Process& worker = join();
  worker.promote();
  EXPECT_EQ(drain(worker), std::vector<std::string>{"quick"});
  EXPECT_FALSE(watch.look(*connection, Nanos(5)));
  user.run("commit");
  EXPECT_TRUE(watch.look(*connection, Nanos(6))) << "its mark stayed below what was still open";
  worker.promote();
  EXPECT_EQ(drain(worker), std::vector<std::string>{"slow"});
}

TEST_F(PostgresOutboxWatchTest, WhoTakesWorkIsToldWhateverElseHappens) {
  Presence presence(spec(), store().log, PresenceRules{std::chrono::milliseconds(5'000)});
  int told = 0;
  presence.on_due = [&] { ++told; };
  send("before");
  presence.wait(std::chrono::milliseconds(1));
  EXPECT_EQ(told, 0) << "it takes none";
  presence.listen();
  while (told == 0) presence.wait(std::chrono::milliseconds(10));
  presence.leave();
}

}  // namespace
}  // namespace msgq::test
