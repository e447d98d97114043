// Promise: a queue that gets another name keeps all it holds, what is set of it and its
// subscriptions; what was claimed of it is settled; a name that is taken is refused.
#include "conformance/harness.h"

namespace msgq::test {
namespace {

class RenameConformance : public ConformanceTest {
 protected:
  ErrorCode refusal(const std::string& queue, const std::string& name) {
    return code_of([&] { observer().rename_queue(queue, name); });
  }
};

TEST_P(RenameConformance, ItKeepsWhatItHolds) {
  QueueChange bounded;
  bounded.creates = true;
  bounded.length_max = 10;
  observer().alter(kQueue, bounded);
  Process& process = join();
  process.append(numbered(3));
  process.park("parked", wall_ms() + 1'000);
  const Claimed claimed = process.claim_one(1), bad = process.claim_one(1);
  SettleOrder death = ack_some(bad, {});
  add_dead(death, bad, 0, "bad");
  death.is_whole = true;
  EXPECT_TRUE(process.settle(death));
  observer().rename_queue(kQueue, "new");
  EXPECT_EQ(observer().queues(), std::vector<std::string>{"new"});
  EXPECT_EQ(observer().settings("new").length_max, 10u);
  EXPECT_EQ(observer().dead("new", "", 10).size(), 1u);
  EXPECT_TRUE(process.settle(ack_all(claimed)));
  clock().advance(std::chrono::seconds(2));
  process.promote();
  EXPECT_EQ(depth("new").done, 1u);
  EXPECT_TRUE(process.claim(1).claims.empty()) << "there is none of the old name";
  const auto drained = drain(process, "new");
  EXPECT_EQ(drained.size(), 2u);
  EXPECT_EQ(depth("new").sent, 4u);
}

TEST_P(RenameConformance, WhoSendsToTheOldNameMakesAnother) {
  Process& process = join();
  process.append({"a"});
  observer().rename_queue(kQueue, "new");
  clock().advance(std::chrono::seconds(1));
  process.append({"b"});
  EXPECT_EQ(drain(process), std::vector<std::string>{"b"});
  EXPECT_EQ(drain(process, "new"), std::vector<std::string>{"a"});
}

TEST_P(RenameConformance, ItsSubscriptionsAreCalledAfterIt) {
  Process& process = join();
  observer().subscribe(kQueue, "audit", {});
  process.append({"a"});
  observer().rename_queue(kQueue, "new");
  clock().advance(std::chrono::seconds(1));
  process.append({"b"}, "new");
  const std::string audit = subscription_name("new", "audit");
  EXPECT_EQ(depth(audit).source, "new");
  EXPECT_EQ(drain(process, audit), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(drain(process, "new"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(observer().seek(audit, {Start::At::kLatest, 0, {}}), 0u);
  observer().delete_queue("new");
  EXPECT_TRUE(observer().queues().empty());
}

TEST_P(RenameConformance, WhatIsTakenOrNotThereIsRefused) {
  Process& process = join();
  process.append({"a"});
  process.append({"b"}, "other");
  observer().subscribe(kQueue, "audit", {});
  process.append({"c"}, "new@audit");
  EXPECT_EQ(refusal("nowhere", "x"), ErrorCode::kNotFound);
  EXPECT_EQ(refusal(kQueue, "other"), ErrorCode::kConfigInvalid);
  EXPECT_EQ(refusal(kQueue, kQueue), ErrorCode::kConfigInvalid);
  EXPECT_EQ(refusal(kQueue, "new"), ErrorCode::kConfigInvalid) << "its subscription has no name";
  EXPECT_EQ(refusal(subscription_name(kQueue, "audit"), "x"), ErrorCode::kConfigInvalid);
  EXPECT_EQ(refusal(kQueue, std::string(250, 'x')), ErrorCode::kConfigInvalid) << "256 bytes";
  EXPECT_EQ(drain(process), std::vector<std::string>{"a"});
}

MSGQ_CONFORMANCE(RenameConformance);

}  // namespace
}  // namespace msgq::test
