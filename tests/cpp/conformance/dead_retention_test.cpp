// Promise: dead letters are kept until somebody removes them; or, if so set, idle processes remove
// those that died too long ago, in bounded steps, and count them as purged.
#include "conformance/harness.h"

namespace msgq::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class DeadRetentionConformance : public ConformanceTest {
 protected:
  void keep(std::chrono::milliseconds time) {
    Config config;
    config.dead_retention = time;
    open(config);
  }
  // Sends so many and gives them up.
  static void bury(Process& process, std::uint32_t count) {
    process.append(numbered(count));
    const Claimed claimed = process.claim_one(count);
    SettleOrder order = ack_some(claimed, {});
    for (std::uint32_t i = 0; i < count; ++i) add_dead(order, claimed, i, "no");
    order.is_whole = true;
    EXPECT_TRUE(process.settle(order));
  }
  // Does what an idle process does until it wants to wait: for so long, or kNever.
  Nanos idle(Process& process) {
    Nanos next{0};
    while (next <= clock().steady()) {
      process.exchange({});
      next = process.session().tidy(std::chrono::seconds(1));
    }
    return next == kNever ? next : next - clock().steady();
  }
};

TEST_P(DeadRetentionConformance, TheyAreKeptUnlessSoSet) {
  Process& process = join();
  bury(process, 2);
  clock().advance(hours(24 * 400));
  idle(process);
  EXPECT_EQ(depth().dead, 2u);
}

TEST_P(DeadRetentionConformance, WhatDiedTooLongAgoGoes) {
  keep(hours(1));
  Process& process = join();
  bury(process, 2);
  clock().advance(minutes(30));
  bury(process, 1);
  clock().advance(minutes(29));
  idle(process);
  EXPECT_EQ(depth().dead, 3u);
  clock().advance(minutes(2));
  EXPECT_LE(idle(process), minutes(1)) << "it looks again by itself";
  EXPECT_EQ(depth().dead, 1u);
  EXPECT_EQ(depth().purged, 2u);
  EXPECT_EQ(observer().dead(kQueue, {}, 9).size(), 1u);
  clock().advance(minutes(31));
  idle(process);
  EXPECT_EQ(depth().dead, 0u);
  EXPECT_EQ(depth().purged, 3u);
  EXPECT_EQ(depth().waiting, 0u);
}

TEST_P(DeadRetentionConformance, ManyGoInSteps) {
  keep(hours(1));
  Process& process = join();
  for (int i = 0; i < 3; ++i) bury(process, 700);
  clock().advance(hours(2));
  process.exchange({});
  EXPECT_EQ(process.session().tidy(std::chrono::seconds(1)), Nanos::zero()) << "there are more";
  EXPECT_EQ(depth().dead, 1'100u);
  idle(process);
  EXPECT_EQ(depth().dead, 0u);
  EXPECT_EQ(depth().purged, 2'100u);
}

MSGQ_CONFORMANCE(DeadRetentionConformance);

}  // namespace
}  // namespace msgq::test
