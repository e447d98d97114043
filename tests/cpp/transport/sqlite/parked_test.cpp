#include "transport/sqlite/parked.h"

#include "conformance/harness.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

using transport::sqlite::DeadRow;
using transport::sqlite::ParkedRow;
using transport::sqlite::ParkKind;

class ParkedTest : public RawStoreTest {
 protected:
  StoredMessage message(const std::string& body) {
    auto out = StoredMessage::copy(block_of({body}, "handler", "{\"k\":1}")->view(0));
    out.counts = {3, 2, 1};
    out.history = "[{}]";
    out.key = "user-42";
    out.place = {7, 3};
    return out;
  }
  StoredMessage park(const std::string& body, std::int64_t due_ms) {
    const auto out = message(body);
    store.parked.add({store.counter.draw(), out, 5, 6, ParkKind::kRetry, due_ms, 1});
    return out;
  }
};

TEST_F(ParkedTest, DueMessagesAreReadInOrderOfTheirTime) {
  park("late", 300);
  park("early", 100);
  park("middle", 200);
  EXPECT_EQ(store.parked.next_due_ms(), 100);
  const auto due = store.parked.read_due(250, 10);
  ASSERT_EQ(due.size(), 2u);
  EXPECT_EQ(due[0].message.body, "early");
  EXPECT_EQ(due[1].message.body, "middle");
  EXPECT_EQ(due[0].subscription, 6);
  for (const ParkedRow& row : due) store.parked.remove(row.number);
  EXPECT_TRUE(store.parked.read_due(250, 10).empty());
  EXPECT_EQ(store.parked.next_due_ms(), 300);
  park("held back", transport::kHeldBack);
  EXPECT_EQ(store.parked.next_due_ms(), 300);
}

TEST_F(ParkedTest, AMessageKeepsEverything) {
  const auto sent = park("body", 1);
  const auto found = store.parked.find(5, sent.id).value().message;
  EXPECT_EQ(found.id, sent.id);
  EXPECT_EQ(found.type, "handler");
  EXPECT_EQ(found.content, Content::kJson);
  EXPECT_EQ(found.headers, "{\"k\":1}");
  EXPECT_EQ(found.history, "[{}]");
  EXPECT_EQ(found.counts.deliveries, 3u);
  EXPECT_EQ(found.counts.failures, 2u);
  EXPECT_EQ(found.counts.crashes, 1u);
  EXPECT_EQ(found.enqueued_ms, sent.enqueued_ms);
  EXPECT_EQ(found.key, "user-42");
  EXPECT_EQ(found.place, (KeyPlace{7, 3}));
  EXPECT_FALSE(store.parked.find(4, sent.id).has_value());
}

TEST_F(ParkedTest, AListGoesOnBehindItsLast) {
  for (int i = 0; i < 5; ++i) park(std::to_string(i), 1);
  std::string id;
  std::int64_t number = 0;
  std::vector<std::string> seen;
  for (auto page = store.parked.list(5, id, number, 2); !page.empty();
       page = store.parked.list(5, id, number, 2)) {
    for (const ParkedRow& row : page) seen.push_back(row.message.body);
    id = page.back().message.id.to_bytes();
    number = page.back().number;
  }
  EXPECT_EQ(seen, numbered(5));
}

TEST_F(ParkedTest, DeadLettersAreListedFoundAndRemoved) {
  const auto first = message("a");
  store.dead.add({1, first, 5, 6, "why", 9});
  store.dead.add({2, message("b"), 7, 8, "how", 9});
  EXPECT_EQ(store.dead.list(0, 0, 10).size(), 2u);
  EXPECT_EQ(store.dead.list(7, 0, 10).at(0).reason, "how");
  EXPECT_EQ(store.dead.list(0, 1, 10).size(), 1u);
  EXPECT_EQ(store.dead.find(5, first.id).at(0).died_ms, 9);
  store.dead.remove(1);
  EXPECT_TRUE(store.dead.find(5, first.id).empty());
}

}  // namespace
}  // namespace msgq::test
