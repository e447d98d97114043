// Promise: a process learns of every queue that others made or removed, and makes its own once.
#include "transport/postgres/directory.h"

#include <set>
#include <thread>

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using transport::postgres::Directory;

class PostgresDirectoryTest : public PostgresRoomTest {
 protected:
  std::int64_t version() { return std::stoll(ask("select :schema.directory_version()")); }
};

TEST_F(PostgresDirectoryTest, AQueueIsMadeOnceHoweverManyMakeIt) {
  std::vector<std::thread> makers;
  for (int i = 0; i < 8; ++i)
    makers.emplace_back([&] {
      auto connection = connect();
      Directory directory;
      directory.refresh(*connection);
      EXPECT_GT(directory.lane_of(directory.make(*connection, "q", false)), 0);
    });
  for (auto& each : makers) each.join();
  EXPECT_EQ(ask("select count(*) from :schema.lane"), "1");
  EXPECT_EQ(ask("select count(*) from :schema.cursor"), "1");
  EXPECT_EQ(ask("select count(*) from :schema.totals"), "1");
}

TEST_F(PostgresDirectoryTest, AQueueMadeInATransactionThatCommitsLaterIsLearnedOf) {
  auto connection = connect();
  Directory directory;
  OpenTransaction maker(store().config().schema);
  maker.run("select :schema.open_queue('late', 0, 0)");
  directory.refresh(*connection);
  EXPECT_EQ(directory.find("late"), nullptr);
  maker.run("commit");
  directory.note_version(version());
  EXPECT_TRUE(directory.is_stale());
  directory.refresh(*connection);
  EXPECT_NE(directory.find("late"), nullptr);
  directory.note_version(version());
  EXPECT_FALSE(directory.is_stale());
}

TEST_F(PostgresDirectoryTest, AQueueThatIsDeletedIsForgotten) {
  auto connection = connect();
  Directory directory;
  directory.refresh(*connection);
  directory.make(*connection, "q", false);
  EXPECT_TRUE(directory.can_append("q"));
  join().look().delete_queue("q");
  directory.note_version(version());
  directory.refresh(*connection);
  EXPECT_FALSE(directory.can_append("q"));
}

TEST_F(PostgresDirectoryTest, ProcessesThatSendAtTheSameTimeHaveLanesOfTheirOwn) {
  store().config().lanes = 2;
  for (int i = 0; i < 3; ++i) join().append({std::to_string(i)});
  EXPECT_EQ(ask("select string_agg(shard::text, ' ' order by shard) from :schema.lane"), "0 1");
  EXPECT_EQ(ask("select count(distinct lane) from :schema.block"), "2");
}

TEST_F(PostgresDirectoryTest, EachLaneIsTheFirstInItsTurn) {
  for (int i = 0; i < 3; ++i) join().append({std::to_string(i)});
  join().park("x", clock().wall_ms());
  EXPECT_EQ(join().promote(), 1u);
  auto connection = connect();
  Directory directory;
  directory.refresh(*connection);
  const auto* queue = directory.find(kQueue);
  ASSERT_NE(queue, nullptr);
  std::set<int> firsts;
  for (std::int64_t turn = 0; turn < 4; ++turn) {
    const std::vector<int> lanes = queue->lanes_in_turn(turn);
    ASSERT_EQ(lanes.size(), 5u);
    EXPECT_EQ(lanes[0], queue->lanes()[0]) << "what returned goes first";
    firsts.insert(lanes[1]);
  }
  EXPECT_EQ(firsts.size(), 4u);
}

TEST_F(PostgresDirectoryTest, StrictQueuesAreMadeByNobody) {
  auto connection = connect();
  Directory directory;
  directory.refresh(*connection);
  EXPECT_EQ(code_of([&] { directory.make(*connection, "q", true); }), ErrorCode::kNotFound);
  ask("select :schema.open_queue('q', 0, 0)");
  EXPECT_GT(directory.make(*connection, "q", true).id, 0) << "looked up again first";
}

TEST_F(PostgresDirectoryTest, ReturnedLanesComeFirstAndAreNotAppendedTo) {
  Process& process = join();
  process.park("x", clock().wall_ms());
  EXPECT_EQ(process.promote(), 1u);
  auto connection = connect();
  Directory directory;
  directory.refresh(*connection);
  const auto* queue = directory.find(kQueue);
  ASSERT_NE(queue, nullptr);
  ASSERT_EQ(queue->lanes().size(), 2u);
  EXPECT_NE(directory.lane_of(*queue), queue->lanes().front());
  EXPECT_EQ(directory.of_id(queue->id), queue);
  EXPECT_EQ(directory.of_subscription(queue->subscription), queue);
}

}  // namespace
}  // namespace msgq::test
