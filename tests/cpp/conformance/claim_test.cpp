// Promise: a message is in at most one open claim; a claim is as large as it was asked to be.
#include <set>

#include "conformance/harness.h"

namespace msgq::test {
namespace {

class ClaimConformance : public ConformanceTest {};

TEST_P(ClaimConformance, CutsABlockAndGoesOnBehindTheCut) {
  Process& process = join();
  process.append(numbered(10));
  EXPECT_EQ(bodies_of(process.claim_one(4)), numbered(4));
  EXPECT_EQ(bodies_of(process.claim_one(2)), numbered(2, 4));
  EXPECT_EQ(bodies_of(process.claim_one(4)), numbered(4, 6));
  EXPECT_TRUE(process.claim(1).claims.empty());
}

TEST_P(ClaimConformance, TenSlowMessagesOfOneBlockRunInTenProcesses) {
  join().append(numbered(10));
  std::set<std::string> seen;
  for (int i = 0; i < 10; ++i) {
    const Claimed claimed = join().claim_one(1);
    ASSERT_EQ(claimed.count(), 1u);
    seen.insert(bodies_of(claimed)[0]);
  }
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_EQ(depth().leased, 10u);
}

TEST_P(ClaimConformance, DoesNotCutWhenHalfAsMuchAgainTakesTheRest) {
  Process& process = join();
  process.append(numbered(150));
  EXPECT_EQ(process.claim_one(100).count(), 150u);
  process.append(numbered(151));
  EXPECT_EQ(process.claim_one(100).count(), 100u);
  EXPECT_EQ(process.claim_one(100).count(), 51u);
}

TEST_P(ClaimConformance, TakesSeveralBlocksInOneClaim) {
  Process& process = join();
  for (std::uint32_t i = 0; i < 5; ++i) process.append(numbered(20, 20 * i));
  const Claimed claimed = process.claim_one(100);
  EXPECT_EQ(bodies_of(claimed), numbered(100));
  EXPECT_EQ(claimed.attempt, 1u);
  EXPECT_TRUE(process.settle(ack_all(claimed)));
  EXPECT_EQ(depth().done, 100u);
}

TEST_P(ClaimConformance, BoundsAClaimByBytesButGivesOneAlways) {
  Process& process = join();
  process.append(std::vector<std::string>(10, std::string(1'000, 'x')));
  const auto small = process.claim(ClaimWish{kQueue, 100, 10, 30'000, false, false});
  ASSERT_EQ(small.claims.size(), 1u);
  EXPECT_EQ(small.claims[0].count(), 1u);
  EXPECT_TRUE(small.has_more);
  const auto some = process.claim(ClaimWish{kQueue, 100, 3'500, 30'000, false, false});
  ASSERT_EQ(some.claims.size(), 1u);
  EXPECT_EQ(some.claims[0].count(), 3u);
}

TEST_P(ClaimConformance, SaysWhetherThereIsMore) {
  Process& process = join();
  process.append(numbered(10));
  process.append(numbered(10, 10));
  EXPECT_TRUE(process.claim(10).has_more);
  EXPECT_FALSE(process.claim(10).has_more);
  EXPECT_FALSE(process.claim(10).has_more);
}

TEST_P(ClaimConformance, AnswersEachWishOfAnExchange) {
  Process& process = join();
  process.append({"a"}, "one");
  process.append({"b"}, "two");
  Exchange in;
  for (const char* queue : {"two", "none", "one"})
    in.claims.push_back({queue, 5, 0, 30'000, false, false});
  const auto out = process.exchange(in);
  ASSERT_EQ(out.claims.size(), 3u);
  EXPECT_EQ(bodies_of(out.claims[0].claims.at(0)), (std::vector<std::string>{"b"}));
  EXPECT_EQ(out.claims[0].claims.at(0).queue, "two");
  EXPECT_TRUE(out.claims[1].claims.empty());
  EXPECT_EQ(bodies_of(out.claims[2].claims.at(0)), (std::vector<std::string>{"a"}));
  EXPECT_EQ(process.look().queues().size(), 2u) << "a wish makes no queue";
}

TEST_P(ClaimConformance, WishesThatContinueShareOneRoom) {
  Process& process = join();
  for (const char* queue : {"a", "b", "c", "d"}) process.append(numbered(10), queue);
  Exchange in;
  in.claims.push_back({"a", 4, 0, 30'000, false, false});
  in.claims.push_back({"b", 4, 0, 30'000, false, true});  // nothing is left
  in.claims.push_back({"c", 16, 0, 30'000, false, false});
  in.claims.push_back({"d", 16, 0, 30'000, false, true});  // 6 are left
  const auto out = process.exchange(in);
  EXPECT_EQ(out.claims[0].claims.at(0).count(), 4u);
  EXPECT_TRUE(out.claims[1].claims.empty());
  EXPECT_TRUE(out.claims[1].has_more);
  EXPECT_EQ(out.claims[2].claims.at(0).count(), 10u);
  EXPECT_EQ(out.claims[3].claims.at(0).count(), 6u);
}

TEST_P(ClaimConformance, TwoProcessesNeverShareAMessage) {
  Process& one = join();
  Process& two = join();
  for (std::uint32_t i = 0; i < 40; ++i) one.append(numbered(7, 7 * i));
  std::multiset<std::string> seen;
  for (bool any = true; any;) {
    any = false;
    for (Process* process : {&one, &two})
      for (const auto& claimed : process->claim(5).claims) {
        any = true;
        for (const auto& body : bodies_of(claimed)) seen.insert(body);
      }
  }
  EXPECT_EQ(seen.size(), 280u);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 280u);
}

TEST_P(ClaimConformance, GensRiseAndAreNeverUsedTwice) {
  Process& process = join();
  std::uint64_t last = 0;
  for (int i = 0; i < 20; ++i) {
    process.append({"x"});
    const Claimed claimed = process.claim_one(1);
    EXPECT_GT(claimed.key.gen, last);
    last = claimed.key.gen;
    EXPECT_TRUE(process.settle(i % 3 == 0 ? give_back(claimed) : ack_all(claimed)));
  }
}

TEST_P(ClaimConformance, TheLeaseEndsWhenItWasAskedTo) {
  Process& process = join();
  process.append({"x"});
  const auto answer = process.claim(ClaimWish{kQueue, 1, 0, 5'000, false, false});
  EXPECT_EQ(answer.claims.at(0).until_ms, clock().boot_ms() + 5'000);
}

MSGQ_CONFORMANCE(ClaimConformance);

}  // namespace
}  // namespace msgq::test
