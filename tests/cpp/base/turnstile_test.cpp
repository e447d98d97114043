#include "base/turnstile.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace msgq {
namespace {

TEST(Turnstile, CountsWhoIsInside) {
  Turnstile gate;
  EXPECT_TRUE(gate.enter());
  EXPECT_TRUE(gate.enter());
  EXPECT_EQ(gate.inside(), 2U);
  gate.leave(2);
  EXPECT_EQ(gate.inside(), 0U);
}

TEST(Turnstile, OnceClosedNobodyEntersAndThoseInsideLeave) {
  Turnstile gate;
  EXPECT_TRUE(gate.enter());
  gate.close();
  EXPECT_FALSE(gate.enter());
  EXPECT_EQ(gate.inside(), 1U);
  gate.leave(1);
  EXPECT_EQ(gate.inside(), 0U);
}

// Whoever closed and saw it empty sees everything that those who were inside did.
TEST(Turnstile, NobodySlipsInBehindWhoeverCloses) {
  for (int round = 0; round < 200; ++round) {
    Turnstile gate;
    int work = 0;  // plain on purpose: the gate alone must order it
    std::vector<std::thread> threads;
    std::atomic<bool> is_first{true};
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        if (!gate.enter()) return;
        if (is_first.exchange(false)) ++work;
        gate.leave(1);
      });
    gate.close();
    while (gate.inside() > 0) std::this_thread::yield();
    const int seen = work;
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(seen, work);
  }
}

}  // namespace
}  // namespace msgq
