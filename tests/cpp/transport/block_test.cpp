#include "transport/block.h"

#include <gtest/gtest.h>

#include "support/fake_random.h"
#include "support/outcome.h"
#include "support/road.h"

namespace msgq::transport {
namespace {

using test::parcel_of;

constexpr std::int64_t kNow = test::FakeClock::kWallStartMs;

TEST(Block, WhatWasBuiltIsReadBack) {
  auto mail = parcel_of({"a", "", std::string(5'000, 'x')}, "q", "mail");
  mail.content = Content::kJson;
  auto other = parcel_of({"d"}, "q", "");
  const auto first = mail.first_id, last = other.first_id;
  std::vector<Parcel> parcels;
  parcels.push_back(std::move(mail));
  parcels.push_back(std::move(other));
  const auto built = Block::build(std::move(parcels), kNow);
  const auto read = Block::decode(built->bytes());
  ASSERT_EQ(read->count(), 4U);
  EXPECT_EQ(read->first_id(), first);
  EXPECT_EQ(read->last_id(), last);
  EXPECT_EQ(read->view(0).body, "a");
  EXPECT_EQ(read->view(1).body, "");
  EXPECT_EQ(read->body(2), std::string(5'000, 'x'));
  EXPECT_EQ(read->view(2).id, first.plus(2));
  EXPECT_EQ(read->view(2).type, "mail");
  EXPECT_EQ(read->view(2).content, Content::kJson);
  EXPECT_EQ(read->view(3).type, "");
  EXPECT_EQ(read->view(3).id, last);
  EXPECT_EQ(read->enqueued_ms(3), kNow);
  EXPECT_EQ(read->checksum(), built->checksum());
}

TEST(Block, HeadersCountsHistoryAndFirstTimeComeAlong) {
  Parcel parcel = parcel_of({});
  MessageView message;
  message.body = "body";
  message.headers = "{\"a\":1}";
  message.history = "{}\n{}";
  message.counts = {3, 2, 1};
  message.enqueued_ms = 42;
  parcel.add(message);
  parcel.add("plain", "{}");
  std::vector<Parcel> parcels;
  parcels.push_back(std::move(parcel));
  const auto block = Block::decode(Block::build(std::move(parcels), kNow)->bytes());
  const auto seen = block->view(0);
  EXPECT_EQ(seen.headers, message.headers);
  EXPECT_EQ(seen.history, message.history);
  EXPECT_EQ(seen.counts.deliveries, 3U);
  EXPECT_EQ(seen.counts.failures, 2U);
  EXPECT_EQ(seen.counts.crashes, 1U);
  EXPECT_EQ(seen.enqueued_ms, 42);
  EXPECT_EQ(block->body(0), "body");
  EXPECT_EQ(block->view(1).enqueued_ms, kNow);
}

TEST(Block, RunsOfOneTypeAndContentEndWhereItChanges) {
  std::vector<Parcel> parcels;
  parcels.push_back(parcel_of({"0", "1"}, "q", "a"));
  parcels.push_back(parcel_of({"2"}, "q", "a"));
  parcels.push_back(parcel_of({"3"}, "q", "b"));
  parcels.push_back(parcel_of({"4"}, "q", "b"));
  parcels.back().content = Content::kText;
  const auto block = Block::build(std::move(parcels), kNow);
  EXPECT_EQ(block->uniform_end(0), 3U);
  EXPECT_EQ(block->uniform_end(2), 3U);
  EXPECT_EQ(block->uniform_end(3), 4U);
  EXPECT_EQ(block->uniform_end(4), 5U);
}

// A thousand calls of one thread make no longer trailer than one call.
TEST(Block, ConsecutiveIdsOfOneKindAreOneLine) {
  std::vector<Parcel> parcels, apart;
  for (std::uint64_t i = 0; i < 100; ++i) {
    parcels.push_back(parcel_of({"x"}, "q", "a"));
    apart.push_back(parcel_of({"x"}, "q", "a"));
    parcels.back().first_id = parcels.front().first_id.plus(i);
    apart.back().first_id = apart.front().first_id.plus(2 * i);
  }
  const auto first = parcels.front().first_id;
  const auto one = Block::build(std::move(parcels), kNow);
  const auto many = Block::build(std::move(apart), kNow);
  EXPECT_LT(one->bytes().size() + 90 * 16, many->bytes().size());
  EXPECT_EQ(one->view(99).id, first.plus(99));
  EXPECT_EQ(one->uniform_end(0), 100U);
  EXPECT_EQ(many->view(99).id, many->first_id().plus(198));
}

TEST(Block, BytesOfAnyPartAreKnownWithoutReadingIt) {
  std::vector<Parcel> parcels;
  parcels.push_back(parcel_of({"12345", "1", "123"}));
  const auto block = Block::build(std::move(parcels), kNow);
  EXPECT_EQ(block->body_bytes(0, 3), 12U) << "each has a byte of its frame";
  EXPECT_EQ(block->body_bytes(1, 2), 2U);
  EXPECT_EQ(block->body_bytes(2, 2), 0U);
}

TEST(Block, WhatIsNoBlockIsRefused) {
  for (const std::string& bytes : {std::string(), std::string("short"), std::string(16, '\0'),
                                   std::string(16, '\xff'), std::string(10'000, '\x7f')})
    EXPECT_EQ(test::code_of([&] { Block::decode(bytes); }), ErrorCode::kStoreRejected);
}

// Reads everything of a block; that is where a lie about a length would be found.
void read_all(const Block& block) {
  for (std::uint32_t i = 0; i < block.count(); ++i) {
    try {
      static_cast<void>(block.view(i));
      static_cast<void>(block.body(i));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kStoreRejected);
    }
    static_cast<void>(block.type(i));
    EXPECT_GT(block.uniform_end(i), i);
    EXPECT_LE(block.uniform_end(i), block.count());
  }
}

// Whatever a disk made of it: refused, or read as another block; never read outside.
TEST(Block, DamagedBytesNeverLeadOutside) {
  std::vector<Parcel> parcels;
  parcels.push_back(parcel_of(test::numbers(20), "q", "one"));
  parcels.push_back(parcel_of(test::numbers(5), "q", "another"));
  parcels.back().add("with headers", "{\"k\":\"v\"}");
  const std::string whole = Block::build(std::move(parcels), kNow)->bytes();
  test::FakeRandom random(20'260'801);
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = whole;
    for (std::uint64_t n = random.below(4) + 1; n > 0; --n)
      bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    if (random.one_in(4)) bytes.resize(random.below(bytes.size() + 1));
    if (random.one_in(8)) bytes.insert(random.below(bytes.size() + 1), random.below(40), '\x01');
    try {
      read_all(*Block::decode(std::move(bytes)));
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::kStoreRejected);
      ++refused;
    }
  }
  EXPECT_GT(refused, 1'000);
}

TEST(Block, EveryTruncationIsRefused) {
  std::vector<Parcel> parcels;
  parcels.push_back(parcel_of(test::numbers(3)));
  const std::string whole = Block::build(std::move(parcels), kNow)->bytes();
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(test::code_of([&] { Block::decode(whole.substr(0, size)); }),
              ErrorCode::kStoreRejected);
}

// What is of no priority and never expires looks as it did before there were such things.
TEST(BlockLife, ItIsWrittenOnlyWhereThereIsSome) {
  const auto build = [](std::uint8_t priority, std::int64_t expires_ms) {
    Parcel one, two;
    for (Parcel* parcel : {&one, &two}) {
      parcel->first_id = parcel == &one ? MessageId{1, 0} : MessageId{9, 0};
      parcel->add("body");
    }
    two.priority = priority;
    two.expires_ms = expires_ms;
    std::vector<Parcel> parcels;
    parcels.push_back(std::move(one));
    parcels.push_back(std::move(two));
    return Block::build(std::move(parcels), 1);
  };
  const auto plain = build(kPriorityNormal, 0), urgent = build(9, 0), brief = build(5, 77);
  EXPECT_LT(plain->bytes().size(), urgent->bytes().size());
  EXPECT_FALSE(plain->may_expire());
  EXPECT_FALSE(urgent->may_expire());
  EXPECT_TRUE(brief->may_expire());
  for (const auto& block : {plain, urgent, brief}) {
    const auto read = Block::decode(block->bytes());
    EXPECT_EQ(read->view(0).priority, kPriorityNormal);
    EXPECT_EQ(read->expires_ms(0), 0);
    EXPECT_EQ(read->view(1).priority, block == urgent ? 9 : 5);
    EXPECT_EQ(read->expires_ms(1), block == brief ? 77 : 0);
    EXPECT_EQ(read->view(1).expires_ms, read->expires_ms(1));
  }
}

TEST(BlockLife, AFlagThatIsNotKnownIsRefused) {
  Parcel parcel;
  parcel.add("body");
  std::vector<Parcel> parcels;
  parcels.push_back(std::move(parcel));
  std::string bytes = Block::build(std::move(parcels), 1)->bytes();
  bytes[bytes.size() - 2] = 4;
  EXPECT_THROW(Block::decode(bytes), Error);
}

}  // namespace
}  // namespace msgq::transport
