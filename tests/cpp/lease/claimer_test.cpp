#include "lease/claimer.h"

#include <gtest/gtest.h>

#include "support/road.h"

namespace msgq {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using transport::Exchange;
using transport::ExchangeResult;

// Wants so many of each queue, in its order, and keeps what comes.
class Wanting final : public DemandSource {
 public:
  explicit Wanting(std::vector<std::string> queues) : queues_(std::move(queues)) {}
  void demands(std::vector<Demand>& out, Nanos) override {
    for (const auto& queue : queues_) {
      Demand demand;
      demand.queue = queue;
      demand.count_max = room;
      demand.lease_ms = 30'000;
      out.push_back(demand);
    }
  }
  bool deliver(const Demand&, const HeldPtr& held) override {
    if (accepts) got.push_back(held);
    return accepts;
  }
  void answered(const Demand&) override {}
  void give_up(const Error& error) override { given_up = error.code(); }

  std::uint32_t room = 4;
  bool accepts = true;
  std::vector<HeldPtr> got;
  std::optional<ErrorCode> given_up;

 private:
  const std::vector<std::string> queues_;
};

class ClaimerTest : public ::testing::Test {
 protected:
  ClaimerTest() {
    claimer.give_back = [this](const HeldPtr& held) { given_back.push_back(held); };
  }
  std::shared_ptr<Wanting> want(std::vector<std::string> queues) {
    auto source = std::make_shared<Wanting>(std::move(queues));
    claimer.add(source);
    return source;
  }
  Exchange collect() {
    Exchange out;
    claimer.prepare(clock.steady());
    claimer.collect(out, clock.steady());
    return out;
  }
  static std::vector<std::string> queues(const Exchange& ex) {
    std::vector<std::string> out;
    for (const auto& wish : ex.claims) out.push_back(wish.queue);
    return out;
  }
  using Fill = std::function<void(const transport::ClaimWish&, transport::ClaimAnswer&)>;
  void report(const Exchange& ex, const Fill& fill = {}) {
    ExchangeResult result;
    result.claims.resize(ex.claims.size());
    for (std::size_t i = 0; fill && i < ex.claims.size(); ++i) fill(ex.claims[i], result.claims[i]);
    claimer.report(ex, result, clock.steady());
  }
  static transport::Claimed some(const std::string& queue, bool is_suspect = false) {
    auto claimed = test::claimed_of({test::parcel_of({"a"}, queue)});
    claimed.is_suspect = is_suspect;
    return claimed;
  }
  // One look at the store that finds nothing.
  void look() { report(collect()); }

