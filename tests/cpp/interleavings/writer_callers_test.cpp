// A writer that only stores promises: a lone caller does its own exchange, one exchange at a time
// whoever does it; what a caller cannot end is left to the writer's thread whole; and the next
// flush is on its way before those who wait for the last one are told.
#include <thread>

#include "transport/writer_fixture.h"

namespace msgq {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Texts = std::vector<std::string>;

class WriterCallersTest : public test::WriterTest {
 protected:
  WriterCallersTest() {
    writer = std::make_unique<transport::Writer>(quiet.world, log,
                                                 std::make_unique<test::ScriptedSession>(script));
    writer->add(*batcher);
    writer->set_intake(*batcher);
    writer->only_stores();
    script->begin = [](const auto&) { return true; };
    run();  // as its thread did when it was started
  }
  bool was_poked(std::uint32_t key) { return writer->event().key() != key; }
  std::uint32_t key() { return writer->event().key(); }
};

TEST_F(WriterCallersTest, ALoneCallerStoresItsOwnAndWakesNobody) {
  script->tidy = [this] { return clock().steady() + milliseconds(100); };
  run();
  const auto before = key();
  const auto a = push("a");
  writer->work(seconds(1));
  EXPECT_EQ(a->status(), ReceiptStatus::kPersisted);
  EXPECT_FALSE(was_poked(before));
  EXPECT_EQ(script->seen.size(), 1U);
  EXPECT_EQ(writer->flushes.load(), 1U);
}

// Nobody would remove what the store keeps of each exchange.
TEST_F(WriterCallersTest, TheThreadIsWokenWhenItWouldRestForTooLong) {
  const auto before = key();
  push("a");
  writer->work(seconds(1));
  EXPECT_TRUE(was_poked(before));
}

TEST_F(WriterCallersTest, WhatComesMeanwhileIsSeenToByTheThread) {
  script->tidy = [this] { return clock().steady() + milliseconds(100); };
  run();
  const auto before = key();
  ReceiptPtr b;
  script->begin = [&](const auto&) {
    if (b) return true;
    b = push("b");
    EXPECT_EQ(writer->step(), kNever) << "the thread has not the turn";
    writer->work(seconds(1));  // nor has another caller
    EXPECT_FALSE(was_poked(before)) << "whoever has it looks when it leaves";
    return true;
  };
  const auto a = push("a");
  writer->work(seconds(1));
  EXPECT_EQ(a->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(b->status(), ReceiptStatus::kPending);
  EXPECT_TRUE(was_poked(before));
  run();
  EXPECT_EQ(b->status(), ReceiptStatus::kPersisted);
}

TEST_F(WriterCallersTest, AnAnswerThatDoesNotComeIsLeftToTheThread) {
  script->awaits = {false};
  const auto before = key();
  const auto a = push("a");
  writer->work(milliseconds(1));
  EXPECT_EQ(a->status(), ReceiptStatus::kPending);
  EXPECT_TRUE(script->seen.empty());
  EXPECT_TRUE(was_poked(before));
  EXPECT_TRUE(writer->is_in_doubt()) << "should the engine end now";
  push("b");
  writer->work(milliseconds(1));  // one at a time
  EXPECT_TRUE(script->seen.empty());
  run();
  ASSERT_EQ(script->seen.size(), 2U);
  EXPECT_EQ(bodies(script->seen[0]), Texts{"a"});
  EXPECT_EQ(a->status(), ReceiptStatus::kPersisted);
  EXPECT_FALSE(writer->is_in_doubt());
}

TEST_F(WriterCallersTest, WhatCannotBeBegunIsLeftToTheThread) {
  script->begin = {};
  const auto a = push("a");
  writer->work(seconds(1));
  EXPECT_EQ(a->status(), ReceiptStatus::kPending);
  run();
  ASSERT_EQ(script->seen.size(), 1U);
  EXPECT_EQ(bodies(script->seen[0]), Texts{"a"});
  EXPECT_EQ(a->status(), ReceiptStatus::kPersisted);
}

TEST_F(WriterCallersTest, WhatGoesWrongIsLeftToTheThread) {
  for (const auto code : {ErrorCode::kStoreUnavailable, ErrorCode::kStoreInDoubt}) {
    script->fail(code);
    script->answers = {[](auto&) { return false; }};
    const auto a = push("a");
    writer->work(seconds(1));
    EXPECT_EQ(a->status(), ReceiptStatus::kPending);
    run(seconds(5));
    EXPECT_EQ(a->status(), ReceiptStatus::kPersisted);
  }
  EXPECT_EQ(script->seen.size(), 4U);
  script->fail(ErrorCode::kStoreRejected);
  const auto bad = push("bad");
  writer->work(seconds(1));
  run();
  EXPECT_EQ(bad->status(), ReceiptStatus::kFailed);
}

// It left the turn taken for ever.
TEST_F(WriterCallersTest, AnErrorThatIsNoneOfOursBreaksTheWriterAndKeepsNobodyWaiting) {
  script->lines.push_back([](const auto&, auto&) { throw std::runtime_error("out of order"); });
  const auto a = push("a");
  writer->work(seconds(1));
  run();
  EXPECT_TRUE(writer->is_broken());
  EXPECT_EQ(a->status(), ReceiptStatus::kFailed);
  writer->bar_callers();
}

TEST_F(WriterCallersTest, TheNextFlushIsOnItsWayBeforeTheLastOneIsTold) {
  const auto a = push("a");
  ReceiptPtr b;
  script->pass(2);
  script->lines[0] = [&](const auto& in, auto& out) {
    b = push("b");
    test::Script::succeed(in, out);
  };
  script->begin = [&](const auto& next) {
    EXPECT_EQ(bodies(next), Texts{"b"});
    EXPECT_EQ(a->status(), ReceiptStatus::kPending);
    return true;
  };
  EXPECT_EQ(writer->step(), Nanos::zero()) << "it goes on at once";
  EXPECT_EQ(a->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(b->status(), ReceiptStatus::kPending);
  run();
  EXPECT_EQ(b->status(), ReceiptStatus::kPersisted);
  EXPECT_EQ(script->seen.size(), 2U);
}

TEST_F(WriterCallersTest, OnceBarredCallersDoNothing) {
  writer->bar_callers();
  const auto a = push("a");
  writer->work(seconds(1));
  EXPECT_TRUE(script->seen.empty());
  run();
  EXPECT_EQ(a->status(), ReceiptStatus::kPersisted);
}

TEST_F(WriterCallersTest, ABarWaitsForWhoIsAtWork) {
  Event begun, barring;
  const auto begun_key = begun.key(), barring_key = barring.key();
  script->begin = [&](const auto&) {
    begun.signal();
    barring.wait(barring_key, kNever);
    return true;
  };
  const auto a = push("a");
  std::thread caller([&] { writer->work(seconds(1)); });
  begun.wait(begun_key, kNever);
  barring.signal();
  writer->bar_callers();
  EXPECT_EQ(a->status(), ReceiptStatus::kPersisted);
  caller.join();
}

}  // namespace
}  // namespace msgq
