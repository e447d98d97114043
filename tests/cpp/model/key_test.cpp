// Promise: a key is always in the same shard of its queue, on every machine: its hash is stored.
#include <gtest/gtest.h>

#include <set>

#include "msgq/message.h"

namespace msgq {
namespace {

TEST(Key, HashesNeverChange) {
  EXPECT_EQ(hash_of("user-42"), 0x50fe4b21cf7b09cdu);
  EXPECT_EQ(hash_of(""), 0x2d06800538d394c2u) << "XXH3 of nothing";
}

TEST(Key, WithoutOneThePriorityIsTheBand) {
  EXPECT_EQ(band_of(kPriorityMin, ""), kPriorityMin);
  EXPECT_EQ(band_of(kPriorityMax, ""), kPriorityMax);
  EXPECT_FALSE(is_keyed(kPriorityMax));
}

TEST(Key, EveryShardGetsSome) {
  std::set<std::uint8_t> bands;
  for (int i = 0; i < 500; ++i) {
    const std::uint8_t band = band_of(kPriorityNormal, "key-" + std::to_string(i));
    EXPECT_TRUE(is_keyed(band));
    EXPECT_EQ(band, kKeyedBand + hash_of("key-" + std::to_string(i)) % kKeyShards);
    bands.insert(band);
  }
  EXPECT_EQ(bands.size(), kKeyShards);
}

TEST(Key, AMessageHasItInItsFrame) {
  Parcel parcel;
  parcel.add("body", "{}", "user-42");
  parcel.add("plain");
  EXPECT_EQ(parcel.view(0).key, "user-42");
  EXPECT_EQ(parcel.view(0).place, KeyPlace());
  EXPECT_EQ(parcel.view(1).key, "");
  StoredMessage stored = StoredMessage::copy(parcel.view(0));
  stored.place = {7, 3};
  EXPECT_EQ(Parcel::like(stored.view()).band, band_of(kPriorityNormal, "user-42"));
  EXPECT_EQ(stored.view().place, (KeyPlace{7, 3}));
  stored.renew();
  EXPECT_EQ(stored.place, KeyPlace()) << "redriven, it goes to the end";
  EXPECT_EQ(stored.key, "user-42");
}

}  // namespace
}  // namespace msgq
