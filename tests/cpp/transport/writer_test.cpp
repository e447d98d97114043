// The writer promises: what certainly did not happen comes again; what was refused is taken apart
// until the culprit fails alone; what is in doubt is asked after and never sent blindly; and each
// receipt settles exactly once, whatever the store does.
#include "transport/writer.h"

#include "transport/writer_fixture.h"

namespace msgq {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::parcel_of;
using test::WriterTest;

using Texts = std::vector<std::string>;

TEST_F(WriterTest, WhatQueuedGoesInOneExchangeInItsOrder) {
  const auto a = push("a"), b = push("b");
  EXPECT_EQ(a->status(), ReceiptStatus::kPending);
  run();
  ASSERT_EQ(script->seen.size(), 1U);
  EXPECT_EQ(bodies(script->seen[0]), (Texts{"a", "b"}));
  EXPECT_EQ(a->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(b->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(admission.count(), 0U);
  EXPECT_EQ(admission.bytes(), 0U);
}

TEST_F(WriterTest, AStoreThatIsAwayGetsTheSameExchangeAgain) {
  script->fail(ErrorCode::kStoreUnavailable, 3);
  const auto a = push("a");
  run(seconds(5));
  ASSERT_EQ(script->seen.size(), 4U);
  for (const auto& ex : script->seen)
    EXPECT_EQ(ex.appends[0].block, script->seen[0].appends[0].block);
  EXPECT_EQ(a->status(), ReceiptStatus::kPersisted);
}

TEST_F(WriterTest, WhileTheStoreIsAwayAttemptsBackOff) {
  script->fail(ErrorCode::kStoreUnavailable, 10'000);
  push("a");
  run(seconds(10));
  EXPECT_LT(script->seen.size(), 25U);
  for (int i = 0; i < 100; ++i) {  // pokes of producers do not hurry it
    push("b");
    writer->step();
  }
  EXPECT_LT(script->seen.size(), 26U);
}

TEST_F(WriterTest, WhatIsOverTimeFailsAndWhatIsNotGoesOn) {
  script->fail(ErrorCode::kStoreUnavailable, 10'000);
  const auto old = push("old");
  run(seconds(20));
  const auto young = push("young");
  run(seconds(12));
  ASSERT_EQ(old->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(old->error()->code(), ErrorCode::kStoreUnavailable);
  EXPECT_EQ(young->status(), ReceiptStatus::kPending);
  script->lines.clear();
  run(seconds(2));
  EXPECT_EQ(young->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(bodies(script->seen.back()), Texts{"young"});
}

// An exchange may wait long for another writer before it fails: that time counts.
TEST_F(WriterTest, TimeSpentInsideAnExchangeCounts) {
  script->lines.push_back([this](const auto&, auto&) {
    clock().advance(seconds(31));
    throw Error(ErrorCode::kStoreUnavailable, "scripted: another writer for 31 s");
  });
  const auto old = push("old");
  writer->step();
  ASSERT_EQ(old->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(old->error()->code(), ErrorCode::kStoreUnavailable);
  EXPECT_GT(writer->step(), clock().steady()) << "a pause, counted from now";
  const auto young = push("young");
  run(seconds(2));
  EXPECT_EQ(young->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(bodies(script->seen.back()), Texts{"young"});
}

// Claims or settles keep an exchange alive without a flush; what queues behind it has its own time.
TEST_F(WriterTest, WhatQueuesBehindAnExchangeWithoutAFlushFailsInTime) {
  script->fail(ErrorCode::kStoreUnavailable, 10'000);
  const auto held = test::held_of(test::claimed_of({parcel_of({"x"})}), book.find("q"), Nanos(0));
  ledger.add(held);
  settler->push({{{held, 0, 1}}, {}, false, false, nullptr});
  run(seconds(1));
  const auto late = push("late");
  run(seconds(40));
  EXPECT_EQ(late->status(), ReceiptStatus::kFailed);
  script->lines.clear();
  run(seconds(2));
  EXPECT_EQ(settler->pending(), 0U) << "the settle went on";
}

TEST_F(WriterTest, OneBadParcelFailsAloneAndTheOthersAreStored) {
  const auto refuse_bad = [](const auto& in, auto& out) {
    for (const auto& body : bodies(in))
      if (body == "bad") throw Error(ErrorCode::kStoreRejected, "scripted");
    test::Script::succeed(in, out);
  };
  for (int i = 0; i < 20; ++i) script->lines.push_back(refuse_bad);
  std::vector<ReceiptPtr> good;
  for (int i = 0; i < 4; ++i) good.push_back(push("good" + std::to_string(i)));
  const auto bad = push("bad");
  for (int i = 4; i < 8; ++i) good.push_back(push("good" + std::to_string(i), i < 6 ? "q" : "r"));
  run();
  for (const auto& receipt : good) EXPECT_EQ(receipt->status(), ReceiptStatus::kPersisted);
  ASSERT_EQ(bad->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(bad->error()->code(), ErrorCode::kStoreRejected);
  EXPECT_FALSE(writer->is_broken());
  Texts stored;
  for (std::size_t i = 1; i < script->seen.size(); ++i)
    for (auto& body : bodies(script->seen[i]))
      if (body != "bad") stored.push_back(body);
  EXPECT_EQ(stored,
            (Texts{"good0", "good1", "good2", "good3", "good4", "good5", "good6", "good7"}));
}

TEST_F(WriterTest, AfterACulpritFlushesAreWholeAgain) {
  script->fail(ErrorCode::kStoreRejected);
  push("a");
  push("b");
  run();
  const std::size_t before = script->seen.size();
  push("c");
  push("d");
  run();
  ASSERT_EQ(script->seen.size(), before + 1);
  EXPECT_EQ(bodies(script->seen.back()), (Texts{"c", "d"}));
}

TEST_F(WriterTest, AFullDiskFailsTheFlushAndSettlesGoOn) {
  script->fail(ErrorCode::kStoreFull);
  const auto held = test::held_of(test::claimed_of({parcel_of({"x"})}), book.find("q"), Nanos(0));
  ledger.add(held);
  settler->push({{{held, 0, 1}}, {}, false, false, nullptr});
  const auto a = push("a");
  run();
  ASSERT_EQ(a->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(a->error()->code(), ErrorCode::kStoreFull);
  ASSERT_EQ(script->seen.size(), 2U);
  EXPECT_TRUE(script->seen[1].appends.empty());
  EXPECT_EQ(script->seen[1].settles.size(), 1U);
  EXPECT_EQ(settler->pending(), 0U);
}

TEST_F(WriterTest, AFullQueueRefusesItsOwnAndTheRestGoesOn) {
  QueueSettings settings;
  settings.length_max = 1;
  settings.overflow = Overflow::kRaise;
  script->lines.push_back(
      [&](const auto&, auto&) { throw transport::QueueFull("q", 0, settings); });
  const auto held = test::held_of(test::claimed_of({parcel_of({"x"})}), book.find("q"), Nanos(0));
  ledger.add(held);
  settler->push({{{held, 0, 1}}, {}, false, false, nullptr});
  const auto a = push("a");
  const auto b = push("b");
  run();
  EXPECT_EQ(a->status(), ReceiptStatus::kPersisted);
  ASSERT_EQ(b->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(b->error()->code(), ErrorCode::kQueueFull);
  EXPECT_EQ(settler->pending(), 0U);
}

// As a caller's turn leaves it: what the store said of the queue is gone.
TEST_F(WriterTest, WhatIsFullWithoutFiguresIsAskedAgain) {
  script->fail(ErrorCode::kQueueFull);
  const auto a = push("a");
  run();
  EXPECT_EQ(a->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(script->seen.size(), 2U);
}

TEST_F(WriterTest, InDoubtAndHappenedIsPersistedWithoutASecondSending) {
  script->fail(ErrorCode::kStoreInDoubt);
  script->answers.push_back([](auto&) { return true; });
  const auto a = push("a");
  run();
  EXPECT_EQ(script->seen.size(), 1U);
  EXPECT_EQ(a->status(), ReceiptStatus::kPersisted);
}

TEST_F(WriterTest, InDoubtAndUndoneIsSentAgain) {
  script->fail(ErrorCode::kStoreInDoubt);
  script->answers.push_back([](auto&) { return false; });
  const auto a = push("a");
  run();
  ASSERT_EQ(script->seen.size(), 2U);
  EXPECT_EQ(script->seen[0].appends[0].block, script->seen[1].appends[0].block);
  EXPECT_EQ(a->status(), ReceiptStatus::kPersisted);
}

TEST_F(WriterTest, WhileInDoubtNothingElseIsSent) {
  script->fail(ErrorCode::kStoreInDoubt);
  const auto a = push("a");
  run(seconds(1));
  const auto b = push("b");
  run(seconds(10));
  EXPECT_EQ(script->seen.size(), 1U);
  EXPECT_EQ(a->status(), ReceiptStatus::kPending);
  EXPECT_EQ(b->status(), ReceiptStatus::kPending);
}

// Past its deadline a receipt says in doubt; what was never sent says failed, which is certain.
TEST_F(WriterTest, ADoubtThatLastsIsToldAndTheQueueBehindItFails) {
  script->fail(ErrorCode::kStoreInDoubt);
  const auto sent = push("sent");
  run(seconds(1));
  const auto behind = push("behind");
  run(seconds(40));
  ASSERT_EQ(sent->status(), ReceiptStatus::kInDoubt);
  EXPECT_EQ(sent->error()->code(), ErrorCode::kStoreInDoubt);
  ASSERT_EQ(behind->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(behind->error()->code(), ErrorCode::kStoreUnavailable);
  script->answers.push_back([](auto&) { return true; });
  run(seconds(2));
  EXPECT_EQ(sent->status(), ReceiptStatus::kInDoubt) << "a receipt settles once";
  EXPECT_EQ(admission.count(), 0U);
  EXPECT_EQ(script->seen.size(), 1U);
}

TEST_F(WriterTest, AResolveThatCannotBeEndsTheEngineInDoubt) {
  script->fail(ErrorCode::kStoreInDoubt);
  script->answers.push_back(
      [](auto&) -> bool { throw Error(ErrorCode::kStoreRejected, "reopen"); });
  const auto a = push("a");
  run();
  EXPECT_TRUE(writer->is_broken());
  ASSERT_EQ(a->status(), ReceiptStatus::kInDoubt);
  EXPECT_EQ(a->error()->code(), ErrorCode::kStoreInDoubt);
  EXPECT_EQ(writer->broken()->code(), ErrorCode::kStoreRejected);
}

TEST_F(WriterTest, ABrokenWriterAnswersEverybodyAtOnce) {
  script->fail(ErrorCode::kInternal);
  const auto a = push("a");
  run();
  EXPECT_EQ(a->status(), ReceiptStatus::kFailed);
  const auto late = push("late");
  run();
  ASSERT_EQ(late->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(late->error()->code(), ErrorCode::kInternal);
  EXPECT_EQ(script->seen.size(), 1U);
  EXPECT_EQ(admission.count(), 0U);
}

TEST_F(WriterTest, ARefusedSettleBreaksRatherThanBeingForgotten) {
  script->fail(ErrorCode::kStoreRejected);
  const auto held = test::held_of(test::claimed_of({parcel_of({"x"})}), book.find("q"), Nanos(0));
  ledger.add(held);
  settler->push({{{held, 0, 1}}, {}, false, false, nullptr});
  run();
  EXPECT_TRUE(writer->is_broken());
  EXPECT_TRUE(held->is_lost.load()) << "its slot must know";
}

TEST_F(WriterTest, AnErrorThatIsNoneOfOursBreaksIt) {
  script->lines.push_back([](const auto&, auto&) { throw std::runtime_error("odd"); });
  const auto a = push("a");
  run();
  EXPECT_TRUE(writer->is_broken());
  EXPECT_EQ(a->error()->code(), ErrorCode::kInternal);
}

TEST_F(WriterTest, HousekeepingThatFailsForNowHarmsNobody) {
  int calls = 0;
  script->tidy = [&] {
    if (++calls == 1) throw Error(ErrorCode::kStoreUnavailable, "busy");
    return kNever;
  };
  run();
  EXPECT_FALSE(writer->is_broken());
  const auto a = push("a");
  run();
  EXPECT_EQ(a->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(calls, 2);
}

TEST_F(WriterTest, HousekeepingGoesOnWhileThereIsMore) {
  int left = 3;
  script->tidy = [&] { return --left > 0 ? Nanos::zero() : kNever; };
  run();
  EXPECT_EQ(left, 0);
}

TEST_F(WriterTest, OnlyWhatWritesIsCountedAsAFlush) {
  push("a");
  run();
  EXPECT_EQ(writer->flushes.load(), 1U);
  EXPECT_EQ(writer->blocks.load(), 1U);
}

TEST_F(WriterTest, OtherProcessesAreToldOfWorkOnly) {
  int hints = 0;
  writer->on_work_made = [&](const transport::Exchange&) { ++hints; };
  push("a");
  run();
  EXPECT_EQ(hints, 1);
  const auto held = test::held_of(test::claimed_of({parcel_of({"x"})}), book.find("q"), Nanos(0));
  ledger.add(held);
  settler->push({{{held, 0, 1}}, {}, false, false, nullptr});
  run();
  EXPECT_EQ(hints, 1) << "an acknowledgement is nobody's work";
}

}  // namespace
}  // namespace msgq
