#include "base/clock.h"

#include <gtest/gtest.h>

#include "support/fake_clock.h"

namespace msgq {
namespace {

TEST(SystemClock, NeverRunsBack) {
  Clock& clock = system_clock();
  Nanos steady = clock.steady();
  std::int64_t boot = clock.boot_ms();
  for (int i = 0; i < 10'000; ++i) {
    const Nanos next = clock.steady();
    ASSERT_GE(next, steady);
    steady = next;
    const std::int64_t next_boot = clock.boot_ms();
    ASSERT_GE(next_boot, boot);
    boot = next_boot;
  }
}

TEST(SystemClock, TellsTheTimeOfDay) {
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  EXPECT_NEAR(static_cast<double>(system_clock().wall_ms()), static_cast<double>(now.count()),
              5'000.0);
}

TEST(FakeClock, StandsStillUntilMoved) {
  test::FakeClock clock;
  const std::int64_t wall = clock.wall_ms(), boot = clock.boot_ms();
  EXPECT_EQ(clock.wall_ms(), wall);
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(clock.wall_ms(), wall + 2'000);
  EXPECT_EQ(clock.boot_ms(), boot + 2'000);
  clock.step_wall(std::chrono::hours(-1));
  EXPECT_EQ(clock.wall_ms(), wall + 2'000 - 3'600'000);
  EXPECT_EQ(clock.boot_ms(), boot + 2'000);
}

}  // namespace
}  // namespace msgq
