#include "base/random.h"

#include <gtest/gtest.h>

#include <set>

#include "support/fake_random.h"

namespace msgq {
namespace {

TEST(SystemRandom, DoesNotRepeat) {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(system_random().next());
  EXPECT_EQ(seen.size(), 1'000u);
}

TEST(Random, BelowStaysBelow) {
  test::FakeRandom random(3);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) seen.insert(random.below(7));
  EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(random.below(1), 0u);
}

TEST(FakeRandom, RepeatsWithItsSeed) {
  test::FakeRandom one(5), same(5), other(6);
  for (int i = 0; i < 100; ++i) {
    const auto drawn = one.next();
    EXPECT_EQ(drawn, same.next());
    EXPECT_NE(drawn, other.next());
  }
}

}  // namespace
}  // namespace msgq
