#include "model/traffic.h"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>

#include "support/outcome.h"

namespace msgq {
namespace {

TEST(TrafficBook, FindsTheSameEntryAgain) {
  TrafficBook book;
  Traffic& a = book.find("a");
  Traffic& b = book.find("b");
  EXPECT_NE(&a, &b);
  EXPECT_EQ(&book.find("a"), &a);
  EXPECT_EQ(&book.find("a"), &a);
  count(a.enqueued, 3);
  const auto all = book.snapshot();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].queue, "a");
  EXPECT_EQ(all[0].enqueued, 3u);
  EXPECT_EQ(all[1].enqueued, 0u);
}

TEST(TrafficBook, TwoBooksShareNothing) {
  TrafficBook one, two;
  count(one.find("a").done);
  EXPECT_EQ(two.find("a").done, 0u);
  EXPECT_EQ(one.find("a").done, 1u);
}

TEST(TrafficBook, RefusesABadName) {
  TrafficBook book;
  EXPECT_EQ(test::code_of([&] { book.find(""); }), ErrorCode::kConfigInvalid);
  EXPECT_TRUE(book.snapshot().empty());
}

TEST(TrafficBook, CountsOfManyThreadsAddUp) {
  TrafficBook book;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 5'000; ++i) count(book.find(i % 2 == 0 ? "even" : "odd").claimed);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(book.find("even").claimed, 10'000u);
  EXPECT_EQ(book.find("odd").claimed, 10'000u);
}

TEST(AtomicHistogram, BucketsArePowersOfTwo) {
  AtomicHistogram histogram;
  histogram.record(Nanos(0));
  histogram.record(Nanos(1), 2);
  histogram.record(Nanos(1'000));
  histogram.record(Nanos(-5));
  histogram.record(Nanos::max());
  const Histogram out = histogram.snapshot();
  EXPECT_EQ(out[0], 2u);
  EXPECT_EQ(out[1], 2u);
  EXPECT_EQ(out[10], 1u);
  EXPECT_EQ(out[63], 1u);
  EXPECT_EQ(std::accumulate(out.begin(), out.end(), std::uint64_t{0}), 6u);
}

}  // namespace
}  // namespace msgq
