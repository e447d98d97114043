#include "transport/share.h"

#include <gtest/gtest.h>

#include <bit>

namespace msgq::transport {
namespace {

constexpr std::uint32_t kAll = 0xffff;

const Share::OpenOf none = [](std::size_t) { return Share::Open(); };

std::uint8_t band(int shard) { return static_cast<std::uint8_t>(kKeyedBand + shard); }

TEST(Share, EachShardIsSomebodysAndPartsAreEqual) {
  for (std::size_t readers = 1; readers <= 20; ++readers) {
    std::uint32_t all = 0;
    for (std::size_t rank = 0; rank < readers; ++rank) {
      const std::uint32_t own = shards_of(rank, readers);
      EXPECT_EQ(all & own, 0u) << rank << " of " << readers;
      all |= own;
      const auto count = static_cast<std::size_t>(std::popcount(own));
      EXPECT_GE(count, kKeyShards / readers);
      EXPECT_LE(count, kKeyShards / readers + 1);
    }
    EXPECT_EQ(all, kAll);
  }
}

TEST(Share, WhoComesLastTakesNoMoreThanItsPart) {
  for (std::size_t readers = 2; readers <= 20; ++readers)
    for (std::size_t rank = 0; rank + 1 < readers; ++rank)
      EXPECT_EQ(shards_of(rank, readers) & ~shards_of(rank, readers - 1), 0u)
          << rank << " of " << readers << " takes over what it had not";
}

TEST(Share, WhoeverIsAloneHasAll) {
  Share share;
  EXPECT_TRUE(share.is_look_due(0));
  share.look(7, {{7, 0}}, 0, none);
  EXPECT_TRUE(share.is_alone());
  EXPECT_EQ(share.others(), 0u);
  EXPECT_FALSE(share.is_look_due(999));
  EXPECT_TRUE(share.is_look_due(1'000));
}

TEST(Share, TheSilentHaveNoPart) {
  Share share;
  share.look(7, {{3, Share::kSilentMs + 1}, {5, 0}, {9, -1}}, 0, none);
  EXPECT_FALSE(share.is_alone()) << "they are there";
  EXPECT_EQ(share.others(), kAll & ~shards_of(1, 2));
  EXPECT_NE(share.has(band(0)), share.has(band(15)));
  EXPECT_TRUE(share.has(kPriorityNormal));
  share.look(7, {{3, Share::kSilentMs + 1}}, 1'000, none);
  EXPECT_EQ(share.others(), 0u);
}

TEST(Share, OfALostShardWhatTakesLongIsAReasonToGoOn) {
  Share share;
  Share::Open open{5, 9};
  const Share::OpenOf some = [&](std::size_t) { return open; };
  const auto look = [&](std::int64_t now_ms) {
    share.look(7, {{8, 0}}, now_ms, some);
    return share.others();
  };
  const std::uint32_t lost = kAll & ~shards_of(0, 2);
  EXPECT_EQ(look(0), lost) << "most are through soon";
  EXPECT_EQ(look(Share::kSlowMs - 1), lost);
  open.newest = 20;
  EXPECT_EQ(look(Share::kSlowMs), 0u);
  open.oldest = 10;
  EXPECT_EQ(look(Share::kSlowMs + 1'000), lost) << "claimed since then";
  share.look(7, {}, 10'000, some);
  EXPECT_EQ(look(11'000), lost);
  EXPECT_EQ(look(13'000), 0u) << "it was its own in between";
}

TEST(Share, AClockThatIsSetBackStopsNobody) {
  Share share;
  share.look(7, {}, 5'000, none);
  share.note_said(5'000);
  EXPECT_TRUE(share.is_look_due(1'000));
  EXPECT_TRUE(share.is_saying_due(1'000));
  EXPECT_FALSE(share.is_saying_due(5'999));
}

}  // namespace
}  // namespace msgq::transport
