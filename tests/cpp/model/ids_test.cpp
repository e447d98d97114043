#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "msgq/message.h"
#include "support/outcome.h"

namespace msgq {
namespace {

constexpr std::int64_t kNowMs = 1'750'000'000'000;

TEST(MessageId, IsAUuidOfVersionSeven) {
  const MessageId id = draw_ids(1, kNowMs);
  EXPECT_EQ(id.high >> 12 & 0xf, 7u);
  EXPECT_EQ(id.low >> 62, 2u);
  EXPECT_GE(id.unix_ms(), kNowMs);
  EXPECT_FALSE(id.is_nil());
  EXPECT_TRUE(MessageId().is_nil());
}

TEST(MessageId, RisesInAProcessAlsoWhenTheClockStepsBack) {
  MessageId last = draw_ids(1, kNowMs);
  for (const std::int64_t ms : {kNowMs, kNowMs - 3'600'000, kNowMs + 5, kNowMs + 5, kNowMs}) {
    const MessageId next = draw_ids(1, ms);
    EXPECT_LT(last, next);
    last = next;
  }
}

TEST(MessageId, PlusGivesTheIdsOfAParcel) {
  const MessageId first = draw_ids(3'000'000, kNowMs);
  EXPECT_EQ(first.plus(0), first);
  EXPECT_LT(first, first.plus(1));
  EXPECT_LT(first.plus(255), first.plus(256)) << "the counter carries over the variant bits";
  EXPECT_LT(first.plus(1 << 20), first.plus((1 << 20) + 1)) << "and into the time";
  EXPECT_EQ(first.plus(10).plus(20), first.plus(30));
  EXPECT_EQ(first.plus(2'999'999).high >> 12 & 0xf, 7u);
  EXPECT_LT(first.plus(2'999'999), draw_ids(1, kNowMs)) << "the next draw is behind all of them";
}

TEST(MessageId, TextAndBytesRoundTrip) {
  for (int i = 0; i < 100; ++i) {
    const MessageId id = draw_ids(1, kNowMs + i);
    EXPECT_EQ(MessageId::parse(id.to_string()), id);
    EXPECT_EQ(MessageId::from_bytes(id.to_bytes()), id);
  }
  const MessageId id{0x0190a5c37b1e7f00, 0x8000000000000001};
  EXPECT_EQ(id.to_string(), "0190a5c3-7b1e-7f00-8000-000000000001");
  EXPECT_EQ(MessageId::parse("0190A5C3-7B1E-7F00-8000-000000000001"), id);
}

TEST(MessageId, RefusesWhatIsNoId) {
  using test::error_of;
  for (const char* text :
       {"", "x", "0190a5c3-7b1e-7f00-8000-00000000000", "0190a5c3-7b1e-7f00-8000-0000000000011",
        "0190a5c3-7b1e-7f00-8000-00000000000g"}) {
    const Error error = error_of([&] { MessageId::parse(text); });
    EXPECT_EQ(error.code(), ErrorCode::kPayloadInvalid);
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos);
  }
  EXPECT_EQ(error_of([] { MessageId::from_bytes("short"); }).code(), ErrorCode::kPayloadInvalid);
}

TEST(MessageId, ThreadsNeverDrawTheSame) {
  std::vector<std::vector<MessageId>> drawn(4);
  std::vector<std::thread> threads;
  for (auto& mine : drawn)
    threads.emplace_back([&mine] {
      for (int i = 0; i < 2'000; ++i) mine.push_back(draw_ids(3, kNowMs));
    });
  for (auto& thread : threads) thread.join();
  std::set<MessageId> all;
  for (const auto& mine : drawn)
    for (const MessageId id : mine)
      for (std::uint64_t k = 0; k < 3; ++k) EXPECT_TRUE(all.insert(id.plus(k)).second);
}

TEST(MessageId, AForkedChildDrawsOtherRandomBits) {
  const MessageId mine = draw_ids(1, kNowMs);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const MessageId theirs = draw_ids(1, kNowMs);
    _exit(write(ends[1], &theirs, sizeof theirs) == sizeof theirs ? 0 : 1);
  }
  MessageId theirs;
  EXPECT_EQ(read(ends[0], &theirs, sizeof theirs), static_cast<ssize_t>(sizeof theirs));
  waitpid(child, nullptr, 0);
  close(ends[0]);
  close(ends[1]);
  constexpr std::uint64_t kRandom = (1ull << 54) - 1;
  EXPECT_NE(mine.low & kRandom, theirs.low & kRandom);
}

}  // namespace
}  // namespace msgq
