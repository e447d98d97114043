#include "msgq/receipt.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <thread>

namespace msgq {
namespace {

constexpr std::chrono::seconds kLong(60);

bool is_readable(const Waker& waker) {
  pollfd watched{waker.descriptor(), POLLIN, 0};
  return ::poll(&watched, 1, 0) == 1;
}

TEST(Receipt, SettlesOnce) {
  Receipt receipt({1, 2}, 3);
  EXPECT_FALSE(receipt.is_done());
  EXPECT_FALSE(receipt.wait(std::chrono::milliseconds(1)));
  receipt.resolve(ReceiptStatus::kInDoubt, Error(ErrorCode::kStoreInDoubt, "?"));
  receipt.resolve(ReceiptStatus::kPersisted);
  EXPECT_EQ(receipt.status(), ReceiptStatus::kInDoubt);
  EXPECT_EQ(receipt.error()->code(), ErrorCode::kStoreInDoubt);
  EXPECT_TRUE(receipt.wait(kLong));
}

TEST(Receipt, ManyThreadsSettleItOnceAndAllWaitersSeeTheSame) {
  for (int round = 0; round < 100; ++round) {
    Receipt receipt({1, 2}, 1);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&, i] {
        if (i % 2) {
          receipt.resolve(ReceiptStatus::kFailed, Error(ErrorCode::kClosed, std::to_string(i)));
        } else {
          EXPECT_TRUE(receipt.wait(kLong));
          EXPECT_EQ(receipt.error()->code(), ErrorCode::kClosed);
        }
      });
    for (auto& thread : threads) thread.join();
  }
}

TEST(Receipt, TellsItsWakerBeforeAndAfter) {
  const auto waker = std::make_shared<Waker>();
  Receipt before({1, 2}, 1), after({3, 4}, 1);
  before.notify(waker, 7);
  EXPECT_FALSE(is_readable(*waker));
  before.resolve(ReceiptStatus::kPersisted);
  after.resolve(ReceiptStatus::kPersisted);
  after.notify(waker, 8);
  EXPECT_TRUE(is_readable(*waker));
  EXPECT_EQ(waker->drain(), (std::vector<std::uint64_t>{7, 8}));
  EXPECT_FALSE(is_readable(*waker));
}

TEST(Receipt, WhatIsCutOffIsSettledByItself) {
  Receipt receipt(MessageId{1, 1}, 5);
  const auto last = receipt.cut(3);
  const auto middle = receipt.cut(1);
  receipt.resolve(ReceiptStatus::kPersisted);
  EXPECT_EQ(receipt.end(), 1u);
  EXPECT_EQ(receipt.rest(), middle);
  EXPECT_EQ(middle->count(), 2u);
  EXPECT_EQ(middle->rest(), last);
  EXPECT_EQ(last->count(), 2u);
  EXPECT_EQ(last->end(), 2u);
  EXPECT_EQ(last->first_id(), receipt.first_id().plus(3));
  EXPECT_FALSE(middle->is_done());
}

TEST(Waker, APokeIsSeenWithoutAToken) {
  Waker waker;
  waker.poke();
  waker.poke();
  EXPECT_TRUE(is_readable(waker));
  EXPECT_TRUE(waker.drain().empty());
  EXPECT_FALSE(is_readable(waker));
}

TEST(Waker, NoTokenIsLostWhileItIsDrained) {
  Waker waker;
  constexpr std::uint64_t kEach = 20'000;
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 2; ++t)
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < kEach; ++i) waker.post(t * kEach + i);
    });
  std::vector<std::uint64_t> seen;
  while (seen.size() < 2 * kEach) {
    pollfd watched{waker.descriptor(), POLLIN, 0};
    ASSERT_EQ(::poll(&watched, 1, 60'000), 1) << "a token without a wake-up";
    for (const auto token : waker.drain()) seen.push_back(token);
  }
  for (auto& thread : threads) thread.join();
  std::sort(seen.begin(), seen.end());
  for (std::uint64_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], i);
}

}  // namespace
}  // namespace msgq
