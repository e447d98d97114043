#include "transport/sqlite/dedup.h"

#include "conformance/harness.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

class SqliteDedup : public RawStoreTest {
 protected:
  std::vector<transport::Duplicate> ask(const std::string& id, Once::Until until,
                                        std::int64_t window_ms = 0) {
    message_ = draw_ids(1, 1);
    return store.dedup.remember(store, {{0, &queue.name, {id, until, window_ms}, {message_, 7}}});
  }
  MessageId message_;  // of the last ask()
  transport::sqlite::Queue& queue = store.directory.make(kQueue, store.counter);
};

TEST_F(SqliteDedup, WhatIsOverIsForgottenTwiceAsFastAsOthersCome) {
  for (int i = 0; i < 10; ++i) ask(std::to_string(i), Once::Until::kWindow, 1'000);
  store.now.wall_ms += 1'000;
  const auto before = store.connection.changes();
  EXPECT_TRUE(ask("another", Once::Until::kWindow, 1'000).empty());
  EXPECT_EQ(store.connection.changes() - before, 3) << "one came, two went";
  EXPECT_TRUE(ask("0", Once::Until::kWindow, 1'000).empty()) << "there or not, its time is over";
}

TEST_F(SqliteDedup, AMessageFreesItsOwnIdAlone) {
  ask("a", Once::Until::kDone);
  const MessageId first = message_;
  EXPECT_EQ(ask("a", Once::Until::kDone).size(), 1u);
  store.dedup.release(queue.id, {message_});  // of the duplicate, which is nowhere
  EXPECT_EQ(ask("a", Once::Until::kDone).size(), 1u);
  store.dedup.release(queue.id, {first});
  EXPECT_TRUE(ask("a", Once::Until::kDone).empty());
}

TEST_F(SqliteDedup, AQueueForgetsWhatIsOverOrAll) {
  ask("a", Once::Until::kDone);
  ask("c", Once::Until::kWindow, 1'000);
  store.dedup.release_all(queue.id);
  EXPECT_EQ(ask("c", Once::Until::kWindow, 1'000).size(), 1u);
  store.dedup.remove_queue(queue.id);
  EXPECT_TRUE(ask("c", Once::Until::kWindow, 1'000).empty());
}

}  // namespace
}  // namespace msgq::test
