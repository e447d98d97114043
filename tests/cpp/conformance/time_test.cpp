// Promise: a message's own times hold wherever it is: when it is over, as everybody who holds or
// looks at it is told; and what is parked can be called off or given another time until it is due.
#include "conformance/harness.h"

namespace msgq::test {
namespace {

using std::chrono::milliseconds;

StoredMessage message_of(const std::string& body, std::int64_t expires_ms = 0) {
  StoredMessage out = StoredMessage::copy(block_of({body})->view(0));
  out.expires_ms = expires_ms;
  return out;
}

class TimeConformance : public ConformanceTest {
 protected:
  MessageId park(Process& process, const std::string& body, std::int64_t due_ms) {
    Exchange in;
    in.parks.push_back({kQueue, due_ms, message_of(body)});
    process.exchange(in);
    return in.parks[0].message.id;
  }
};

TEST_P(TimeConformance, AnExpiredMessageIsSettledAsThat) {
  Process& process = join();
  process.append({"done", "over"});
  const Claimed claimed = process.claim_one(2);
  SettleOrder order = ack_some(claimed, {0, 1});
  order.acked = 1;
  order.expired = 1;
  order.is_whole = true;
  EXPECT_TRUE(process.settle(order));
  EXPECT_EQ(depth().done, 1u);
  EXPECT_EQ(depth().expired, 1u);
  EXPECT_EQ(depth().leased, 0u);
  EXPECT_FALSE(process.settle(order)) << "once";
  EXPECT_EQ(depth().expired, 1u);
}

TEST_P(TimeConformance, PartsMayExpire) {
  Process& process = join();
  process.append(numbered(3));
  const Claimed claimed = process.claim_one(3);
  SettleOrder first = ack_some(claimed, {1});
  first.acked = 0;
  first.expired = 1;
  EXPECT_TRUE(process.settle(first));
  EXPECT_EQ(depth().expired, 1u);
  EXPECT_EQ(depth().leased, 2u);
  SettleOrder rest = ack_some(claimed, {0, 2}, first.done);
  rest.is_whole = true;
  EXPECT_TRUE(process.settle(rest));
  EXPECT_EQ(depth().done, 2u);
}

TEST_P(TimeConformance, WhenItExpiresIsKeptThroughDelayAndDeath) {
  Process& process = join();
  const std::int64_t over = wall_ms() + 60'000;
  Exchange in;
  in.parks.push_back({kQueue, wall_ms() + 1, message_of("x", over)});
  process.exchange(in);
  EXPECT_EQ(observer().peek(kQueue, {}, 1).at(0).message.expires_ms, over);
  clock().advance(milliseconds(1));
  EXPECT_EQ(process.promote(), 1u);
  const Claimed claimed = process.claim_one(1);
  EXPECT_EQ(message_at(claimed, 0).expires_ms, over);
  EXPECT_TRUE(claimed.parts.at(0).block->may_expire());
  SettleOrder order = ack_some(claimed, {});
  add_dead(order, claimed, 0, "no");
  order.is_whole = true;
  EXPECT_TRUE(process.settle(order));
  EXPECT_EQ(observer().dead(kQueue, {}, 1).at(0).message.expires_ms, over);
  EXPECT_EQ(observer().redrive(kQueue, {}), 1u);
  EXPECT_EQ(message_at(process.claim_one(1), 0).expires_ms, 0) << "it would be in vain";
}

TEST_P(TimeConformance, WhatIsCancelledNeverComes) {
  Process& process = join();
  const MessageId off = park(process, "off", wall_ms() + 1'000);
  park(process, "on", wall_ms() + 1'000);
  EXPECT_EQ(observer().cancel(kQueue, {off}), 1u);
  EXPECT_EQ(observer().cancel(kQueue, {off}), 0u) << "once";
  EXPECT_EQ(depth().cancelled, 1u);
  EXPECT_EQ(depth().parked, 1u);
  EXPECT_FALSE(observer().find(kQueue, off));
  clock().advance(milliseconds(1'000));
  EXPECT_EQ(process.promote(), 1u);
  EXPECT_EQ(drain(process), (std::vector<std::string>{"on"}));
}

TEST_P(TimeConformance, WhatIsNoLongerParkedIsNotCancelled) {
  Process& process = join();
  const MessageId due = park(process, "due", wall_ms());
  EXPECT_EQ(process.promote(), 1u);
  const MessageId sent = process.append({"sent"});
  EXPECT_EQ(observer().cancel(kQueue, {due, sent}), 0u);
  EXPECT_EQ(observer().reschedule(kQueue, {due, sent}, wall_ms() + 1), 0u);
  EXPECT_EQ(drain(process).size(), 2u);
  EXPECT_EQ(depth().cancelled, 0u);
}

TEST_P(TimeConformance, AnotherDueTimeHolds) {
  Process& process = join();
  const MessageId later = park(process, "later", wall_ms() + 1'000);
  const MessageId sooner = park(process, "sooner", wall_ms() + 60'000);
  EXPECT_EQ(observer().reschedule(kQueue, {later}, wall_ms() + 30'000), 1u);
  EXPECT_EQ(observer().reschedule(kQueue, {sooner}, wall_ms() + 500), 1u);
  clock().advance(milliseconds(1'000));
  EXPECT_EQ(process.promote(), 1u);
  EXPECT_EQ(drain(process), (std::vector<std::string>{"sooner"}));
  clock().advance(milliseconds(29'000));
  EXPECT_EQ(process.promote(), 1u);
  EXPECT_EQ(drain(process), (std::vector<std::string>{"later"}));
  EXPECT_EQ(depth().sent, 2u);
}

TEST_P(TimeConformance, NoDueTimeAtWhichItWouldBeOver) {
  Process& process = join();
  const std::int64_t over = wall_ms() + 60'000;
  Exchange in;
  in.parks.push_back({kQueue, wall_ms() + 1'000, message_of("ends", over)});
  process.exchange(in);
  const MessageId ends = in.parks[0].message.id;
  const MessageId lasts = park(process, "lasts", wall_ms() + 1'000);
  const Error error = error_of([&] { observer().reschedule(kQueue, {lasts, ends}, over + 5'000); });
  EXPECT_EQ(error.code(), ErrorCode::kConfigInvalid) << error.what();
  EXPECT_NE(std::string(error.what()).find("the ttl of message " + ends.to_string()),
            std::string::npos)
      << error.what();
  EXPECT_EQ(observer().reschedule(kQueue, {lasts}, over), 1u);
  EXPECT_EQ(observer().reschedule(kQueue, {ends}, over - 5'000), 1u);
  clock().advance(milliseconds(1'000));
  EXPECT_EQ(process.promote(), 0u) << "both moved, and none before";
}

TEST_P(TimeConformance, ARetryThatWaitsCanBeCancelledToo) {
  Process& process = join();
  const MessageId id = process.append({"x"});
  const Claimed claimed = process.claim_one(1);
  SettleOrder order = ack_some(claimed, {});
  add_back(order, claimed, 0, SettleOrder::Return::kRetry, wall_ms() + 1'000);
  order.is_whole = true;
  EXPECT_TRUE(process.settle(order));
  EXPECT_EQ(observer().cancel(kQueue, {id}), 1u);
  EXPECT_EQ(depth().cancelled, 1u);
  EXPECT_EQ(depth().parked, 0u);
}

TEST_P(TimeConformance, AnUnknownQueueIsAnError) {
  join();
  EXPECT_EQ(code_of([&] { observer().cancel("none", {draw_ids(1, 1)}); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { observer().reschedule("none", {draw_ids(1, 1)}, 1); }),
            ErrorCode::kNotFound);
}

MSGQ_CONFORMANCE(TimeConformance);

}  // namespace
}  // namespace msgq::test
