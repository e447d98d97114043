// Promise: a message held back comes when it is due, not before, once, with all it has lived
// through.
#include "conformance/harness.h"

namespace msgq::test {
namespace {

using std::chrono::milliseconds;

class ParkedConformance : public ConformanceTest {
 protected:
  // Claims one message and sends it back as the engine would.
  void retry(Process& process, std::int64_t due_ms, const std::string& history = {}) {
    const Claimed claimed = process.claim_one(1);
    SettleOrder order = ack_some(claimed, {});
    add_back(order, claimed, 0, SettleOrder::Return::kRetry, due_ms);
    order.backs[0].message.history = history;
    order.is_whole = true;
    EXPECT_TRUE(process.settle(order));
  }
};

TEST_P(ParkedConformance, NothingIsPromotedEarly) {
  Process& process = join();
  process.park("x", wall_ms() + 5'000);
  EXPECT_EQ(depth().parked, 1u);
  EXPECT_EQ(depth().sent, 1u);
  clock().advance(milliseconds(4'999));
  EXPECT_EQ(process.promote(), 0u);
  EXPECT_TRUE(process.claim(1).claims.empty());
  clock().advance(milliseconds(1));
  EXPECT_EQ(process.promote(), 1u);
  EXPECT_EQ(drain(process), (std::vector<std::string>{"x"}));
}

TEST_P(ParkedConformance, PromotionAndClaimInOneExchange) {
  Process& process = join();
  process.park("x", wall_ms());
  Exchange in;
  in.promote_max = 10;
  in.claims.push_back({kQueue, 1, 0, 30'000, false, false});
  const auto out = process.exchange(in);
  EXPECT_EQ(out.promoted, 1u);
  ASSERT_EQ(out.claims[0].claims.size(), 1u);
  EXPECT_EQ(bodies_of(out.claims[0].claims[0]), (std::vector<std::string>{"x"}));
}

TEST_P(ParkedConformance, ComesInTheOrderOfDueTimes) {
  Process& process = join();
  for (const int at : {7, 3, 9, 1, 5}) process.park(std::to_string(at), wall_ms() + at);
  clock().advance(milliseconds(10));
  EXPECT_EQ(process.promote(), 5u);
  EXPECT_EQ(drain(process), (std::vector<std::string>{"1", "3", "5", "7", "9"}));
}

TEST_P(ParkedConformance, PromotesAtMostWhatIsAskedAndTellsTheNextDueTime) {
  Process& process = join();
  for (int i = 0; i < 5; ++i) process.park(std::to_string(i), wall_ms() + i);
  const std::int64_t late = wall_ms() + 60'000;
  process.park("late", late);
  clock().advance(milliseconds(10));
  EXPECT_EQ(process.promote(2), 2u);
  EXPECT_EQ(process.promote(2), 2u);
  EXPECT_EQ(process.promote(2), 1u);
  EXPECT_EQ(process.promote(2), 0u);
  EXPECT_EQ(process.exchange({}).next_due_ms, late);
}

TEST_P(ParkedConformance, ManyTimersOfOneMillisecondOfSeveralQueues) {
  Process& process = join();
  Exchange in;
  for (std::uint32_t i = 0; i < 3'000; ++i)
    in.parks.push_back({i % 2 == 0 ? "a" : "b", wall_ms() + 5,
                        StoredMessage::copy(block_of({std::to_string(i)})->view(0))});
  process.exchange(in);
  clock().advance(milliseconds(5));
  std::uint32_t promoted = 0;
  while (const std::uint32_t some = process.promote(1'000)) promoted += some;
  EXPECT_EQ(promoted, 3'000u);
  EXPECT_EQ(drain(process, "a").size(), 1'500u);
  EXPECT_EQ(drain(process, "b").size(), 1'500u);
}

TEST_P(ParkedConformance, CountsHistoryHeadersAndFirstTimeSurvive) {
  Process& process = join();
  Exchange in;
  in.appends.push_back({kQueue, block_of({"body"}, "kind", R"({"h":1})")});
  const MessageId id = in.appends[0].block->first_id();
  process.exchange(in);
  const std::int64_t first_ms = FakeClock::kWallStartMs;
  for (std::uint32_t attempt = 1; attempt <= 4; ++attempt) {
    clock().advance(milliseconds(1'000));
    retry(process, wall_ms(), "[" + std::to_string(attempt) + "]");
    EXPECT_EQ(process.promote(), 1u);
  }
  const Claimed claimed = process.claim_one(1);
  EXPECT_EQ(claimed.attempt, 1u) << "of the range; the message counts its own";
  const MessageView message = message_at(claimed, 0);
  EXPECT_EQ(message.id, id);
  EXPECT_EQ(message.body, "body");
  EXPECT_EQ(message.type, "kind");
  EXPECT_EQ(message.headers, R"({"h":1})");
  EXPECT_EQ(message.content, Content::kJson);
  EXPECT_EQ(message.counts.deliveries, 4u);
  EXPECT_EQ(message.counts.failures, 4u);
  EXPECT_EQ(message.history, "[4]");
  EXPECT_EQ(message.enqueued_ms, first_ms);
  EXPECT_EQ(depth().sent, 1u);
}

TEST_P(ParkedConformance, ASnoozeCountsNoFailure) {
  Process& process = join();
  process.append({"x"});
  const Claimed claimed = process.claim_one(1);
  SettleOrder order = ack_some(claimed, {});
  add_back(order, claimed, 0, SettleOrder::Return::kSnooze, wall_ms());
  order.is_whole = true;
  EXPECT_TRUE(process.settle(order));
  EXPECT_EQ(process.promote(), 1u);
  EXPECT_EQ(message_at(process.claim_one(1), 0).counts.failures, 0u);
}

TEST_P(ParkedConformance, RetriesOfMixedTypesShareALane) {
  Process& process = join();
  for (const char* type : {"a", "b", "a", "c"}) {
    Exchange in;
    in.appends.push_back({kQueue, block_of({type}, type)});
    process.exchange(in);
    retry(process, wall_ms());
  }
  EXPECT_EQ(process.promote(), 4u);
  EXPECT_EQ(drain(process), (std::vector<std::string>{"a", "b", "a", "c"}));
}

TEST_P(ParkedConformance, PromotedMessagesSurviveALapse) {
  Process& process = join();
  process.append({"x"});
  retry(process, wall_ms());
  process.promote();
  process.claim_one(1);
  clock().advance(std::chrono::seconds(31));
  EXPECT_EQ(process.reclaim(), 1u);
  const Claimed again = process.claim_one(1);
  EXPECT_EQ(again.attempt, 2u);
  EXPECT_EQ(message_at(again, 0).counts.deliveries, 1u);
  EXPECT_TRUE(process.settle(ack_all(again)));
  EXPECT_EQ(depth().done, 1u);
}

TEST_P(ParkedConformance, LargeParkedMessagesComeBackWhole) {
  Process& process = join();
  const std::string large(1 << 20, 'y');
  for (int i = 0; i < 3; ++i) process.park(large + std::to_string(i), wall_ms());
  EXPECT_EQ(process.promote(), 3u);
  const auto bodies = drain(process);
  ASSERT_EQ(bodies.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(bodies[i], large + std::to_string(i));
}

MSGQ_CONFORMANCE(ParkedConformance);

}  // namespace
}  // namespace msgq::test
