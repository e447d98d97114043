#include "transport/sqlite/headers.h"

#include "conformance/harness.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

class HeadersTest : public RawStoreTest {
 protected:
  // A block whose ids were made at `made_ms` and which was written at `at_ms`.
  MessageId write(std::int64_t seq, std::int64_t made_ms, std::int64_t at_ms) {
    Parcel parcel;
    parcel.first_id = {static_cast<std::uint64_t>(made_ms) << 16 | 0x7000, 0x8000'0000'0000'0000};
    for (int i = 0; i < 3; ++i) parcel.add("x");
    std::vector<Parcel> parcels;
    parcels.push_back(parcel);
    store.blocks.append(1, seq, transport::Block::build(std::move(parcels), at_ms), {}, at_ms);
    return parcel.first_id;
  }
};

TEST_F(HeadersTest, FindsTheBlockByTheTimeOfTheId) {
  std::vector<MessageId> ids;
  for (std::int64_t i = 1; i <= 200; ++i)
    ids.push_back(write(i * 7, 1'000'000 * i, 1'000'000 * i + 20));
  for (std::int64_t i = 1; i <= 200; ++i) {
    const auto found = store.headers.about(1, ids[static_cast<std::size_t>(i - 1)].plus(2));
    ASSERT_EQ(found.size(), 1u) << i;
    EXPECT_EQ(found[0].seq, i * 7);
    EXPECT_EQ(found[0].count, 3u);
  }
}

TEST_F(HeadersTest, WhatIsNotThereIsNotFound) {
  EXPECT_TRUE(store.headers.about(1, MessageId{1, 1}).empty());
  const MessageId id = write(1, 1'000'000, 1'000'000);
  EXPECT_TRUE(store.headers.about(2, id).empty());
  EXPECT_TRUE(store.headers.about(1, id.plus(3)).empty());
}

TEST_F(HeadersTest, AnIdOfAClockThatWasAheadIsFoundAllTheSame) {
  write(1, 1'000, 1'000);
  const MessageId ahead = write(2, 9'000'000, 2'000);
  ASSERT_EQ(store.headers.about(1, ahead).size(), 1u);
  EXPECT_EQ(store.headers.all_with(1, ahead).at(0).seq, 2);
}

TEST_F(HeadersTest, AMessageThatWaitedForItsFlushIsFound) {
  const MessageId late = write(5, 1'000'000, 1'000'000 + 300'000);
  for (std::int64_t i = 6; i < 50; ++i) write(i, 2'000'000 + i, 2'000'000 + i);
  EXPECT_EQ(store.headers.about(1, late).at(0).seq, 5);
}

}  // namespace
}  // namespace msgq::test
