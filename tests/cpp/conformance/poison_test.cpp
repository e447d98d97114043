// Promise: a message that kills its worker is found and given up after three crashes of its own;
// the messages that were merely beside it never are. Where no death can be proved, nobody is
// blamed: capability_test.cpp.
#include <set>

#include "conformance/harness.h"

namespace msgq::test {
namespace {

class PoisonConformance : public ConformanceTest {
 protected:
  // A process that takes `count` messages as an idle one would, and is killed.
  ClaimAnswer take_and_die(std::uint32_t count) {
    Process& victim = join();
    auto answer = victim.claim_idle(count);
    victim.kill();
    return answer;
  }
};

TEST_P(PoisonConformance, TheClaimsOfADeadProcessAreReclaimedAtOnce) {
  Process& victim = join();
  Process& other = join();
  victim.append(numbered(3));
  const Claimed claimed = victim.claim_one(3);
  EXPECT_EQ(other.reclaim(), 0u) << "it lives";
  victim.kill();
  EXPECT_EQ(other.reclaim(), 1u);
  EXPECT_EQ(depth().waiting, 3u);
  EXPECT_FALSE(other.settle(ack_all(claimed)));
}

TEST_P(PoisonConformance, SuspectsAreReportedButNotGivenToABusyProcess) {
  Process& other = join();
  other.append(numbered(3));
  take_and_die(3);
  other.reclaim();
  const auto shy = other.claim(10);
  EXPECT_TRUE(shy.claims.empty());
  EXPECT_TRUE(shy.suspects_waiting);
  other.append({"good"});
  const Claimed good = other.claim_one(1);
  EXPECT_EQ(bodies_of(good), (std::vector<std::string>{"good"}));
  const auto busy = other.claim_idle(10);  // it says it is idle, the store knows better
  EXPECT_TRUE(busy.claims.empty());
  EXPECT_TRUE(busy.suspects_waiting);
  EXPECT_TRUE(other.settle(ack_all(good)));
  EXPECT_EQ(other.claim_idle(10).claims.size(), 1u);
}

TEST_P(PoisonConformance, ASuspectRunsAlone) {
  Process& other = join();
  other.append(numbered(3));
  take_and_die(3);
  other.reclaim();
  other.append(numbered(5, 100));
  Exchange in;
  in.claims.push_back({kQueue, 10, 0, 30'000, true, false});
  in.claims.push_back({kQueue, 10, 0, 30'000, true, false});
  const auto out = other.exchange(in);
  ASSERT_EQ(out.claims[0].claims.size(), 1u);
  const Claimed alone = out.claims[0].claims[0];
  EXPECT_TRUE(alone.is_suspect);
  EXPECT_EQ(left_of(alone).size(), 1u);
  EXPECT_EQ(alone.attempt, 2u);
  EXPECT_TRUE(out.claims[1].claims.empty());
  EXPECT_TRUE(other.claim(10).claims.empty()) << "nothing joins it";
  EXPECT_TRUE(other.settle(ack_all(alone)));
  EXPECT_EQ(join().claim(10).claims.size(), 1u);
}

TEST_P(PoisonConformance, OnlyTheUndonePartOfADeadBatchIsSuspect) {
  Process& victim = join();
  Process& other = join();
  victim.append(numbered(4));
  const Claimed claimed = victim.claim_one(4);
  EXPECT_TRUE(victim.settle(ack_some(claimed, {0, 2})));
  victim.kill();
  EXPECT_EQ(other.reclaim(), 1u);
  EXPECT_EQ(depth().waiting, 2u);
  EXPECT_EQ(drain(other), (std::vector<std::string>{"1", "3"}));
  EXPECT_EQ(depth().done, 4u);
}

TEST_P(PoisonConformance, ThreeCrashesAloneMakeADeadLetter) {
  Process& other = join();
  other.append({"poison"});
  take_and_die(1);
  EXPECT_EQ(other.reclaim(), 1u);
  for (std::uint32_t crashes = 0; crashes < 3; ++crashes) {
    const auto answer = take_and_die(1);
    ASSERT_EQ(answer.claims.size(), 1u);
    EXPECT_TRUE(answer.claims[0].is_suspect);
    EXPECT_EQ(answer.claims[0].crashes, crashes);
    EXPECT_EQ(answer.claims[0].attempt, crashes + 2);
    EXPECT_EQ(other.reclaim(), 1u);
  }
  EXPECT_TRUE(other.claim_idle(1).claims.empty());
  const auto letters = other.look().dead(kQueue, "", 10);
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].message.body, "poison");
  EXPECT_EQ(letters[0].reason, "worker lost");
  EXPECT_EQ(letters[0].message.counts.crashes, 3u);
  EXPECT_EQ(letters[0].message.counts.deliveries, 4u);
  EXPECT_EQ(depth().dead, 1u);
}

TEST_P(PoisonConformance, InnocentsAreNeverDeadLettered) {
  Process& supervisor = join();
  std::vector<std::string> bodies = numbered(50);
  bodies[13] = bodies[37] = "poison";
  supervisor.append(bodies);
  Process* worker = &join();
  std::multiset<std::string> done;
  for (int step = 0; step < 400; ++step) {
    supervisor.reclaim();
    const auto answer = worker->claim_idle(20);
    bool dies = false;
    for (const auto& claimed : answer.claims) {
      const auto held = bodies_of(claimed);
      dies = dies || std::find(held.begin(), held.end(), "poison") != held.end();
    }
    if (dies) {
      worker->kill();
      worker = &join();
      continue;
    }
    for (const auto& claimed : answer.claims) {
      for (const auto& body : bodies_of(claimed)) done.insert(body);
      EXPECT_TRUE(worker->settle(ack_all(claimed)));
    }
  }
  EXPECT_EQ(done.size(), 48u);
  EXPECT_EQ(depth().done, 48u);
  EXPECT_EQ(depth().dead, 2u);
  for (const auto& letter : supervisor.look().dead(kQueue, "", 10))
    EXPECT_EQ(letter.message.body, "poison");
}

TEST_P(PoisonConformance, ALateHeartbeatIsNoCrash) {
  Process& other = join();
  Process& slow = join();
  other.append({"slow"});
  take_and_die(1);
  other.reclaim();
  for (int i = 0; i < 10; ++i) {
    const auto answer = slow.claim_idle(1);
    ASSERT_EQ(answer.claims.size(), 1u);
    EXPECT_EQ(answer.claims[0].crashes, 0u);
    clock().advance(std::chrono::seconds(31));
    EXPECT_EQ(other.reclaim(), 1u);
  }
  EXPECT_EQ(depth().dead, 0u);
  EXPECT_EQ(drain(slow), (std::vector<std::string>{"slow"}));
}

TEST_P(PoisonConformance, CrashesOutsideTheWindowDoNotAddUp) {
  Process& other = join();
  other.append({"unlucky"});
  take_and_die(1);
  other.reclaim();
  for (int i = 0; i < 6; ++i) {
    ASSERT_EQ(take_and_die(1).claims.size(), 1u) << i;
    other.reclaim();
    clock().advance(std::chrono::hours(40));
  }
  EXPECT_EQ(depth().dead, 0u);
  EXPECT_EQ(drain(other), (std::vector<std::string>{"unlucky"}));
}

TEST_P(PoisonConformance, ASuspectGivenBackStaysSuspect) {
  Process& other = join();
  other.append({"x"});
  take_and_die(1);
  other.reclaim();
  const auto answer = other.claim_idle(1);
  EXPECT_TRUE(other.settle(give_back(answer.claims.at(0))));
  EXPECT_TRUE(other.claim(1).claims.empty());
  EXPECT_EQ(other.claim_idle(1).claims.at(0).attempt, 2u);
}

TEST_P(PoisonConformance, CrashesSurviveParking) {
  Process& other = join();
  other.append({"x"});
  take_and_die(1);
  other.reclaim();
  take_and_die(1);
  other.reclaim();
  const auto alone = other.claim_idle(1);
  EXPECT_EQ(alone.claims.at(0).crashes, 1u);
  SettleOrder order = ack_some(alone.claims[0], {});
  add_back(order, alone.claims[0], 0, SettleOrder::Return::kRetry, wall_ms());
  order.is_whole = true;
  EXPECT_TRUE(other.settle(order));
  EXPECT_EQ(other.promote(), 1u);
  const Claimed again = other.claim_one(1);
  EXPECT_FALSE(again.is_suspect);
  EXPECT_EQ(message_at(again, 0).counts.crashes, 1u);
  EXPECT_EQ(message_at(again, 0).counts.failures, 1u);
  EXPECT_EQ(message_at(again, 0).counts.deliveries, 3u);
}

TEST_P(PoisonConformance, SeveralSuspectsRunInSeveralProcesses) {
  Process& one = join();
  Process& two = join();
  one.append(numbered(4));
  take_and_die(4);
  one.reclaim();
  const auto first = one.claim_idle(4), second = two.claim_idle(4);
  ASSERT_EQ(first.claims.size(), 1u);
  ASSERT_EQ(second.claims.size(), 1u);
  EXPECT_NE(bodies_of(first.claims[0]), bodies_of(second.claims[0]));
}

INSTANTIATE_TEST_SUITE_P(Stores, PoisonConformance, ::testing::ValuesIn(direct_store_cases()),
                         store_name);

}  // namespace
}  // namespace msgq::test
