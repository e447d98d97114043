// Promise: what is kept is stored with the ends of messages, or not at all; its receipts say which.
#include <gtest/gtest.h>

#include "msgq/engine.h"
#include "support/road.h"

namespace msgq {
namespace {

using std::chrono::seconds;

class EngineCommitTest : public ::testing::Test {
 protected:
  LotPtr claim(const std::string& queue) {
    return engine.claim(queue, 10, seconds(5), seconds(30));
  }
  static Engine::Part ack(const LotPtr& lot) { return {lot, {Decision{}}}; }
  QueueDepth depth(const std::string& queue) {
    for (const auto& each : engine.depth())
      if (each.queue == queue) return each;
    return {};
  }

  static Config memory() {
    Config config;
    config.scheme = "memory";
    return config;
  }

  Engine engine{memory()};
};

TEST_F(EngineCommitTest, SendsAndEndsAreOne) {
  engine.enqueue(test::parcel_of({"a"}, "in"));
  const LotPtr lot = claim("in");
  const KeptPtr first = engine.keep(test::parcel_of({"b"}, "out"));
  const KeptPtr second = engine.keep(test::parcel_of({"c", "d"}, "more"));
  EXPECT_EQ(first->receipt()->status(), ReceiptStatus::kPending);
  const ReceiptPtr all = engine.commit({ack(lot)}, {first, second}, seconds(1), false);
  ASSERT_TRUE(all->wait(seconds(10)));
  EXPECT_EQ(all->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(first->receipt()->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(depth("in").done, 1U);
  EXPECT_EQ(depth("out").waiting, 1U);
  EXPECT_EQ(depth("more").waiting, 2U);
}

TEST_F(EngineCommitTest, WhatIsSettledAlreadyLetsNothingHappen) {
  engine.enqueue(test::parcel_of({"a"}, "in"));
  const LotPtr lot = claim("in");
  engine.settle_now(lot, {Decision{}})->wait(seconds(10));
  const KeptPtr kept = engine.keep(test::parcel_of({"b"}, "out"));
  const ReceiptPtr all = engine.commit({ack(lot)}, {kept}, seconds(1), false);
  ASSERT_TRUE(all->wait(seconds(10)));
  EXPECT_EQ(all->error()->code(), ErrorCode::kLeaseLost);
  EXPECT_EQ(kept->receipt()->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(depth("out").sent, 0U);
}

TEST_F(EngineCommitTest, WhatIsDroppedIsToldSo) {
  KeptPtr kept = engine.keep(test::parcel_of({"b"}, "out"));
  const ReceiptPtr receipt = kept->receipt();
  kept.reset();
  EXPECT_EQ(receipt->error()->code(), ErrorCode::kRolledBack);
  engine.close(seconds(1));
  EXPECT_THROW(engine.keep(test::parcel_of({"b"}, "out")), Error);
}

}  // namespace
}  // namespace msgq
