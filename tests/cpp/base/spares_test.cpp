#include "base/spares.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace msgq {
namespace {

// Takes away what other tests left.
std::vector<std::string> all_kept() {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < 2 * spares::kCountMax; ++i)
    out.push_back(spares::take(spares::kBytesMin));
  return out;
}

TEST(Spares, WhatIsGivenIsTakenAgainEmpty) {
  const auto others = all_kept();
  auto buffer = spares::take(100'000);
  EXPECT_GE(buffer.capacity(), 100'000U);
  buffer.assign(100'000, 'x');
  const char* const where = buffer.data();
  spares::give(std::move(buffer));
  const auto again = spares::take(90'000);
  EXPECT_EQ(again.data(), where);
  EXPECT_TRUE(again.empty());
}

TEST(Spares, ATooSmallOneIsNotTaken) {
  const auto others = all_kept();
  spares::give(spares::take(spares::kBytesMin));
  EXPECT_GE(spares::take(4 * spares::kBytesMin).capacity(), 4 * spares::kBytesMin);
}

TEST(Spares, SmallAndHugeOnesAreNotKept) {
  const auto others = all_kept();
  std::string small(spares::kBytesMin / 2, 'x'), huge(spares::kBytesMax + 1, 'x');
  const char* const where = huge.data();
  spares::give(std::move(small));
  spares::give(std::move(huge));
  EXPECT_NE(spares::take(spares::kBytesMax).data(), where);
  EXPECT_GE(spares::take(10).capacity(), 10U);
}

TEST(Spares, NoBufferHasTwoOwners) {
  std::atomic<int> shared{0};
  const auto work = [&](char mark) {
    for (int i = 0; i < 3'000; ++i) {
      auto buffer = spares::take(spares::kBytesMin);
      buffer.assign(64, mark);
      if (buffer.find_first_not_of(mark) != std::string::npos) ++shared;
      spares::give(std::move(buffer));
    }
  };
  std::thread a(work, 'a'), b(work, 'b');
  work('c');
  a.join();
  b.join();
  EXPECT_EQ(shared, 0);
}

}  // namespace
}  // namespace msgq
