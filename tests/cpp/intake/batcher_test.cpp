#include "intake/batcher.h"

#include <gtest/gtest.h>

#include <barrier>
#include <bit>
#include <thread>

#include "support/road.h"

namespace msgq {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::parcel_of;
using transport::Exchange;

class BatcherTest : public ::testing::Test {
 protected:
  void remake(bool is_durable = true) {
    batcher = std::make_unique<Batcher>(config, clock, admission, is_durable);
  }
  ReceiptPtr push(Parcel parcel) {
    Traffic& traffic = book.find(parcel.queue);
    auto admitted = test::admitted_of(std::move(parcel), traffic, clock.steady());
    EXPECT_TRUE(admission.try_acquire(admitted.count, admitted.bytes));
    auto receipt = admitted.receipt;
    batcher->push(std::move(admitted));
    return receipt;
  }
  Exchange collect() {
    Exchange out;
    batcher->collect(out, clock.steady());
    return out;
  }
  void report(const Exchange& ex) {
    batcher->report(ex, {}, clock.steady());
    batcher->announce();
  }

  test::FakeClock clock;
  Config config;
  TrafficBook book;
  Admission admission{clock, 1'000'000, 1ull << 30};
  std::unique_ptr<Batcher> batcher = std::make_unique<Batcher>(config, clock, admission, true);
};

TEST_F(BatcherTest, ALoneParcelIsABlockAtOnce) {
  push(parcel_of({"a"}));
  const auto ex = collect();
  ASSERT_EQ(ex.appends.size(), 1U);
  EXPECT_EQ(ex.appends[0].queue, "q");
  EXPECT_EQ(ex.appends[0].block->count(), 1U);
}

TEST_F(BatcherTest, ABlockEndsAtItsCount) {
  config.batch_count_max = 10;
  for (int i = 0; i < 3; ++i) push(parcel_of(test::numbers(4)));
  const auto ex = collect();
  ASSERT_EQ(ex.appends.size(), 2U);
  EXPECT_EQ(ex.appends[0].block->count(), 8U);
  EXPECT_EQ(ex.appends[1].block->count(), 4U);
}

TEST_F(BatcherTest, ABlockEndsAtItsBytes) {
  config.batch_bytes_max = 1 << 10;
  for (int i = 0; i < 3; ++i) push(parcel_of({std::string(500, 'x')}));
  push(parcel_of({std::string(5'000, 'y')}));  // larger than a block may be: alone in one
  const auto ex = collect();
  ASSERT_EQ(ex.appends.size(), 3U);
  EXPECT_EQ(ex.appends[0].block->count(), 2U);
  EXPECT_EQ(ex.appends[2].block->count(), 1U);
}

// The inbox keeps the order of each thread only: a handler's messages to its own key came in that
// of the slots.
TEST_F(BatcherTest, KeysKeepTheOrderOfTheCallsOfSeveralThreads) {
  constexpr std::uint32_t kThreads = 4, kRounds = 5;
  std::barrier turn(kThreads);
  std::vector<std::thread> threads;
  for (std::uint32_t mine = 0; mine < kThreads; ++mine)
    threads.emplace_back([&, mine] {
      for (std::uint32_t i = 0; i < kThreads * kRounds; ++i) {
        if (i % kThreads == mine) {
          Parcel parcel;
          parcel.queue = "q";
          parcel.band = band_of(kPriorityNormal, "a");
          parcel.first_id = draw_ids(1, test::FakeClock::kWallStartMs);
          parcel.add(std::to_string(i), {}, "a");
          push(std::move(parcel));
        }
        turn.arrive_and_wait();
      }
    });
  for (auto& thread : threads) thread.join();
  const auto ex = collect();
  ASSERT_EQ(ex.appends.size(), 1U);
  for (std::uint32_t i = 0; i < kThreads * kRounds; ++i)
    EXPECT_EQ(ex.appends[0].block->view(i).body, std::to_string(i));
}

// Two queues that take turns once made a block of each parcel, sixteen messages a commit.
TEST_F(BatcherTest, InterleavedQueuesShareAFlushWithABlockEach) {
  for (std::uint32_t i = 0; i < 500; ++i) {
    push(parcel_of({std::to_string(i)}, "q"));
    push(parcel_of({std::to_string(i)}, "r"));
  }
  const auto ex = collect();
  ASSERT_EQ(ex.appends.size(), 2U);
  for (const auto& append : ex.appends) {
    ASSERT_EQ(append.block->count(), 500U);
    for (std::uint32_t i = 0; i < 500; ++i) EXPECT_EQ(append.block->body(i), std::to_string(i));
  }
}

TEST_F(BatcherTest, AFlushHasNoMoreBlocksThanAllowedAndTheRestKeepsItsOrder) {
  config.flush_count_max = 2;
  config.batch_count_max = 1;
  for (std::uint32_t i = 0; i < 5; ++i) push(parcel_of({std::to_string(i)}));
  std::vector<std::string> seen;
  for (int round = 0; round < 3; ++round) {
    const auto ex = collect();
    EXPECT_LE(ex.appends.size(), 2U);
    for (const auto& append : ex.appends) seen.emplace_back(append.block->body(0));
    report(ex);
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"0", "1", "2", "3", "4"}));
}

TEST_F(BatcherTest, ADelayedParcelIsParkedMessageByMessage) {
  auto parcel = parcel_of({"a", "b"});
  parcel.due_ms = clock.wall_ms() + 5'000;
  const auto receipt = push(std::move(parcel));
  const auto ex = collect();
  EXPECT_TRUE(ex.appends.empty());
  ASSERT_EQ(ex.parks.size(), 2U);
  EXPECT_EQ(ex.parks[1].message.body, "b");
  EXPECT_EQ(ex.parks[1].message.id, receipt->first_id().plus(1));
  EXPECT_EQ(ex.parks[1].message.enqueued_ms, clock.wall_ms());
  report(ex);
  EXPECT_EQ(receipt->status(), ReceiptStatus::kPersisted);
}

TEST_F(BatcherTest, WhatIsDueByNowIsNotParked) {
  auto parcel = parcel_of({"a"});
  parcel.due_ms = clock.wall_ms();
  push(std::move(parcel));
  EXPECT_EQ(collect().appends.size(), 1U);
}

TEST_F(BatcherTest, LingeringWaitsForCompanyButNotForEver) {
  config.linger = milliseconds(10);
  push(parcel_of({"a"}));
  EXPECT_TRUE(collect().empty());
  EXPECT_EQ(batcher->next_time(clock.steady()), clock.steady() + milliseconds(10));
  clock.advance(milliseconds(10));
  EXPECT_EQ(collect().appends.size(), 1U);
}

TEST_F(BatcherTest, AFullBlockDoesNotLinger) {
  config.linger = seconds(10);
  config.batch_count_max = 2;
  push(parcel_of({"a", "b"}));
  EXPECT_EQ(collect().appends.size(), 1U);
}

TEST_F(BatcherTest, WhoClosesDoesNotLinger) {
  config.linger = seconds(60);
  push(parcel_of({"a"}));
  EXPECT_TRUE(collect().empty());
  batcher->hurry();
  EXPECT_EQ(batcher->next_time(clock.steady()), clock.steady());
  EXPECT_EQ(collect().appends.size(), 1U);
}

TEST_F(BatcherTest, IsolatedParcelsKeepTheirBytesIdsAndOrder) {
  std::vector<ReceiptPtr> receipts;
  receipts.push_back(push(parcel_of({"a", "b"})));
  auto delayed = parcel_of({"later"});
  delayed.due_ms = clock.wall_ms() + 1'000;
  receipts.push_back(push(std::move(delayed)));
  receipts.push_back(push(parcel_of({"c"}, "r")));
  receipts.push_back(push(parcel_of({"d"})));
  auto whole = collect();
  ASSERT_TRUE(batcher->isolate(whole));
  EXPECT_TRUE(whole.empty());
  std::vector<std::string> seen;
  for (int i = 0; i < 4; ++i) {
    const auto ex = collect();
    EXPECT_EQ(ex.appends.size() + ex.parks.size(), 1U);
    for (const auto& append : ex.appends)
      for (std::uint32_t k = 0; k < append.block->count(); ++k) {
        seen.push_back(append.queue + ":" + std::string(append.block->body(k)));
        if (seen.back() == "q:b") {
          EXPECT_EQ(append.block->view(k).id, receipts[0]->first_id().plus(1));
        }
      }
    for (const auto& park : ex.parks) seen.push_back("park:" + park.message.body);
    report(ex);
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"q:a", "q:b", "q:d", "r:c", "park:later"}));
  for (const auto& receipt : receipts) EXPECT_EQ(receipt->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(admission.count(), 0U);
}

TEST_F(BatcherTest, OneParcelCannotBeIsolated) {
  push(parcel_of({"a", "b"}));
  auto ex = collect();
  EXPECT_FALSE(batcher->isolate(ex));
  EXPECT_EQ(ex.appends.size(), 1U);
}

TEST_F(BatcherTest, ABoundedStoreThatIsFullHoldsBackUntilThereIsRoom) {
  remake(false);
  config.overflow_wait = seconds(5);
  const auto receipt = push(parcel_of({"a"}));
  const Error full(ErrorCode::kStoreFull, "full");
  auto ex = collect();
  batcher->refuse(ex, full, clock.steady());
  EXPECT_TRUE(ex.empty()) << "settles go on without it";
  EXPECT_TRUE(collect().empty());
  const Nanos next = batcher->next_time(clock.steady());
  EXPECT_GT(next, clock.steady()) << "never hot";
  clock.advance(next - clock.steady());
  ex = collect();
  ASSERT_EQ(ex.appends.size(), 1U);
  clock.advance(seconds(5));
  batcher->refuse(ex, full, clock.steady());
  ASSERT_EQ(receipt->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(receipt->error()->code(), ErrorCode::kQueueFull);
}

TEST_F(BatcherTest, ABoundedStoreThatIsFullDropsWhenToldTo) {
  remake(false);
  config.overflow = Overflow::kDrop;
  const auto receipt = push(parcel_of({"a"}));
  auto ex = collect();
  batcher->refuse(ex, Error(ErrorCode::kStoreFull, "full"), clock.steady());
  EXPECT_EQ(receipt->status(), ReceiptStatus::kDropped);
  EXPECT_EQ(book.find("q").snapshot().dropped, 1U);
  EXPECT_EQ(admission.count(), 0U);
}

TEST_F(BatcherTest, AFullQueueHoldsNobodyElseBack) {
  QueueSettings settings;
  settings.length_max = 3;
  settings.overflow = Overflow::kRaise;
  const auto fits = push(parcel_of({"a"}));
  const auto other = push(parcel_of({"b"}, "r"));
  const auto more = push(parcel_of({"c"}));
  auto ex = collect();
  batcher->limit(ex, {"q", 2, settings});
  EXPECT_TRUE(ex.empty());
  ex = collect();
  ASSERT_EQ(ex.appends.size(), 2U);
  EXPECT_EQ(more->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(more->error()->code(), ErrorCode::kQueueFull);
  report(ex);
  EXPECT_EQ(fits->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(other->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(admission.count(), 0U);
}

// A hundred calls of one turn of an event loop were refused, though there was room for fifty.
TEST_F(BatcherTest, OfWhatSeveralCallsSentAsMuchIsStoredAsFits) {
  QueueSettings settings;
  settings.length_max = 3;
  settings.overflow = Overflow::kRaise;
  Parcel loose = parcel_of({"a", "b", "c", "d", "e"});
  loose.is_loose = true;
  const auto receipt = push(std::move(loose));
  auto ex = collect();
  batcher->limit(ex, {"q", 0, settings});
  ex = collect();
  ASSERT_EQ(ex.appends.size(), 1U);
  EXPECT_EQ(ex.appends[0].block->count(), 3U);
  EXPECT_FALSE(receipt->is_done());
  batcher->limit(ex, {"q", 1, settings});  // others came in between
  ex = collect();
  ASSERT_EQ(ex.appends.size(), 1U);
  EXPECT_EQ(ex.appends[0].block->view(1).body, "b");
  report(ex);
  ASSERT_EQ(receipt->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(receipt->end(), 2U);
  const auto middle = receipt->rest();
  ASSERT_TRUE(middle);
  EXPECT_EQ(middle->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(middle->end(), 1U);
  EXPECT_EQ(middle->first_id(), receipt->first_id().plus(2));
  ASSERT_TRUE(middle->rest());
  EXPECT_EQ(middle->rest()->error()->code(), ErrorCode::kQueueFull);
  EXPECT_EQ(middle->rest()->end(), 2U);
  EXPECT_EQ(admission.count(), 0U);
  EXPECT_EQ(admission.bytes(), 0U);
}

TEST_F(BatcherTest, DuplicatesInAFullQueueAreToldAsSuch) {
  QueueSettings settings;
  settings.overflow = Overflow::kRaise;
  const auto known = push(parcel_of({"a"}));
  const auto more = push(parcel_of({"b"}));
  auto ex = collect();
  const transport::Duplicate duplicate{0, MessageId{1, 1}, true};
  batcher->limit(ex, {"q", 0, settings, {duplicate}});
  ex = collect();
  ASSERT_EQ(ex.appends.size(), 1U);
  EXPECT_EQ(ex.appends[0].block->count(), 1U);
  EXPECT_EQ(more->status(), ReceiptStatus::kFailed);
  transport::ExchangeResult result;
  result.duplicates.push_back(duplicate);
  batcher->report(ex, result, clock.steady());
  batcher->announce();
  EXPECT_EQ(known->status(), ReceiptStatus::kDuplicate);
}

TEST_F(BatcherTest, WhatWaitsForRoomInItsQueueKeepsItsOrder) {
  QueueSettings settings;
  settings.length_max = 3;
  const auto first = push(parcel_of({"a"}));
  auto ex = collect();
  batcher->limit(ex, {"q", 3, settings});
  EXPECT_TRUE(collect().empty());
  const auto second = push(parcel_of({"b"}));
  const auto other = push(parcel_of({"c"}, "r"));
  ex = collect();
  ASSERT_EQ(ex.appends.size(), 1U);
  EXPECT_EQ(ex.appends[0].queue, "r");
  report(ex);
  const Nanos next = batcher->next_time(clock.steady());
  ASSERT_NE(next, kNever);
  clock.advance(next - clock.steady());
  ex = collect();
  ASSERT_EQ(ex.appends.size(), 1U);
  EXPECT_EQ(ex.appends[0].block->body(0), "a");
  EXPECT_EQ(ex.appends[0].block->body(1), "b");
  batcher->give_up(Error(ErrorCode::kClosed, "closed"), false);
  EXPECT_EQ(first->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(second->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(admission.count(), 0U);
}

TEST_F(BatcherTest, GivingUpAnswersFlushBacklogAndInbox) {
  config.flush_count_max = 1;
  config.batch_count_max = 1;
  const auto in_flush = push(parcel_of({"a"}));
  const auto in_backlog = push(parcel_of({"b"}));
  collect();
  const auto in_inbox = push(parcel_of({"c"}));
  batcher->give_up(Error(ErrorCode::kClosed, "closed"), true);
  EXPECT_EQ(in_flush->status(), ReceiptStatus::kInDoubt);
  EXPECT_EQ(in_flush->error()->code(), ErrorCode::kStoreInDoubt);
  EXPECT_EQ(in_backlog->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(in_inbox->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(in_inbox->error()->code(), ErrorCode::kClosed);
  EXPECT_EQ(admission.count(), 0U);
}

TEST_F(BatcherTest, TrafficAddsUp) {
  push(parcel_of({"a", "b"}));
  auto ex = collect();
  report(ex);
  push(parcel_of({"c"}));
  ex = collect();
  batcher->fail(ex, Error(ErrorCode::kStoreRejected, "no"));
  const auto traffic = book.find("q").snapshot();
  EXPECT_EQ(traffic.persisted, 2U);
  EXPECT_EQ(traffic.failed, 1U);
}

TEST_F(BatcherTest, TellsHowLongMessagesWereOnTheirWay) {
  push(parcel_of({"a", "b"}));
  const auto ex = collect();
  clock.advance(milliseconds(8));
  report(ex);
  const auto times = book.find("q").snapshot().enqueue_ns;
  EXPECT_EQ(times[std::bit_width(8'000'000u)], 2U);
}

// --- bundles ---

class BundleTest : public BatcherTest {
 protected:
  BundleTest() {
    batcher->on_withdraw = [this](Exchange&) { ++withdrawn; };
    batcher->on_lost = [this](const Exchange&, std::size_t settle) { lost = settle; };
  }
  BundlePtr push_bundle(std::vector<Parcel> parcels) {
    auto bundle = std::make_shared<Bundle>();
    for (Parcel& parcel : parcels) {
      Traffic& traffic = book.find(parcel.queue);
      bundle->parcels.push_back(test::admitted_of(std::move(parcel), traffic, clock.steady()));
      Admitted& admitted = bundle->parcels.back();
      admitted.is_bundled = true;
      admitted.has_once = admitted.parcel.has_once;
      bundle->count += admitted.count;
    }
    EXPECT_TRUE(admission.try_acquire(bundle->count, 0));
    bundle->receipt = std::make_shared<Receipt>(MessageId{}, 1);
    bundle->admitted_at = clock.steady();
    bundle->join = [this] { return refusal; };
    batcher->push(bundle);
    return bundle;
  }

  int withdrawn = 0;
  std::size_t lost = 99;
  std::optional<Error> refusal;
};

TEST_F(BundleTest, ItGoesWholeAndSharesBlocksWithOthers) {
  config.flush_count_max = 1;
  const auto single = push(parcel_of({"s"}));
  const auto first = push_bundle({parcel_of({"a"}), parcel_of({"b"}, "other")});
  const auto second = push_bundle({parcel_of({"c"}, "other")});
  const auto ex = collect();
  ASSERT_EQ(ex.appends.size(), 2U);  // more than the bound, as it is not cut
  report(ex);
  EXPECT_EQ(first->receipt->status(), ReceiptStatus::kPersisted);
  report(collect());
  report(collect());
  EXPECT_EQ(second->receipt->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(single->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(admission.count(), 0U);
}

TEST_F(BundleTest, WhatIsRefusedIsSoughtUnitByUnitAndNoBundleIsTakenApart) {
  const auto bad = push_bundle({parcel_of({"a"}), parcel_of({"b"}, "other")});
  const auto good = push(parcel_of({"s"}));
  auto ex = collect();
  ASSERT_TRUE(batcher->isolate(ex));
  EXPECT_EQ(withdrawn, 1);
  EXPECT_TRUE(ex.appends.empty());
  report(collect());  // they take turns: it is the single one's
  EXPECT_EQ(bad->receipt->status(), ReceiptStatus::kPending);
  ex = collect();
  ASSERT_EQ(ex.appends.size(), 2U);
  EXPECT_FALSE(batcher->isolate(ex));
  batcher->fail(ex, Error(ErrorCode::kStoreRejected, "no"));
  EXPECT_EQ(bad->receipt->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(good->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(admission.count(), 0U);
}

TEST_F(BundleTest, ALostClaimEndsTheOneThatCannotJoinAgain) {
  const auto bundle = push_bundle({parcel_of({"a"})});
  const auto receipt = bundle->parcels[0].receipt;
  auto ex = collect();
  batcher->withdraw(ex, transport::ClaimLost(3));
  EXPECT_EQ(lost, 3U);
  EXPECT_EQ(withdrawn, 1);
  EXPECT_EQ(bundle->receipt->status(), ReceiptStatus::kPending);
  refusal = Error(ErrorCode::kLeaseLost, "gone");
  EXPECT_TRUE(collect().empty());
  EXPECT_EQ(bundle->receipt->error()->code(), ErrorCode::kLeaseLost);
  EXPECT_EQ(receipt->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(admission.count(), 0U);
}

TEST_F(BundleTest, ADuplicateEndsTheBundleItIsOf) {
  const auto first = push_bundle({parcel_of({"a", "b"})});
  const auto second = push_bundle({parcel_of({"c"})});
  auto ex = collect();
  batcher->withdraw(ex, transport::DuplicateRefused({2, {}, true}, "x", true));
  EXPECT_EQ(second->receipt->error()->code(), ErrorCode::kDuplicate);
  report(collect());
  EXPECT_EQ(first->receipt->status(), ReceiptStatus::kPersisted);
}

TEST_F(BundleTest, AFullQueueHoldsItWholeUntilItsTimeIsOver) {
  const auto bundle = push_bundle({parcel_of({"a"}), parcel_of({"b"}, "other")});
  QueueSettings settings;
  settings.length_max = 10;
  settings.overflow_wait_ms = 100;
  auto ex = collect();
  batcher->limit(ex, {"q", 10, settings});
  EXPECT_TRUE(collect().empty());
  EXPECT_EQ(bundle->receipt->status(), ReceiptStatus::kPending);
  clock.advance(milliseconds(50));
  ex = collect();
  ASSERT_EQ(ex.appends.size(), 2U);
  clock.advance(milliseconds(60));
  batcher->limit(ex, {"q", 10, settings});
  EXPECT_TRUE(collect().empty());
  EXPECT_EQ(bundle->receipt->error()->code(), ErrorCode::kQueueFull);
}

}  // namespace
}  // namespace msgq
