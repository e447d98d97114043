#include "base/event.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "support/waits.h"

namespace msgq {
namespace {

TEST(Event, ASignalBetweenKeyAndWaitIsNotMissed) {
  Event event;
  const auto key = event.key();
  event.signal();
  EXPECT_TRUE(event.wait(key, kNever));
}

TEST(Event, TheTimeoutEndsAWait) {
  Event event;
  EXPECT_FALSE(event.wait(event.key(), std::chrono::milliseconds(1)));
  EXPECT_FALSE(event.wait(event.key(), Nanos::zero()));
  EXPECT_FALSE(event.wait(event.key(), Nanos(-5)));
}

TEST(Event, AnOldKeyDoesNotWait) {
  Event event;
  const auto old = event.key();
  event.signal();
  event.signal();
  EXPECT_TRUE(event.wait(old, kLong));
  EXPECT_FALSE(event.wait(event.key(), std::chrono::milliseconds(1)));
}

TEST(Event, EverySleeperHearsASignalToAll) {
  Event event;
  std::atomic<bool> is_open{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (;;) {
        const auto key = event.key();
        if (is_open.load()) return;
        event.wait(key, kLong);
      }
    });
  is_open.store(true);
  event.signal();
  for (auto& thread : threads) thread.join();
}

// As many threads as there are signals, each for one: nobody is left asleep.
TEST(Event, SignalsToOneReachAsManyAsThereAre) {
  Event event;
  std::atomic<int> tickets{0}, served{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (;;) {
        const auto key = event.key();
        for (int seen = tickets.load(); seen > 0;)
          if (tickets.compare_exchange_weak(seen, seen - 1)) {
            ++served;
            return;
          }
        event.wait(key, kLong);
      }
    });
  for (int i = 0; i < 4; ++i) {
    ++tickets;
    event.signal_one();
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(served, 4);
}

// Two threads hand a number to and fro; one missed signal would hang the test.
TEST(Event, NoSignalIsLostInManyHands) {
  Event event;
  std::atomic<std::uint32_t> turn{0};
  constexpr std::uint32_t kHands = 20'000;
  const auto play = [&](std::uint32_t mine) {
    for (std::uint32_t hand = mine; hand < kHands; hand += 2) {
      for (;;) {
        const auto key = event.key();
        if (turn.load() == hand) break;
        event.wait(key, kNever);
      }
      turn.store(hand + 1);
      event.signal();
    }
  };
  std::thread other([&] { play(1); });
  play(0);
  other.join();
  EXPECT_EQ(turn.load(), kHands);
}

// Signals come in pairs, the second while the sleeper of the first looks and lies down again: what
// the first one clears must not be what the sleeper has just set.
TEST(Event, TheSecondOfTwoSignalsIsHeard) {
  Event event;
  std::atomic<int> rung{0}, heard{0};
  constexpr int kPairs = 200'000;
  std::thread ringer([&] {
    for (int pair = 0; pair < kPairs; ++pair) {
      for (int i = 0; i < 2; ++i) {
        ++rung;
        event.signal();
      }
      while (heard.load() < rung.load()) std::this_thread::yield();
    }
  });
  while (heard.load() < 2 * kPairs) {
    const auto key = event.key();
    if (const int now = rung.load(); now > heard.load()) {
      heard.store(now);
    } else {
      event.wait(key, kNever);
    }
  }
  ringer.join();
  EXPECT_EQ(heard.load(), rung.load());
}

}  // namespace
}  // namespace msgq
