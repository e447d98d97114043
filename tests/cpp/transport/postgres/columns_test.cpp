// Promise: blocks and messages reach the schema's functions as they are, column by column.
#include "transport/postgres/columns.h"

#include <gtest/gtest.h>

#include "conformance/harness.h"

namespace msgq::transport::postgres {
namespace {

StoredMessage message(const std::string& body) {
  return StoredMessage::copy(test::block_of({body})->view(0));
}

TEST(PostgresColumns, AMessageIsABlockOfOneAndComesBack) {
  StoredMessage before = message("body");
  before.headers = R"({"a":1})";
  before.counts = {3, 2, 1};
  before.history = "[]";
  const StoredMessage after =
      StoredMessage::copy(Block::decode(block_of_one(before)->bytes())->view(0));
  EXPECT_EQ(after.id, before.id);
  EXPECT_EQ(after.body, before.body);
  EXPECT_EQ(after.type, before.type);
  EXPECT_EQ(after.headers, before.headers);
  EXPECT_EQ(after.history, before.history);
  EXPECT_EQ(after.counts.deliveries, 3u);
  EXPECT_EQ(after.counts.failures, 2u);
  EXPECT_EQ(after.counts.crashes, 1u);
  EXPECT_EQ(after.enqueued_ms, before.enqueued_ms);
}

TEST(PostgresColumns, ABlockFillsNineParameters) {
  BlockColumns columns;
  const BlockPtr block = test::block_of({"a", "b"});
  columns.add(4, 7, *block);
  columns.add(5, 8, *block);
  Params out;
  columns.put(out);
  EXPECT_EQ(out.count(), 9);
  EXPECT_EQ(out.lengths().back(), static_cast<int>(2 * block->bytes().size()));
}

TEST(PostgresColumns, AMessageFillsFiveParameters) {
  MessageColumns columns;
  columns.add(message("x"));
  Params out;
  columns.put(out);
  EXPECT_EQ(out.count(), 5);
  EXPECT_GT(out.lengths().back(), 0);
}

}  // namespace
}  // namespace msgq::transport::postgres
