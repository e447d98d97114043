#include "dispatch/channel.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "support/road.h"

namespace msgq {
namespace {

using std::chrono::milliseconds;

class ChannelTest : public ::testing::Test {
 protected:
  HeldPtr claim(std::uint32_t count, Nanos at = Nanos(0)) {
    return test::held_of(test::claimed_of({test::parcel_of(test::numbers(count, next))}), traffic,
                         at);
  }
  void route(Channel& channel, std::uint32_t count, Nanos at = Nanos(0)) {
    channel.route({claim(count, at), 0, count}, at);
    next += count;
  }
  static std::vector<std::string> bodies(const std::vector<Span>& spans) {
    std::vector<std::string> out;
    for (const auto& span : spans)
      for (std::uint32_t i = span.from; i < span.to; ++i) {
        const auto [block, index] = span.held->locate(i);
        out.emplace_back(block->body(index));
      }
    return out;
  }
  static std::vector<std::string> take(Channel& channel, std::uint32_t count) {
    std::vector<Span> spans;
    const std::uint32_t got = channel.take_spans(spans, count);
    const auto out = bodies(spans);
    EXPECT_EQ(out.size(), got);
    return out;
  }

  Traffic traffic{"q"};
  std::uint32_t next = 0;
};

TEST_F(ChannelTest, ASingleSlotSeesTheOrderOfTheClaims) {
  Channel channel({"q", "t", 0, 0, Nanos(0), false}, 0);
  route(channel, 5);
  route(channel, 5);
  std::vector<std::string> seen;
  for (const std::uint32_t count : {1u, 3u, 3u, 10u})
    for (auto& body : take(channel, count)) seen.push_back(body);
  EXPECT_EQ(seen, test::numbers(10));
  EXPECT_EQ(channel.ready(), 0U);
  EXPECT_TRUE(take(channel, 1).empty());
}

TEST_F(ChannelTest, ConcurrencyIsALimit) {
  Channel channel({"q", "t", 3, 0, Nanos(0), true}, 0);
  EXPECT_EQ(channel.enter(2), 2U);
  EXPECT_EQ(channel.enter(2), 1U);
  EXPECT_EQ(channel.enter(1), 0U);
  channel.leave(1);
  EXPECT_EQ(channel.enter(5), 1U);
  EXPECT_EQ(channel.running(), 3U);
}

TEST_F(ChannelTest, WithoutConcurrencyThereIsNoLimit) {
  Channel channel({"q", "t", 0, 0, Nanos(0), false}, 0);
  EXPECT_EQ(channel.enter(1'000), 1'000U);
  EXPECT_EQ(channel.enter(1'000), 1'000U);
}

TEST_F(ChannelTest, ABatchIsRipeWhenFullOrWhenTheFirstHasWaited) {
  Channel channel({"q", "t", 0, 10, milliseconds(50), false}, 0);
  EXPECT_EQ(channel.ripe_at(Nanos(0)), kNever);
  route(channel, 4, milliseconds(100));
  EXPECT_EQ(channel.ripe_at(milliseconds(100)), milliseconds(150));
  route(channel, 6, milliseconds(120));
  EXPECT_EQ(channel.ripe_at(milliseconds(120)), milliseconds(120));
}

// What stays behind a full lot once counted from the first message ever, and was ripe at once.
TEST_F(ChannelTest, WhatStaysBehindAFullLotWaitsForItsOwnTime) {
  Channel channel({"q", "t", 0, 10, milliseconds(50), false}, 0);
  route(channel, 5, milliseconds(100));
  route(channel, 8, milliseconds(400));
  EXPECT_EQ(take(channel, 10).size(), 10U);
  EXPECT_EQ(channel.ready(), 3U);
  EXPECT_EQ(channel.ripe_at(milliseconds(410)), milliseconds(450));
}

// C1: conservation, with every slot splitting spans under the others' hands.
TEST_F(ChannelTest, ManySlotsTakeEachMessageOnce) {
  for (const unsigned slots : {1u, 2u, 4u, 16u}) {
    Channel channel({"q", "t", 0, 0, Nanos(0), false}, 0);
    constexpr std::uint32_t kCount = 20'000;
    std::atomic<std::uint32_t> taken{0};
    std::vector<std::vector<std::string>> seen(slots);
    std::vector<std::thread> threads;
    for (unsigned s = 0; s < slots; ++s)
      threads.emplace_back([&, s] {
        for (std::uint32_t size = s % 7 + 1; taken.load() < kCount; size = size % 7 + 1) {
          std::vector<Span> spans;
          taken += channel.take_spans(spans, size);
          for (auto& body : bodies(spans)) seen[s].push_back(std::move(body));
        }
      });
    next = 0;
    while (next < kCount) route(channel, std::min(100u, kCount - next));
    for (auto& thread : threads) thread.join();
    std::map<std::string, int> times;
    for (const auto& list : seen)
      for (const auto& body : list) ++times[body];
    ASSERT_EQ(times.size(), kCount);
    for (const auto& [body, n] : times) ASSERT_EQ(n, 1) << body;
    EXPECT_EQ(channel.ready(), 0U);
  }
}

TEST_F(ChannelTest, WhatNobodyTookIsFreedWithIt) {
  auto held = claim(10);
  const std::weak_ptr<Held> watched = held;
  {
    Channel channel({"q", "t", 0, 0, Nanos(0), false}, 0);
    channel.route({std::move(held), 0, 10}, Nanos(0));
    take(channel, 3);
  }
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace msgq
