#include "transport/memory/claim.h"

#include <gtest/gtest.h>

#include "transport/memory/state_under_test.h"

namespace msgq::transport::memory {
namespace {

TEST(MemoryClaim, SharesTheBlockInsteadOfCopyingIt) {
  StateUnderTest t;
  const BlockPtr block = t.append(10);
  const auto answer = t.claim(4);
  EXPECT_EQ(answer.claims.at(0).parts.at(0).block, block);
  EXPECT_EQ(t.claim(6).claims.at(0).parts.at(0).block, block);
}

TEST(MemoryClaim, TheAttemptIsInTheRowBeforeAnybodyHearsOfIt) {
  StateUnderTest t;
  t.append(1);
  const auto answer = t.claim(1);
  const OpenClaim& row = t.state.open.at(answer.claims.at(0).key.gen);
  EXPECT_EQ(row.range.attempt, 1u);
  EXPECT_EQ(row.process, t.caller.process);
  EXPECT_EQ(row.until_ms, t.now.boot_ms + 30'000);
  EXPECT_EQ(t.state.processes[t.caller.process].open_count, 1u);
}

TEST(MemoryClaim, LapsedThenReturnedThenWaiting) {
  StateUnderTest t;
  t.append(1);
  const BlockPtr returned = test::block_of({"returned"});
  append(t.state, t.queue, t.band.returned, returned);
  Range lapsed;
  lapsed.add({t.state.draw(), test::block_of({"lapsed"}), 0, 1});
  t.band.main.lapsed.push_back(lapsed);
  const auto answer = t.claim(10);
  ASSERT_EQ(answer.claims.size(), 3u);
  EXPECT_EQ(test::bodies_of(answer.claims[0]), (std::vector<std::string>{"lapsed"}));
  EXPECT_EQ(test::bodies_of(answer.claims[1]), (std::vector<std::string>{"returned"}));
  EXPECT_EQ(test::bodies_of(answer.claims[2]), (std::vector<std::string>{"0"}));
}

TEST(MemoryClaim, AWishForNothingGetsNothing) {
  StateUnderTest t;
  t.append(1);
  const auto answer = t.claim(0);
  EXPECT_TRUE(answer.claims.empty());
  EXPECT_TRUE(answer.has_more);
}

}  // namespace
}  // namespace msgq::transport::memory
