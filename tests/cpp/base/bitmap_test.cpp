#include "base/bitmap.h"

#include <gtest/gtest.h>

#include <set>

#include "support/fake_random.h"

namespace msgq {
namespace {

Bitmap of(std::initializer_list<std::uint32_t> bits) {
  Bitmap out;
  for (const std::uint32_t bit : bits) out.set(bit);
  return out;
}

TEST(Bitmap, StartsEmpty) {
  const Bitmap map;
  EXPECT_TRUE(map.empty());
  EXPECT_EQ(map.count(), 0u);
  EXPECT_FALSE(map.has(0));
  EXPECT_FALSE(map.has(4'000'000'000u));
}

TEST(Bitmap, WhatIsUnsetIsAsIfItNeverWas) {
  Bitmap map = of({3, 9});
  map.unset(9);
  map.unset(4'000'000'000u);
  EXPECT_EQ(map, of({3}));
  map.unset(3);
  EXPECT_TRUE(map.empty());
}

TEST(Bitmap, HasWhatWasSet) {
  const Bitmap map = of({0, 7, 8, 1'000});
  for (const std::uint32_t bit : {0u, 7u, 8u, 1'000u}) EXPECT_TRUE(map.has(bit));
  for (const std::uint32_t bit : {1u, 6u, 9u, 999u, 1'001u}) EXPECT_FALSE(map.has(bit));
  EXPECT_EQ(map.count(), 4u);
}

TEST(Bitmap, RangesAreHalfOpen) {
  for (std::uint32_t from = 0; from < 20; ++from)
    for (std::uint32_t to = from; to < 40; ++to) {
      Bitmap map;
      map.set_range(from, to);
      EXPECT_EQ(map.count(), to - from);
      for (std::uint32_t bit = 0; bit < 48; ++bit) EXPECT_EQ(map.has(bit), bit >= from && bit < to);
    }
}

TEST(Bitmap, ShiftedMovesDownAndBelowCutsOff) {
  const Bitmap map = of({1, 9, 17});
  EXPECT_EQ(map.shifted(8), of({1, 9}));
  EXPECT_EQ(map.shifted(18), Bitmap());
  EXPECT_EQ(map.below(10), of({1, 9}));
  EXPECT_EQ(map.below(0), Bitmap());
}

TEST(Bitmap, MergeIsTheUnion) {
  Bitmap map = of({1, 100});
  map.merge(of({2, 5}));
  EXPECT_EQ(map, of({1, 2, 5, 100}));
  map.merge(Bitmap());
  EXPECT_EQ(map.count(), 4u);
}

TEST(Bitmap, RoundTripsThroughItsBytes) {
  const Bitmap map = of({3, 64, 65});
  EXPECT_EQ(Bitmap(map.bytes()), map);
  EXPECT_EQ(map.bytes().size(), 9u) << "no trailing zero bytes";
}

TEST(Bitmap, AgreesWithASetOfNumbers) {
  test::FakeRandom random(7);
  for (int round = 0; round < 50; ++round) {
    Bitmap map;
    std::set<std::uint32_t> model;
    for (int i = 0; i < 100; ++i) {
      const auto bit = static_cast<std::uint32_t>(random.below(500));
      map.set(bit);
      model.insert(bit);
    }
    EXPECT_EQ(map.count(), model.size());
    const auto cut = static_cast<std::uint32_t>(random.below(500));
    for (std::uint32_t bit = 0; bit < 500; ++bit) {
      EXPECT_EQ(map.has(bit), model.contains(bit));
      EXPECT_EQ(map.shifted(cut).has(bit), model.contains(bit + cut));
      EXPECT_EQ(map.below(cut).has(bit), bit < cut && model.contains(bit));
    }
  }
}

}  // namespace
}  // namespace msgq
