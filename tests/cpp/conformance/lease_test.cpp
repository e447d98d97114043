// Promise: a lease lasts as long as it says and as it is extended; then its messages are claimable
// again, each time with a higher attempt, and never by two at once.
#include "conformance/harness.h"

namespace msgq::test {
namespace {

using std::chrono::seconds;

class LeaseConformance : public ConformanceTest {};

TEST_P(LeaseConformance, NothingIsReclaimedBeforeTheLeaseEnds) {
  Process& process = join();
  Process& other = join();
  process.append({"x"});
  const Claimed claimed = process.claim_one(1);
  clock().advance(std::chrono::milliseconds(29'999));
  EXPECT_EQ(other.reclaim(), 0u);
  EXPECT_TRUE(other.claim(1).claims.empty());
  clock().advance(std::chrono::milliseconds(1));
  EXPECT_EQ(other.reclaim(), 1u);
  EXPECT_EQ(other.claim_one(1).attempt, 2u);
}

TEST_P(LeaseConformance, AnExtendedLeaseIsNotReclaimed) {
  Process& process = join();
  process.append({"x"});
  const Claimed claimed = process.claim_one(1);
  for (int i = 0; i < 5; ++i) {
    clock().advance(seconds(20));
    EXPECT_TRUE(process.extend(claimed, clock().boot_ms() + 30'000));
    EXPECT_EQ(process.reclaim(), 0u);
  }
  clock().advance(seconds(31));
  EXPECT_EQ(process.reclaim(), 1u);
  EXPECT_FALSE(process.extend(claimed, clock().boot_ms() + 30'000));
}

TEST_P(LeaseConformance, ALeaseThatEndedUnnoticedMayStillBeSettled) {
  Process& process = join();
  process.append({"x"});
  const Claimed claimed = process.claim_one(1);
  clock().advance(seconds(300));
  EXPECT_TRUE(process.settle(ack_all(claimed)));
  EXPECT_EQ(process.reclaim(), 0u);
  EXPECT_EQ(depth().done, 1u);
}

TEST_P(LeaseConformance, TheAttemptRisesWithEachLapse) {
  Process& process = join();
  process.append(numbered(3));
  for (std::uint32_t attempt = 1; attempt <= 6; ++attempt) {
    const Claimed claimed = process.claim_one(3);
    EXPECT_EQ(claimed.attempt, attempt);
    EXPECT_EQ(bodies_of(claimed), numbered(3));
    clock().advance(seconds(31));
    EXPECT_EQ(process.reclaim(), 1u);
  }
}

TEST_P(LeaseConformance, OnlyTheUndonePartLapses) {
  Process& process = join();
  process.append(numbered(6));
  const Claimed claimed = process.claim_one(6);
  EXPECT_TRUE(process.settle(ack_some(claimed, {0, 1, 4})));
  clock().advance(seconds(31));
  EXPECT_EQ(process.reclaim(), 1u);
  const Claimed again = process.claim_one(6);
  EXPECT_EQ(again.attempt, 2u);
  EXPECT_EQ(bodies_of(again), (std::vector<std::string>{"2", "3", "5"}));
  EXPECT_TRUE(process.settle(ack_all(again)));
  EXPECT_EQ(depth().done, 6u);
}

TEST_P(LeaseConformance, ClaimFiveIsReclaimedWhileSevenAdvances) {
  Process& slow = join();
  Process& quick = join();
  for (std::uint32_t i = 1; i <= 8; ++i) slow.append({std::to_string(i)});
  std::vector<Claimed> first;
  for (int i = 0; i < 4; ++i) first.push_back(slow.claim_one(1));
  const Claimed five = slow.claim_one(1);
  for (const auto& claimed : first) EXPECT_TRUE(slow.settle(ack_all(claimed)));
  clock().advance(seconds(20));
  const Claimed six = quick.claim_one(1), seven = quick.claim_one(1);
  EXPECT_TRUE(quick.settle(ack_all(six)));
  clock().advance(seconds(11));
  Exchange in;  // seven goes on while five is reclaimed
  in.reclaims = true;
  in.settles.push_back(ack_all(seven));
  in.claims.push_back({kQueue, 1, 0, 30'000, false, false});
  const auto out = quick.exchange(in);
  EXPECT_EQ(out.reclaimed, 1u);
  ASSERT_EQ(out.claims[0].claims.size(), 1u);
  const Claimed five_again = out.claims[0].claims[0];
  EXPECT_EQ(bodies_of(five_again), (std::vector<std::string>{"5"}));
  EXPECT_EQ(five_again.attempt, 2u);
  EXPECT_FALSE(slow.settle(ack_all(five)));
  EXPECT_TRUE(quick.settle(ack_all(five_again)));
  EXPECT_EQ(drain(quick), (std::vector<std::string>{"8"}));
  EXPECT_EQ(depth().done, 8u);
}

TEST_P(LeaseConformance, SettleAgainstReclaimInOneExchange) {
  Process& process = join();
  process.append({"x"});
  const Claimed claimed = process.claim_one(1);
  clock().advance(seconds(31));
  Exchange in;  // settles come first: what is decided does not lapse
  in.settles.push_back(ack_all(claimed));
  in.reclaims = true;
  const auto out = process.exchange(in);
  EXPECT_FALSE(out.settle_lost.at(0));
  EXPECT_EQ(out.reclaimed, 0u);
  EXPECT_EQ(depth().done, 1u);
}

TEST_P(LeaseConformance, AReclaimedRangeIsCutAndKeepsItsAttempt) {
  Process& process = join();
  process.append(numbered(10));
  process.claim_one(10);
  clock().advance(seconds(31));
  EXPECT_EQ(process.reclaim(), 1u);
  const Claimed front = process.claim_one(3), rest = process.claim_one(7);
  EXPECT_EQ(bodies_of(front), numbered(3));
  EXPECT_EQ(bodies_of(rest), numbered(7, 3));
  EXPECT_EQ(front.attempt, 2u);
  EXPECT_EQ(rest.attempt, 2u);
}

TEST_P(LeaseConformance, LapsedMessagesComeBeforeWaitingOnes) {
  Process& process = join();
  process.append({"old"});
  process.claim_one(1);
  process.append({"new"});
  clock().advance(seconds(31));
  process.reclaim();
  EXPECT_EQ(drain(process), (std::vector<std::string>{"old", "new"}));
}

TEST_P(LeaseConformance, AStepOfTheWallClockMovesNoLease) {
  Process& process = join();
  process.append({"x"});
  const Claimed claimed = process.claim_one(1);
  for (const int hours : {1, -2, 24, -47}) {
    clock().step_wall(std::chrono::hours(hours));
    EXPECT_EQ(process.reclaim(), 0u) << hours;
  }
  EXPECT_TRUE(process.settle(ack_all(claimed)));
}

TEST_P(LeaseConformance, ManyLapsedLeasesComeBackOnceEach) {
  Process& holder = join();
  Process& one = join();
  Process& two = join();
  for (std::uint32_t i = 0; i < 200; ++i) {
    holder.append({std::to_string(i)});
    holder.claim_one(1);
  }
  clock().advance(seconds(31));
  EXPECT_EQ(one.reclaim() + two.reclaim(), 200u);
  std::vector<std::string> seen;
  for (bool any = true; any;) {
    any = false;
    for (Process* process : {&one, &two})
      for (const auto& claimed : process->claim(10).claims) {
        any = true;
        EXPECT_EQ(claimed.attempt, 2u);
        for (auto& body : bodies_of(claimed)) seen.push_back(std::move(body));
        EXPECT_TRUE(process->settle(ack_all(claimed)));
      }
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::unique(seen.begin(), seen.end()) - seen.begin(), 200);
  EXPECT_EQ(seen.size(), 200u);
}

MSGQ_CONFORMANCE(LeaseConformance);

}  // namespace
}  // namespace msgq::test
