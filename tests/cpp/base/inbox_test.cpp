#include "base/inbox.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace msgq {
namespace {

TEST(Inbox, GivesWhatWasPushed) {
  Inbox<int> inbox;
  int item = 0;
  EXPECT_FALSE(inbox.pop(item));
  inbox.push(7);
  EXPECT_TRUE(inbox.pop(item));
  EXPECT_EQ(item, 7);
  EXPECT_FALSE(inbox.pop(item));
}

TEST(Inbox, TakesManyAtOnceAndLeavesTheVectorEmpty) {
  Inbox<int> inbox;
  std::vector<int> items = {1, 2, 3, 4, 5};
  inbox.push_all(items);
  EXPECT_TRUE(items.empty());
  std::vector<int> out = {0};
  EXPECT_EQ(inbox.pop_some(out, 3), 3u);
  EXPECT_EQ(inbox.pop_some(out, 3), 2u);
  EXPECT_EQ(out.size(), 6u) << "it appends";
}

TEST(Inbox, CarriesWhatCannotBeCopied) {
  Inbox<std::unique_ptr<int>> inbox;
  inbox.push(std::make_unique<int>(9));
  std::unique_ptr<int> item;
  ASSERT_TRUE(inbox.pop(item));
  EXPECT_EQ(*item, 9);
}

TEST(Inbox, KeepsTheOrderOfEachProducer) {
  constexpr int kProducers = 4, kItems = 5'000;
  Inbox<std::pair<int, int>> inbox;
  std::vector<std::thread> threads;
  for (int p = 0; p < kProducers; ++p)
    threads.emplace_back([&inbox, p] {
      Inbox<std::pair<int, int>>::Producer producer(inbox);
      for (int i = 0; i < kItems; ++i) producer.push({p, i});
    });
  std::vector<int> next(kProducers, 0);
  for (int taken = 0; taken < kProducers * kItems;) {
    std::vector<std::pair<int, int>> some;
    taken += static_cast<int>(inbox.pop_some(some, 100));
    for (const auto& [p, i] : some) ASSERT_EQ(i, next[static_cast<std::size_t>(p)]++);
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(inbox.size_approx(), 0u);
}

}  // namespace
}  // namespace msgq
