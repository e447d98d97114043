#include "transport/memory/search.h"

#include <gtest/gtest.h>

#include "transport/memory/state_under_test.h"

namespace msgq::transport::memory {
namespace {

TEST(MemorySearch, FindsAnIdThatWasDrawnEarlyAndAppendedLate) {
  StateUnderTest t;
  const auto early = test::block_of({"early"});
  for (int i = 0; i < 100; ++i) t.append(3);
  append(t.state, t.queue, t.band.main, early);
  for (int i = 0; i < 100; ++i) t.append(3);
  const auto found = find(t.state, t.queue, early->first_id());
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->message.body, "early");
}

TEST(MemorySearch, DoesNotWalkTheWholeQueue) {
  StateUnderTest t;
  constexpr int kBlocks = 50'000;
  std::vector<MessageId> firsts;
  for (int i = 0; i < kBlocks; ++i) {
    Parcel parcel;
    parcel.first_id = draw_ids(1, test::FakeClock::kWallStartMs + 1'000'000 + i);
    parcel.add("x");
    std::vector<Parcel> parcels;
    parcels.push_back(std::move(parcel));
    append(t.state, t.queue, t.band.main, Block::build(std::move(parcels), 1));
    firsts.push_back(t.band.main.highest);
  }
  EXPECT_EQ(t.band.main.disorder_ms, 0) << "so a search ends with the millisecond of the id";
  for (int i = 0; i < kBlocks; i += 97)
    EXPECT_TRUE(find(t.state, t.queue, firsts[static_cast<std::size_t>(i)]).has_value());
}

TEST(MemorySearch, TheOldestMayHaveLapsed) {
  StateUnderTest t;
  t.append(2);
  const auto claimed = t.claim(1);
  EXPECT_EQ(depth_of(t.queue).oldest_ms, test::FakeClock::kWallStartMs);
  t.claim(1);
  EXPECT_EQ(depth_of(t.queue).oldest_ms, 0) << "nothing waits";
  t.now.boot_ms += 30'000;
  reclaim(t.state, {}, t.now, t.graveyard);
  EXPECT_EQ(depth_of(t.queue).oldest_ms, test::FakeClock::kWallStartMs);
}

TEST(MemorySearch, RefusesCursorsOfAnotherKind) {
  StateUnderTest t;
  t.append(1);
  for (const char* cursor : {"x1.2.3", "d1.2.3", "m", "m1", "m1.x.3", "nonsense"})
    EXPECT_EQ(test::code_of([&] { peek(t.state, t.queue, cursor, 1); }), ErrorCode::kConfigInvalid)
        << cursor;
  EXPECT_EQ(test::code_of([&] { list_dead(t.state, nullptr, "m1.2.3", 1); }),
            ErrorCode::kConfigInvalid);
}

}  // namespace
}  // namespace msgq::transport::memory
