#include "transport/memory/state.h"

#include <gtest/gtest.h>

#include "transport/memory/state_under_test.h"

namespace msgq::transport::memory {
namespace {

TEST(State, NumbersAreNeverDrawnTwice) {
  StateUnderTest t;
  const std::uint64_t first = t.state.draw();
  EXPECT_LT(first, t.state.draw());
  Queue& other = t.state.make_queue("other");
  const Band& band = t.state.make_band(other, kPriorityNormal);
  const std::set<std::uint64_t> numbers = {t.queue.subscription,   t.band.main.number,
                                           t.band.returned.number, other.subscription,
                                           band.main.number,       band.returned.number};
  EXPECT_EQ(numbers.size(), 6u);
}

TEST(State, AQueueIsMadeOnce) {
  StateUnderTest t;
  EXPECT_EQ(&t.state.make_queue(test::kQueue), &t.queue);
  EXPECT_EQ(t.state.find_queue(test::kQueue), &t.queue);
  EXPECT_EQ(t.state.find_queue("none"), nullptr);
}

TEST(State, AnAppendCountsAndRemembersHowOldItsIdsAre) {
  StateUnderTest t;
  const auto early = test::block_of(test::numbered(2));
  t.append(3);
  EXPECT_EQ(t.queue.totals.waiting, 3u);
  EXPECT_EQ(t.state.count, 3u);
  EXPECT_EQ(t.band.main.waiting.back().highest, t.band.main.highest);
  const MessageId before = t.band.main.highest;
  append(t.state, t.queue, t.band.main, early);  // an older one comes later
  EXPECT_EQ(t.band.main.highest, before);
  EXPECT_EQ(t.band.main.waiting.back().highest, before);
}

TEST(State, ParkedAndDeadAreCountedWithTheirBytes) {
  StateUnderTest t;
  const auto message = StoredMessage::copy(test::block_of({"12345"}, "type")->view(0));
  EXPECT_EQ(bytes_of(message), 9u);
  park(t.state, t.queue, 77, message, t.now);
  bury(t.state, t.queue, {message, "why", t.now.wall_ms});
  EXPECT_EQ(t.state.bytes, 18u);
  EXPECT_EQ(t.state.count, 2u);
  EXPECT_EQ(t.queue.totals.parked, 1u);
  EXPECT_EQ(t.queue.totals.dead, 1u);
  EXPECT_EQ(t.state.parked.begin()->first.due_ms, 77);
  EXPECT_EQ(t.state.parked.begin()->second.parked_ms, t.now.wall_ms);
}

}  // namespace
}  // namespace msgq::transport::memory
