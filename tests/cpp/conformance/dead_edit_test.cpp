// Promise: a dead letter can be changed, where it is or on its way back into its queue: all of it
// at once, under its own id, neither lost nor there twice.
#include "conformance/harness.h"

namespace msgq::test {
namespace {

class DeadEditConformance : public ConformanceTest {
 protected:
  // Sends `bodies` and gives them all up after five tries; the first one's id.
  MessageId bury(Process& process, const std::vector<std::string>& bodies) {
    const MessageId first = process.append(bodies);
    const auto count = static_cast<std::uint32_t>(bodies.size());
    const Claimed claimed = process.claim_one(count);
    SettleOrder order = ack_some(claimed, {});
    for (std::uint32_t i = 0; i < count; ++i) {
      add_dead(order, claimed, i, "no");
      order.deads.back().message.counts = {7, 5, 2};
      order.deads.back().message.history = "[1]";
      order.deads.back().message.expires_ms = wall_ms() + 60'000;
    }
    order.is_whole = true;
    EXPECT_TRUE(process.settle(order));
    return first;
  }
  static DeadEdit edit_of(MessageId id, const std::string& body, bool redrives) {
    DeadEdit out;
    out.id = id;
    out.body = body;
    out.redrives = redrives;
    return out;
  }
};

TEST_P(DeadEditConformance, ItStaysDeadAsItIsNow) {
  Process& process = join();
  const MessageId first = bury(process, {"0", "1", "2"});
  const FoundMessage before = observer().dead(kQueue, {}, 9).at(1);
  DeadEdit edit = edit_of(first.plus(1), std::string(5'000, 'x'), false);
  edit.headers = R"({"by":"me"})";
  EXPECT_EQ(observer().edit_dead(kQueue, edit), 1u);
  const auto letters = observer().dead(kQueue, {}, 9);
  ASSERT_EQ(letters.size(), 3u);
  const FoundMessage& now = letters.at(1);
  EXPECT_EQ(now.message.id, first.plus(1)) << "in its place";
  EXPECT_EQ(now.message.body, *edit.body);
  EXPECT_EQ(now.message.headers, *edit.headers);
  EXPECT_EQ(now.message.counts.failures, 5u);
  EXPECT_EQ(now.message.history, "[1]");
  EXPECT_EQ(now.message.expires_ms, before.message.expires_ms);
  EXPECT_EQ(now.reason, before.reason);
  EXPECT_EQ(now.changed_ms, before.changed_ms);
  EXPECT_EQ(letters.at(0).message.body, "0");
  EXPECT_EQ(depth().dead, 3u);
}

TEST_P(DeadEditConformance, ItGoesBackAsItIsNowOnce) {
  Process& process = join();
  const MessageId first = bury(process, {"0", "1"});
  EXPECT_EQ(observer().edit_dead(kQueue, edit_of(first, "new", true)), 1u);
  EXPECT_EQ(observer().edit_dead(kQueue, edit_of(first, "again", true)), 0u) << "it is not dead";
  EXPECT_EQ(depth().dead, 1u);
  const Claimed claimed = process.claim_one(9);
  ASSERT_EQ(bodies_of(claimed), (std::vector<std::string>{"new"}));
  EXPECT_EQ(message_at(claimed, 0).id, first);
  EXPECT_EQ(message_at(claimed, 0).counts.deliveries, 0u);
  EXPECT_EQ(message_at(claimed, 0).counts.failures, 0u);
  EXPECT_EQ(message_at(claimed, 0).expires_ms, 0) << "it would be in vain";
  EXPECT_EQ(message_at(claimed, 0).history, "[1]");
  EXPECT_TRUE(process.settle(ack_all(claimed)));
  EXPECT_EQ(depth().done, 1u);
  EXPECT_EQ(depth().sent, 2u);
}

TEST_P(DeadEditConformance, WhatIsNotNamedStays) {
  Process& process = join();
  const MessageId first = bury(process, {"0"});
  DeadEdit edit;
  edit.id = first;
  edit.headers = R"({"by":"me"})";
  EXPECT_EQ(observer().edit_dead(kQueue, edit), 1u);
  EXPECT_EQ(observer().dead(kQueue, {}, 9).at(0).message.body, "0");
  EXPECT_EQ(observer().edit_dead(kQueue, edit_of(first, "1", true)), 1u);
  const Claimed claimed = process.claim_one(9);
  EXPECT_EQ(message_at(claimed, 0).headers, R"({"by":"me"})");
  EXPECT_EQ(bodies_of(claimed), (std::vector<std::string>{"1"}));
}

TEST_P(DeadEditConformance, WhatIsNotDeadIsNotTouched) {
  Process& process = join();
  const MessageId waits = process.append({"waits"});
  EXPECT_EQ(observer().edit_dead(kQueue, edit_of(waits, "x", false)), 0u);
  EXPECT_EQ(observer().edit_dead(kQueue, edit_of(waits, "x", true)), 0u);
  EXPECT_EQ(drain(process), (std::vector<std::string>{"waits"}));
  EXPECT_EQ(code_of([&] { observer().edit_dead("none", edit_of(waits, "x", true)); }),
            ErrorCode::kNotFound);
}

MSGQ_CONFORMANCE(DeadEditConformance);

}  // namespace
}  // namespace msgq::test
