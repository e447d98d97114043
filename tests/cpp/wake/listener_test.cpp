#include "wake/listener.h"

#include <gtest/gtest.h>

namespace msgq {
namespace {

TEST(Listener, PassesHintsOnAndSilenceNot) {
  int hints = 0;
  bool is_hinted = false;
  Listener listener([&](Nanos most) { return most > Nanos::zero() && is_hinted; },
                    [&] { ++hints; });
  listener.step();
  EXPECT_EQ(hints, 0);
  is_hinted = true;
  EXPECT_EQ(listener.step(), Nanos::zero()) << "listens again at once";
  EXPECT_EQ(hints, 1);
}

TEST(Listener, AStopEndsItsWait) {
  Event stopped;
  std::atomic<bool> is_stopped{false};
  Listener listener(
      [&](Nanos) {
        while (!is_stopped.load()) {
          const auto key = stopped.key();
          if (!is_stopped.load()) stopped.wait(key, kNever);
        }
        return false;
      },
      [] {});
  const auto runtime = make_thread_runtime(system_clock());
  runtime->start(listener);
  is_stopped = true;
  stopped.signal();
  runtime->stop(listener);
}

}  // namespace
}  // namespace msgq