  test::FakeClock clock;
  Config config;
  TrafficBook book;
  Ledger ledger{config, clock};
  Claimer claimer{config, clock, ledger, book};
  std::vector<HeldPtr> given_back;
};

using Texts = std::vector<std::string>;

TEST_F(ClaimerTest, AsksForWhatThereIsRoomAndDelivers) {
  const auto source = want({"q"});
  const auto ex = collect();
  ASSERT_EQ(ex.claims.size(), 1U);
  EXPECT_EQ(ex.claims[0].count_max, 4U);
  report(ex, [](const auto& wish, auto& answer) { answer.claims.push_back(some(wish.queue)); });
  ASSERT_EQ(source->got.size(), 1U);
  EXPECT_EQ(ledger.count(), 1U);
  EXPECT_EQ(book.find("q").snapshot().claimed, 1U);
}

TEST_F(ClaimerTest, WhatNobodyWantsAnyMoreGoesBack) {
  want({"q"})->accepts = false;
  report(collect(),
         [](const auto& wish, auto& answer) { answer.claims.push_back(some(wish.queue)); });
  EXPECT_EQ(given_back.size(), 1U);
  EXPECT_EQ(ledger.count(), 1U) << "until it is durable";
}

TEST_F(ClaimerTest, LooksBackOffWhenThereIsNothingAndNeverRunHot) {
  want({"q"});
  int looks = 0;
  const Nanos end = clock.steady() + seconds(10);
  while (clock.steady() < end) {
    const auto ex = collect();
    looks += static_cast<int>(ex.claims.size());
    report(ex);
    const Nanos next = claimer.next_time(clock.steady());
    ASSERT_NE(next, kNever);
    if (next <= clock.steady()) continue;
    clock.advance(next - clock.steady());
  }
  EXPECT_GE(looks, 10);
  EXPECT_LE(looks, 25);
}

TEST_F(ClaimerTest, PausesBetweenLooksGrowFromPollMinToPollMax) {
  config.poll_min = milliseconds(20);
  config.poll_max = milliseconds(100);
  want({"q"});
  for (const int pause : {20, 40, 80, 100, 100}) {
    const auto ex = collect();
    EXPECT_EQ(queues(ex), std::vector<std::string>{"q"});
    report(ex);
    EXPECT_EQ(claimer.next_time(clock.steady()), clock.steady() + milliseconds(pause));
    clock.advance(milliseconds(pause - 1));
    EXPECT_TRUE(collect().claims.empty()) << "a look before its time, after " << pause << " ms";
    clock.advance(milliseconds(1));
  }
}

// Four workers in front of one backlog once slept for poll_max each time they met at its cursor.
TEST_F(ClaimerTest, WhoWasPassedOverComesBackAfterPollMin) {
  config.poll_min = milliseconds(20);
  want({"q"});
  for (int i = 0; i < 3; ++i) {
    report(collect(), [](const auto&, auto& answer) { answer.was_passed_over = true; });
    EXPECT_EQ(claimer.next_time(clock.steady()), clock.steady() + milliseconds(20));
    EXPECT_TRUE(collect().claims.empty()) << "no hot loop";
    clock.advance(milliseconds(20));
  }
}

TEST_F(ClaimerTest, AHintOrAnAppendMakesItLookAtOnce) {
  want({"q"});
  look();
  EXPECT_TRUE(collect().claims.empty());
  claimer.hint();
  EXPECT_EQ(claimer.next_time(clock.steady()), clock.steady());
  auto ex = collect();
  EXPECT_EQ(queues(ex), Texts{"q"});
  report(ex);
  Exchange own;
  own.appends.push_back({"q", transport::Block::build({test::parcel_of({"a"})}, 0)});
  claimer.prepare(clock.steady());
  claimer.collect(own, clock.steady());
  EXPECT_EQ(own.claims.size(), 1U);
}

// Whoever asks after the inbox was taken waits for the next exchange: what it enqueued before may
// not be in this one.
TEST_F(ClaimerTest, AnAppendIsExpectedInEverySubscriptionOfItsQueue) {
  want({"q", "q@audit", "q@mail", "qq", "q2@audit"});
  for (int i = 0; i < 3; ++i) look();
  Exchange appended;
  appended.appends.push_back({"q", transport::Block::build({test::parcel_of({"a"})}, 0)});
  claimer.expect(appended);
  EXPECT_EQ(queues(collect()), (Texts{"q", "q@audit", "q@mail"}));
}

TEST_F(ClaimerTest, WhoAsksWhileAnExchangeIsCollectedIsInTheNext) {
  Exchange ex;
  claimer.prepare(clock.steady());
  want({"q"});
  claimer.collect(ex, clock.steady());
  EXPECT_TRUE(ex.claims.empty());
  report(ex);
  EXPECT_EQ(queues(collect()), Texts{"q"});
}

TEST_F(ClaimerTest, ChoresComeAFewTimesASecond) {
  int reclaims = 0;
  for (int ms = 0; ms < 4'000; ms += 10) {
    const auto ex = collect();
    reclaims += ex.reclaims ? 1 : 0;
    report(ex);
    clock.advance(milliseconds(10));
  }
  EXPECT_EQ(reclaims, 10);
}

TEST_F(ClaimerTest, ParkedMessagesArePromotedWhenDue) {
  look();
  Exchange ex;
  ex.parks.push_back({"q", clock.wall_ms() + 50, {}});
  claimer.collect(ex, clock.steady());
  report(ex);
  EXPECT_EQ(claimer.next_time(clock.steady()), clock.steady() + milliseconds(50));
  clock.advance(milliseconds(50));
  const auto due = collect();
  EXPECT_GT(due.promote_max, 0U);
  report(due);
  EXPECT_GT(claimer.next_time(clock.steady()), clock.steady());
}

TEST_F(ClaimerTest, AfterStopNothingIsClaimed) {
  want({"q"});
  claimer.stop();
  EXPECT_TRUE(collect().claims.empty());
}

TEST_F(ClaimerTest, WhileASuspectRunsNothingElseIsClaimed) {
  want({"q"});
  report(collect(), [](const auto&, auto& answer) { answer.claims.push_back(some("q", true)); });
  claimer.hint();
  EXPECT_TRUE(collect().claims.empty());
  ledger.remove(ledger.all().front());
  claimer.hint();
  EXPECT_EQ(queues(collect()), Texts{"q"});
}

// An idle process asks for a suspect where suspects are; it once asked the first queue, and forgot.
TEST_F(ClaimerTest, ASuspectIsAskedForInItsOwnQueueAlone) {
  want({"busy", "poisoned"});
  const auto ex = collect();
  EXPECT_FALSE(ex.claims[1].may_take_suspect);
  report(ex, [](const auto& wish, auto& answer) {
    answer.suspects_waiting = wish.queue == "poisoned";
    answer.has_more = wish.queue == "busy";
  });
  const auto alone = collect();
  ASSERT_EQ(queues(alone), Texts{"poisoned"});
  EXPECT_TRUE(alone.claims[0].may_take_suspect);
}

TEST_F(ClaimerTest, NoSuspectIsTakenWhileSomethingElseIsHeld) {
  want({"q"});
  report(collect(), [](const auto& wish, auto& answer) {
    answer.claims.push_back(some(wish.queue));
    answer.suspects_waiting = true;
  });
  EXPECT_TRUE(collect().claims.empty()) << "waits for its own hands to be empty";
  clock.advance(seconds(6));
  const auto ex = collect();
  ASSERT_EQ(ex.claims.size(), 1U) << "but not for ever";
  EXPECT_FALSE(ex.claims[0].may_take_suspect);
}

// A store that does not give the suspect (another process was quicker) is not asked in a loop.
TEST_F(ClaimerTest, ASuspectThatIsNotGivenIsNoHotLoop) {
  want({"q"});
  const Fill suspects = [](const auto&, auto& answer) { answer.suspects_waiting = true; };
  report(collect(), suspects);
  int looks = 0;
  const Nanos end = clock.steady() + seconds(1);
  while (clock.steady() < end && looks < 1'000) {
    ++looks;
    report(collect(), suspects);
    const Nanos next = claimer.next_time(clock.steady());
    if (next > clock.steady()) clock.advance(next - clock.steady());
  }
  EXPECT_LT(looks, 100);
}

TEST_F(ClaimerTest, SuspectsThatNobodyAsksForAnyMoreStopNobody) {
  const auto gone = want({"poisoned"});
  report(collect(), [](const auto&, auto& answer) { answer.suspects_waiting = true; });
  claimer.remove(gone);
  want({"q"});
  const auto ex = collect();
  ASSERT_EQ(queues(ex), Texts{"q"});
  report(ex, [](const auto& wish, auto& answer) { answer.claims.push_back(some(wish.queue)); });
  clock.advance(seconds(6));
  claimer.hint();
  EXPECT_EQ(queues(collect()), Texts{"q"});
}

TEST_F(ClaimerTest, GivingUpIsToldToEverySource) {
  const auto source = want({"q"});
  claimer.give_up(Error(ErrorCode::kStoreRejected, "gone"), false);
  EXPECT_EQ(source->given_up, ErrorCode::kStoreRejected);
}

TEST_F(ClaimerTest, APollIsKnownFromWorkThatSomebodyTold) {
  want({"q"});
  const auto told = collect();
  EXPECT_FALSE(told.is_poll);
  report(told);
  clock.advance(seconds(2));
  const auto poll = collect();
  EXPECT_EQ(queues(poll), Texts{"q"});
  EXPECT_TRUE(poll.is_poll);
  report(poll);
  claimer.hint();
  const auto hinted = collect();
  EXPECT_FALSE(hinted.is_poll);
  report(hinted);
}

TEST_F(ClaimerTest, WhoIsDueSoonIsPolledAlong) {
  want({"a", "b"});
  const auto polls = [&](int ms) {
    int count = 0;
    for (; ms > 0; ms -= 10) {
      const auto ex = collect();
      count += ex.claims.empty() ? 0 : 1;
      report(ex);
      clock.advance(milliseconds(10));
    }
    return count;
  };
  polls(10'500);
  Exchange ex;  // "a" falls out of step
  ex.appends.push_back({"a", nullptr});
  claimer.prepare(clock.steady());
  claimer.collect(ex, clock.steady());
  report(ex);
  polls(3'000);
  EXPECT_LE(polls(20'000), 21) << "once a second, both";
}

TEST_F(ClaimerTest, ASpreadShortensThePolls) {
  Claimer other(config, clock, ledger, book, 1'000);
  other.add(std::make_shared<Wanting>(std::vector<std::string>{"q"}));
  std::vector<Nanos> times;
  for (int ms = 0; ms < 10'000; ms += 5) {
    Exchange ex;
    other.prepare(clock.steady());
    other.collect(ex, clock.steady());
    if (!ex.claims.empty()) times.push_back(clock.steady());
    ExchangeResult result;
    result.claims.resize(ex.claims.size());
    other.report(ex, result, clock.steady());
    clock.advance(milliseconds(5));
  }
  ASSERT_GT(times.size(), 3u);
  EXPECT_EQ(times.back() - times[times.size() - 2], milliseconds(900));
}

// Of thousands of years the nanoseconds overflowed: the writer never slept.
TEST_F(ClaimerTest, AMessageThatIsHeldForEverLetsTheWriterSleep) {
  const auto ex = collect();
  ExchangeResult result;
  result.next_due_ms = 253'370'764'800'000;
  claimer.report(ex, result, clock.steady());
  EXPECT_GT(claimer.next_time(clock.steady()), clock.steady());
}

}  // namespace
}  // namespace msgq
