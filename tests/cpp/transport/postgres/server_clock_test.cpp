// Promise: what the server's clock says is known between comparisons, whatever becomes of this
// machine's wall clock, and a slow answer makes nothing worse.
#include "transport/postgres/server_clock.h"

#include <gtest/gtest.h>

#include "support/fake_clock.h"

namespace msgq::test {
namespace {

using std::chrono::milliseconds;
using transport::postgres::ServerClock;

constexpr std::int64_t kThere = 1'900'000'000'000;

class ServerClockTest : public ::testing::Test {
 protected:
  // The server says `said` in the middle of a way that takes so long.
  bool compare(std::int64_t said, milliseconds way) {
    return server_.compare([&] {
      clock_.advance(way);
      return said;
    });
  }
  FakeClock clock_;
  ServerClock server_{clock_};
};

TEST_F(ServerClockTest, ItGoesOnBetweenComparisons) {
  ASSERT_TRUE(compare(kThere, milliseconds(20)));
  EXPECT_EQ(server_.now_ms(), kThere + 10) << "half of the way has passed since";
  clock_.advance(milliseconds(500));
  EXPECT_EQ(server_.now_ms(), kThere + 510);
}

TEST_F(ServerClockTest, AStepOfTheWallClockChangesNothing) {
  ASSERT_TRUE(compare(kThere, milliseconds(0)));
  clock_.step_wall(std::chrono::hours(2));
  EXPECT_EQ(server_.now_ms(), kThere);
  clock_.step_wall(std::chrono::hours(-4));
  EXPECT_EQ(server_.now_ms(), kThere);
}

TEST_F(ServerClockTest, ASlowAnswerIsUsedOnlyWhereNothingBetterIsKnown) {
  ASSERT_TRUE(compare(kThere, milliseconds(5'000)));
  EXPECT_EQ(server_.now_ms(), kThere + 2'500);
  ASSERT_TRUE(compare(kThere, milliseconds(3'000))) << "better than the one before";
  EXPECT_FALSE(compare(kThere, milliseconds(3'000)));
  EXPECT_EQ(server_.now_ms(), kThere + 1'500 + 3'000) << "it goes on by the one before";
  ASSERT_TRUE(compare(kThere, milliseconds(1'000)));
  ASSERT_TRUE(compare(kThere, milliseconds(900)));
  ASSERT_TRUE(compare(kThere, milliseconds(1'000))) << "what is young and good enough counts";
  EXPECT_FALSE(compare(kThere + 9'000, milliseconds(1'001)));
  EXPECT_EQ(server_.now_ms(), kThere + 500 + 1'001);
}

}  // namespace
}  // namespace msgq::test
