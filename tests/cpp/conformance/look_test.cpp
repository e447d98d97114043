// Promise: looking changes nothing and sees every message in its state; administering is exact.
#include <set>

#include "conformance/harness.h"

namespace msgq::test {
namespace {

class LookConformance : public ConformanceTest {
 protected:
  std::vector<std::string> peek_all(Process& process, std::uint32_t page) {
    std::vector<std::string> out;
    std::string after;
    for (;;) {
      const auto found = process.look().peek(kQueue, after, page);
      EXPECT_LE(found.size(), page);
      if (found.empty()) return out;
      for (const auto& each : found) out.push_back(each.message.body);
      after = found.back().cursor;
    }
  }
  // Dead-letters everything that can be claimed.
  void kill_all(Process& process, const std::string& queue = kQueue) {
    for (const auto& claimed : process.claim(1'000, queue).claims) {
      SettleOrder order = ack_some(claimed, {});
      for (const std::uint32_t i : left_of(claimed)) add_dead(order, claimed, i, "rejected");
      order.is_whole = true;
      EXPECT_TRUE(process.settle(order));
    }
  }
};

TEST_P(LookConformance, PagesThroughAQueueOldestFirst) {
  Process& process = join();
  for (std::uint32_t i = 0; i < 10; ++i) process.append(numbered(10, 10 * i));
  for (const std::uint32_t page : {1u, 7u, 10u, 100u, 1'000u})
    EXPECT_EQ(peek_all(process, page), numbered(100)) << page;
  EXPECT_EQ(depth().waiting, 100u);
}

TEST_P(LookConformance, PeekSeesWaitingLeasedAndParkedOnce) {
  Process& process = join();
  process.append(numbered(10));
  const Claimed leased = process.claim_one(4);
  EXPECT_TRUE(process.settle(ack_some(leased, {1})));
  process.park("parked", wall_ms() + 1'000);
  std::map<std::string, std::string> states;
  for (const auto& each : process.look().peek(kQueue, "", 100)) {
    EXPECT_TRUE(states.emplace(each.message.body, each.state).second);
    EXPECT_EQ(each.queue, kQueue);
  }
  EXPECT_EQ(states.size(), 10u);
  EXPECT_EQ(states["0"], "leased");
  EXPECT_EQ(states.count("1"), 0u);
  EXPECT_EQ(states["3"], "leased");
  EXPECT_EQ(states["4"], "waiting");
  EXPECT_EQ(states["parked"], "parked");
}

TEST_P(LookConformance, PeekRefusesAForeignCursor) {
  Process& process = join();
  process.append({"x"});
  EXPECT_EQ(code_of([&] { process.look().peek(kQueue, "nonsense", 1); }),
            ErrorCode::kConfigInvalid);
}

TEST_P(LookConformance, FindsAMessageInEveryState) {
  Process& process = join();
  const MessageId first = process.append(numbered(5));
  transport::Look& look = process.look();
  EXPECT_EQ(look.find(kQueue, first.plus(3)).value().state, "waiting");
  const Claimed claimed = process.claim_one(5);
  EXPECT_EQ(look.find(kQueue, first.plus(3)).value().state, "leased");
  SettleOrder order = ack_some(claimed, {0});
  add_back(order, claimed, 1, SettleOrder::Return::kRetry, wall_ms() + 500);
  add_dead(order, claimed, 2, "why");
  EXPECT_TRUE(process.settle(order));
  const auto parked = look.find(kQueue, first.plus(1)).value();
  EXPECT_EQ(parked.state, "parked");
  EXPECT_EQ(parked.due_ms, wall_ms() + 500);
  EXPECT_EQ(parked.changed_ms, wall_ms());
  const auto dead = look.find(kQueue, first.plus(2)).value();
  EXPECT_EQ(dead.state, "dead");
  EXPECT_EQ(dead.reason, "why");
  EXPECT_EQ(dead.message.body, "2");
  EXPECT_FALSE(look.find(kQueue, first.plus(5)).has_value());
  clock().advance(std::chrono::seconds(31));
  process.reclaim();
  EXPECT_EQ(look.find(kQueue, first.plus(3)).value().state, "waiting");
  process.promote();
  EXPECT_EQ(look.find(kQueue, first.plus(1)).value().state, "waiting");
  EXPECT_EQ(look.find(kQueue, first.plus(1)).value().message.body, "1");
}

TEST_P(LookConformance, FindsEveryMessageOfManyBlocks) {
  Process& process = join();
  std::vector<MessageId> firsts;
  for (std::uint32_t i = 0; i < 60; ++i) firsts.push_back(process.append(numbered(7, 7 * i)));
  process.claim_one(50);
  for (std::uint32_t i = 0; i < 60; ++i)
    for (std::uint32_t k = 0; k < 7; ++k) {
      const auto found = process.look().find(kQueue, firsts[i].plus(k));
      ASSERT_TRUE(found.has_value()) << i << " " << k;
      EXPECT_EQ(found->message.body, std::to_string(7 * i + k));
    }
}

TEST_P(LookConformance, DepthKnowsTheOldestWaitingMessage) {
  Process& process = join();
  EXPECT_TRUE(process.look().depth().empty());
  process.append({"a"});
  EXPECT_EQ(depth().oldest_ms, FakeClock::kWallStartMs);
  drain(process);
  EXPECT_EQ(depth().oldest_ms, 0);
}

TEST_P(LookConformance, AnUnknownQueueIsNotFound) {
  Process& process = join();
  transport::Look& look = process.look();
  EXPECT_EQ(code_of([&] { look.peek("none", "", 1); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { look.find("none", MessageId{1, 1}); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { look.dead("none", "", 1); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { look.redrive("none", {}); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { look.delete_dead("none", {}); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { look.purge("none"); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { look.delete_queue("none"); }), ErrorCode::kNotFound);
  EXPECT_TRUE(look.dead("", "", 10).empty());
}

TEST_P(LookConformance, ListsDeadLettersInPagesNewestLast) {
  Process& process = join();
  process.append(numbered(5), "a");
  process.append(numbered(5, 5), "b");
  kill_all(process, "a");
  kill_all(process, "b");
  std::vector<std::string> seen;
  std::string after;
  for (;;) {
    const auto page = process.look().dead("", after, 3);
    if (page.empty()) break;
    for (const auto& each : page) seen.push_back(each.message.body);
    after = page.back().cursor;
  }
  EXPECT_EQ(seen, numbered(10));
  EXPECT_EQ(process.look().dead("b", "", 100).size(), 5u);
}

TEST_P(LookConformance, RedriveSendsAgainWithFreshCounts) {
  Process& process = join();
  const MessageId first = process.append(numbered(4));
  const Claimed claimed = process.claim_one(4);
  SettleOrder order = ack_some(claimed, {});
  for (std::uint32_t i = 0; i < 4; ++i) {
    add_dead(order, claimed, i, "no");
    order.deads.back().message.counts = {7, 5, 2};
    order.deads.back().message.history = "[1]";
  }
  order.is_whole = true;
  EXPECT_TRUE(process.settle(order));
  EXPECT_EQ(process.look().redrive(kQueue, {first.plus(2), first.plus(99)}), 1u);
  const Claimed again = process.claim_one(10);
  ASSERT_EQ(bodies_of(again), (std::vector<std::string>{"2"}));
  EXPECT_EQ(message_at(again, 0).id, first.plus(2));
  EXPECT_EQ(message_at(again, 0).counts.deliveries, 0u);
  EXPECT_EQ(message_at(again, 0).counts.failures, 0u);
  EXPECT_EQ(message_at(again, 0).counts.crashes, 0u);
  EXPECT_EQ(message_at(again, 0).history, "[1]");
  EXPECT_TRUE(process.settle(ack_all(again)));
  EXPECT_EQ(process.look().redrive(kQueue, {}), 3u);
  EXPECT_EQ(process.look().redrive(kQueue, {}), 0u);
  EXPECT_EQ(drain(process), (std::vector<std::string>{"0", "1", "3"}));
  EXPECT_EQ(depth().dead, 0u);
}

TEST_P(LookConformance, DeletedDeadLettersAreGone) {
  Process& process = join();
  const MessageId first = process.append(numbered(5));
  kill_all(process);
  EXPECT_EQ(process.look().delete_dead(kQueue, {first.plus(1), first.plus(1)}), 1u);
  EXPECT_FALSE(process.look().find(kQueue, first.plus(1)).has_value());
  EXPECT_EQ(process.look().delete_dead(kQueue, {}), 4u);
  EXPECT_EQ(depth().dead, 0u);
  EXPECT_EQ(depth().purged, 5u);
}

TEST_P(LookConformance, PurgeTakesEverythingButDeadLettersAlsoUnderOpenClaims) {
  Process& process = join();
  process.append(numbered(2));
  kill_all(process);
  process.append(numbered(10));
  const Claimed open = process.claim_one(4);
  process.park("parked", wall_ms() + 1'000);
  EXPECT_EQ(process.look().purge(kQueue), 11u);
  EXPECT_EQ(depth().waiting + depth().parked + depth().leased, 0u);
  EXPECT_EQ(depth().purged, 11u);
  EXPECT_EQ(depth().dead, 2u);
  EXPECT_FALSE(process.settle(ack_all(open)));
  EXPECT_TRUE(drain(process).empty());
  process.append({"later"});
  EXPECT_EQ(drain(process), (std::vector<std::string>{"later"}));
  EXPECT_EQ(process.look().purge(kQueue), 0u);
}

TEST_P(LookConformance, ADeletedQueueIsGoneAlsoUnderOpenClaims) {
  Process& process = join();
  process.append(numbered(10));
  const Claimed open = process.claim_one(4);
  process.park("parked", wall_ms());
  process.append({"other"}, "other");
  process.look().delete_queue(kQueue);
  EXPECT_EQ(process.look().queues(), (std::vector<std::string>{"other"}));
  EXPECT_FALSE(process.settle(ack_all(open)));
  EXPECT_EQ(process.promote(), 0u);
  process.append({"again"});
  EXPECT_FALSE(process.settle(ack_all(open))) << "a new queue of the name is another queue";
  EXPECT_EQ(drain(process), (std::vector<std::string>{"again"}));
  EXPECT_EQ(depth().sent, 1u);
}

TEST_P(LookConformance, AProcessThatHeldADeletedQueueMayTakeSuspects) {
  Process& holder = join();
  holder.append({"x"});
  holder.claim_one(1);
  holder.look().purge(kQueue);
  Process& victim = join();
  victim.append({"suspect"});
  victim.claim_one(1);
  victim.kill();
  holder.reclaim();
  EXPECT_EQ(holder.claim_idle(1).claims.size(), 1u);
}

MSGQ_CONFORMANCE(LookConformance);

}  // namespace
}  // namespace msgq::test
