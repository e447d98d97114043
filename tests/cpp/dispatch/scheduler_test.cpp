#include "dispatch/scheduler.h"

#include <gtest/gtest.h>

#include <bit>
#include <latch>
#include <thread>

#include "support/road.h"
#include "support/waits.h"

namespace msgq {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::parcel_of;

ChannelSpec channel(const std::string& queue, std::uint32_t concurrency = 0,
                    const std::string& type = "*") {
  return {queue, type, concurrency, 0, Nanos(0), false};
}

class SchedulerTest : public ::testing::Test {
 protected:
  std::shared_ptr<Scheduler> make(std::vector<ChannelSpec> channels, std::uint32_t slots = 4,
                                  QueueOrder order = QueueOrder::kFair,
                                  std::vector<std::pair<std::string, std::uint32_t>> weights = {}) {
    WorkerSpec spec{std::move(channels), order, std::move(weights), slots};
    auto scheduler = std::make_shared<Scheduler>(config, *clock, std::move(spec));
    scheduler->on_returned = [this](std::vector<Span> spans) {
      for (const auto& span : spans) returned += span.count();
    };
    scheduler->on_unroutable = [this](Span span) { unroutable += span.count(); };
    scheduler->on_expired = [this](std::vector<Span> spans) {
      for (const auto& span : spans) expired += span.count();
    };
    scheduler->store_now = [this] { return clock->wall_ms(); };
    return scheduler;
  }
  static Demand demand_for(const std::string& queue) {
    Demand demand;
    demand.queue = queue;
    return demand;
  }
  bool deliver(Scheduler& scheduler, Parcel parcel) {
    const std::string queue = parcel.queue;
    auto held =
        test::held_of(test::claimed_of({std::move(parcel)}), book.find(queue), clock->steady());
    return scheduler.deliver(demand_for(queue), held);
  }
  std::shared_ptr<Scheduler> make_keyed(std::vector<ChannelSpec> channels,
                                        std::uint32_t slots = 4) {
    auto scheduler = make(std::move(channels), slots);
    scheduler->on_moves = [](const KeyGate::Moves& moves) {
      for (const auto& outlet : moves.fed) outlet->on_ready();
    };
    scheduler->connect(gate);
    return scheduler;
  }
  HeldPtr deliver_keyed(Scheduler& scheduler,
                        const std::vector<std::pair<std::string, std::string>>& messages) {
    auto held =
        test::held_of(test::keyed_claim_of(messages, ++seq), book.find("q"), clock->steady());
    EXPECT_TRUE(scheduler.deliver(demand_for("q"), held));
    return held;
  }
  // What would be asked of the store now: queue and count.
  std::vector<std::pair<std::string, std::uint32_t>> demands(Scheduler& scheduler) {
    std::vector<Demand> out;
    scheduler.demands(out, clock->steady());
    std::vector<std::pair<std::string, std::uint32_t>> short_form;
    for (const auto& demand : out) short_form.emplace_back(demand.queue, demand.count_max);
    return short_form;
  }
  static std::string body(const LotPtr& lot, std::uint32_t index = 0) {
    return std::string(lot->body(index));
  }

  test::FakeClock fake;
  Clock* clock = &fake;
  Config config;
  TrafficBook book;
  std::shared_ptr<KeyGate> gate = std::make_shared<KeyGate>(fake);
  std::uint64_t seq = 0;
  std::atomic<std::uint32_t> returned{0}, unroutable{0}, expired{0};
};

using Asked = std::vector<std::pair<std::string, std::uint32_t>>;

TEST_F(SchedulerTest, AWorkerNeedsAHandlerAndValidQueues) {
  EXPECT_THROW(make({}), Error);
  EXPECT_THROW(make({channel("..")}), Error);
}

TEST_F(SchedulerTest, ASlowOrUnknownPaceGetsOneMessageALot) {
  const auto s = make({channel("q")});
  deliver(*s, parcel_of({"0", "1", "2"}));
  const auto first = s->take(Nanos(0), false), second = s->take(Nanos(0), false);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->size(), 1U);
  EXPECT_EQ(body(first), "0");
  EXPECT_EQ(body(second), "1");
}

TEST_F(SchedulerTest, LotsGrowToWhatASlotLatelyFinishedInFiveMilliseconds) {
  const auto s = make({channel("q")}, 1);
  deliver(*s, parcel_of(test::numbers(1'000)));
  auto lot = s->take(Nanos(0), false);
  fake.advance(milliseconds(1));
  lot->leave(lot->size());
  lot = s->take(Nanos(0), false);
  EXPECT_EQ(lot->size(), 5U);
  fake.advance(milliseconds(5) * 9);  // nine times slower: the mean follows by half
  lot->leave(lot->size());
  lot = s->take(Nanos(0), false);
  EXPECT_EQ(lot->size(), 1U);
}

TEST_F(SchedulerTest, TellsHowOldMessagesWereAndHowLongTheyTook) {
  const auto s = make({channel("q")}, 1);
  deliver(*s, parcel_of({"x"}));
  fake.advance(seconds(3));
  const auto lot = s->take(Nanos(0), false);
  fake.advance(milliseconds(8));
  lot->leave(lot->size());
  const auto traffic = book.find("q").snapshot();
  EXPECT_EQ(traffic.age_ns[std::bit_width(3'000'000'000u)], 1U);
  EXPECT_EQ(traffic.handle_ns[std::bit_width(8'000'000u)], 1U);
}

TEST_F(SchedulerTest, FirstInFirstOutForASingleSlot) {
  const auto s = make({channel("q")}, 1);
  deliver(*s, parcel_of(test::numbers(50)));
  deliver(*s, parcel_of(test::numbers(50, 50)));
  std::vector<std::string> seen;
  while (auto lot = s->take(Nanos(0), false)) {
    for (std::uint32_t i = 0; i < lot->size(); ++i) seen.push_back(body(lot, i));
    fake.advance(Nanos(300'000) * lot->size());
    lot->leave(lot->size());
  }
  EXPECT_EQ(seen, test::numbers(100));
}

// R5: N slots really run N messages at once, also when they come as one span that slots split
// under each other's hands.
TEST_F(SchedulerTest, AsManySlotsAsThereAreMessagesRunAtOnce) {
  clock = &system_clock();
  constexpr std::uint32_t kSlots = 8;
  for (int round = 0; round < 20; ++round) {
    const auto s = make({channel("q", kSlots)}, kSlots);
    std::latch all_run{kSlots};
    std::vector<std::thread> slots;
    std::atomic<int> late{0};
    for (std::uint32_t i = 0; i < kSlots; ++i)
      slots.emplace_back([&] {
        const auto lot = s->take(seconds(20), false);
        if (!lot) ++late;
        all_run.arrive_and_wait();  // nobody leaves before everybody runs
        if (lot) lot->leave(lot->size());
      });
    deliver(*s, parcel_of(test::numbers(kSlots)));
    for (auto& slot : slots) slot.join();
    ASSERT_EQ(late.load(), 0);
  }
}

// R5: and never more than N.
TEST_F(SchedulerTest, ConcurrencyIsNeverPassed) {
  clock = &system_clock();
  const auto s = make({channel("q", 3)}, 8);
  deliver(*s, parcel_of(test::numbers(400)));
  std::atomic<int> running{0}, most{0}, done{0};
  std::vector<std::thread> slots;
  for (int i = 0; i < 8; ++i)
    slots.emplace_back([&] {
      while (done.load() < 400) {
        const auto lot = s->take(milliseconds(20), false);
        if (!lot) continue;
        const int now = ++running;
        int seen = most.load();
        while (seen < now && !most.compare_exchange_weak(seen, now)) {
        }
        --running;
        done += static_cast<int>(lot->size());
        lot->leave(lot->size());
      }
    });
  for (auto& slot : slots) slot.join();
  EXPECT_LE(most.load(), 3);
}

TEST_F(SchedulerTest, TypesGoToTheirHandlersAndTheRestToTheStar) {
  const auto s = make({channel("q", 0, "mail"), channel("q", 0, "*"), channel("r", 0, "only")});
  deliver(*s, parcel_of({"m"}, "q", "mail"));
  deliver(*s, parcel_of({"x"}, "q", "other"));
  deliver(*s, parcel_of({"y"}, "r", "unknown"));
  EXPECT_EQ(unroutable, 1U);
  std::map<std::uint32_t, std::string> by_channel;
  while (const auto lot = s->take(Nanos(0), false)) by_channel[lot->channel()] = body(lot);
  EXPECT_EQ(by_channel, (std::map<std::uint32_t, std::string>{{0, "m"}, {1, "x"}}));
}

TEST_F(SchedulerTest, ABlockedHandlerDoesNotBlockAnother) {
  const auto s = make({channel("slow", 1), channel("quick")}, 4, QueueOrder::kStrict);
  deliver(*s, parcel_of({"s0", "s1"}, "slow"));
  deliver(*s, parcel_of({"k0"}, "quick"));
  const auto first = s->take(Nanos(0), false), second = s->take(Nanos(0), false);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(body(first), "s0");
  EXPECT_EQ(body(second), "k0");
  EXPECT_EQ(s->take(Nanos(0), false), nullptr) << "one of slow at a time";
  first->leave(1);
  EXPECT_EQ(body(s->take(Nanos(0), false)), "s1");
}

TEST_F(SchedulerTest, ClaimsAreForFreeSlotsOnly) {
  const auto s = make({channel("q")}, 4);
  EXPECT_EQ(demands(*s), (Asked{{"q", 4}}));
  deliver(*s, parcel_of({"0", "1", "2"}));
  EXPECT_EQ(demands(*s), (Asked{{"q", 1}}));
  const auto lot = s->take(Nanos(0), false);
  EXPECT_EQ(demands(*s), (Asked{{"q", 1}})) << "running counts as held";
  fake.advance(seconds(1));
  lot->leave(1);
  EXPECT_EQ(demands(*s), (Asked{{"q", 2}}));
}

TEST_F(SchedulerTest, SeveralQueuesShareTheRoomOfTheSlots) {
  const auto s = make({channel("a"), channel("b")}, 4, QueueOrder::kStrict);
  EXPECT_EQ(demands(*s), (Asked{{"a", 4}, {"b", 4}}));
  std::vector<Demand> out;
  s->demands(out, fake.steady());
  EXPECT_FALSE(out[0].continues);
  EXPECT_TRUE(out[1].continues);
  deliver(*s, parcel_of({"0", "1", "2"}, "a"));
  EXPECT_EQ(demands(*s), (Asked{{"a", 1}, {"b", 1}}));
}

// What an event loop has in hand once counted against the slots, and starved them.
TEST_F(SchedulerTest, AFullEventLoopLeavesTheSlotsTheirRoom) {
  ChannelSpec async = channel("waiting", 2);
  async.is_async = true;
  const auto s = make({async, channel("q")}, 4);
  deliver(*s, parcel_of(test::numbers(4), "waiting"));
  EXPECT_EQ(demands(*s), (Asked{{"q", 4}}));
}

// Looking at the demands (the writer does, to know when to wake) once took the queues' turns.
TEST_F(SchedulerTest, FairQueuesComeFirstInTurnHoweverOftenSomebodyLooks) {
  for (const int looks : {0, 1, 2}) {
    const auto s = make({channel("a"), channel("b"), channel("c")});
    std::map<std::string, int> first;
    for (int round = 0; round < 30; ++round) {
      const auto asked = demands(*s);
      ++first[asked.front().first];
      for (const auto& each : asked) s->answered(demand_for(each.first));
      for (int i = 0; i < looks; ++i) demands(*s);
    }
    EXPECT_EQ(first, (std::map<std::string, int>{{"a", 10}, {"b", 10}, {"c", 10}}));
  }
}

TEST_F(SchedulerTest, AQueueWithoutWorkDoesNotSpoilTheTurnsOfTheOthers) {
  const auto s = make({channel("idle"), channel("a"), channel("b")});
  std::map<std::string, int> first;
  for (int round = 0; round < 20; ++round) {
    auto asked = demands(*s);
    std::erase_if(asked, [](const auto& each) { return each.first == "idle"; });
    ++first[asked.front().first];
    for (const auto& each : asked) s->answered(demand_for(each.first));
  }
  EXPECT_EQ(first, (std::map<std::string, int>{{"a", 10}, {"b", 10}}));
}

TEST_F(SchedulerTest, WeightsShareTheFirstPlace) {
  const auto s = make({channel("a"), channel("b")}, 4, QueueOrder::kWeighted,
                      {{"a", 3}, {"b", 1}, {"unknown", 9}});
  std::map<std::string, int> first;
  for (int round = 0; round < 40; ++round) {
    const auto asked = demands(*s);
    ASSERT_EQ(asked.size(), 2U) << "a weight does not make a queue";
    ++first[asked.front().first];
    for (const auto& each : asked) s->answered(demand_for(each.first));
  }
  EXPECT_EQ(first, (std::map<std::string, int>{{"a", 30}, {"b", 10}}));
}

TEST_F(SchedulerTest, StrictOrderAlwaysBeginsAtTheFirst) {
  const auto s = make({channel("a"), channel("b")}, 4, QueueOrder::kStrict);
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(demands(*s).front().first, "a");
    s->answered(demand_for("a"));
    s->answered(demand_for("b"));
  }
  deliver(*s, parcel_of({"b0"}, "b"));
  deliver(*s, parcel_of({"a0"}, "a"));
  EXPECT_EQ(body(s->take(Nanos(0), false)), "a0");
}

TEST_F(SchedulerTest, ClaimSizeAndPrefetchOverrideThePace) {
  config.claim_size = 2;
  EXPECT_EQ(demands(*make({channel("q")}, 4)), (Asked{{"q", 2}}));
  config.claim_size = 0;
  config.prefetch = 10;
  EXPECT_EQ(demands(*make({channel("q")}, 4)), (Asked{{"q", 14}}));
}

TEST_F(SchedulerTest, ABatchHandlerWaitsForAFullLotOrItsTime) {
  clock = &system_clock();
  ChannelSpec batch = channel("q");
  batch.batch_count = 3;
  batch.batch_wait = milliseconds(30);
  const auto s = make({batch}, 1);
  deliver(*s, parcel_of(test::numbers(5)));
  EXPECT_EQ(s->take(kLong, false)->size(), 3U);
  const auto rest = s->take(kLong, false);  // nobody signals: the wait itself ends in time
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->size(), 2U);
}

// An event loop asks without waiting, so it must be told when a batch has ripened.
TEST_F(SchedulerTest, AnEventLoopIsToldWhenABatchRipens) {
  ChannelSpec batch = channel("q");
  batch.batch_count = 3;
  batch.batch_wait = milliseconds(30);
  batch.is_async = true;
  const auto s = make({batch}, 1);
  const auto waker = std::make_shared<Waker>();
  const auto is_poked = [&] {
    std::uint64_t unused = 0;
    const bool was = ::read(waker->descriptor(), &unused, sizeof unused) > 0;
    waker->drain();
    return was;
  };
  s->watch(waker);
  deliver(*s, parcel_of({"a"}));
  EXPECT_TRUE(is_poked());
  EXPECT_EQ(s->take(Nanos(0), true), nullptr);
  EXPECT_EQ(s->tick(fake.steady()), fake.steady() + milliseconds(30));
  EXPECT_FALSE(is_poked());
  fake.advance(milliseconds(30));
  EXPECT_EQ(s->tick(fake.steady()), kNever) << "not hot while the loop is slow";
  EXPECT_TRUE(is_poked());
  s->tick(fake.steady());
  EXPECT_FALSE(is_poked()) << "once";
  EXPECT_EQ(s->take(Nanos(0), true)->size(), 1U);
}

TEST_F(SchedulerTest, AnAsyncLotHoldsAtMostItsConcurrencyOfMessages) {
  ChannelSpec async = channel("q", 3);
  async.is_async = true;
  const auto s = make({async}, 1);
  deliver(*s, parcel_of(test::numbers(10)));
  const auto lot = s->take(Nanos(0), true);
  EXPECT_EQ(lot->size(), 3U);
  EXPECT_EQ(s->take(Nanos(0), true), nullptr);
  lot->leave(2);
  EXPECT_EQ(s->take(Nanos(0), true)->size(), 2U);
  EXPECT_EQ(s->take(Nanos(0), false), nullptr) << "slots do not take from an event loop";
}

TEST_F(SchedulerTest, LeavingMoreOftenThanOnceChangesNothing) {
  const auto s = make({channel("q", 1)}, 1);
  deliver(*s, parcel_of({"0", "1"}));
  const auto lot = s->take(Nanos(0), false);
  fake.advance(seconds(1));
  lot->leave(1);
  lot->leave(1);
  EXPECT_TRUE(s->take(Nanos(0), false));
  EXPECT_EQ(s->take(Nanos(0), false), nullptr);
  EXPECT_TRUE(demands(*s).empty()) << "one is held";
}

TEST_F(SchedulerTest, StopReturnsWhatNobodyTookAndEndsEveryWait) {
  clock = &system_clock();
  const auto s = make({channel("q", 1)}, 2);
  deliver(*s, parcel_of(test::numbers(5)));
  const auto lot = s->take(Nanos(0), false);
  std::thread waiter([&] { EXPECT_EQ(s->take(kLong, false), nullptr); });
  s->stop();
  waiter.join();
  EXPECT_EQ(returned, 4U);
  EXPECT_TRUE(demands(*s).empty());
  EXPECT_FALSE(deliver(*s, parcel_of({"late"}))) << "refused: goes back";
  lot->leave(1);
}

// Spans routed or split while stop() looks were once forgotten, and renewed for ever.
TEST_F(SchedulerTest, NothingIsForgottenWhenStopMeetsDeliveriesAndSlots) {
  clock = &system_clock();
  for (int round = 0; round < 200; ++round) {
    returned = 0;
    const auto s = make({channel("q")}, 2);
    std::atomic<std::uint32_t> delivered{0}, taken{0};
    std::latch start{4};
    std::thread writer([&] {
      start.arrive_and_wait();
      for (int i = 0; i < 20; ++i)
        if (deliver(*s, parcel_of(test::numbers(10)))) delivered += 10;
    });
    std::vector<std::thread> slots;
    for (int i = 0; i < 2; ++i)
      slots.emplace_back([&] {
        start.arrive_and_wait();
        while (const auto lot = s->take(kLong, false)) {
          taken += lot->size();
          lot->leave(lot->size());
        }
      });
    start.arrive_and_wait();
    s->stop();
    writer.join();
    for (auto& slot : slots) slot.join();
    ASSERT_EQ(taken + returned, delivered);
  }
}

// Of what a lot would hold, what is over goes; all of it: the next lot is looked for at once.
TEST_F(SchedulerTest, WhatIsExpiredIsNotHandedOut) {
  auto scheduler = make({channel("q")});
  const auto parcel = [&](const std::vector<std::string>& bodies, std::int64_t left_ms) {
    Parcel out = parcel_of(bodies);
    out.expires_ms = left_ms == 0 ? 0 : clock->wall_ms() + left_ms;
    return out;
  };
  EXPECT_TRUE(deliver(*scheduler, parcel({"over", "too"}, -1)));
  EXPECT_TRUE(deliver(*scheduler, parcel({"lasts"}, 60'000)));
  EXPECT_TRUE(deliver(*scheduler, parcel({"for ever"}, 0)));
  const auto first = scheduler->take(kLong, false);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(body(first), "lasts");
  EXPECT_EQ(expired, 2u);
  first->leave(first->size());
  const auto second = scheduler->take(kLong, false);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(body(second), "for ever");
  second->leave(second->size());
  EXPECT_EQ(scheduler->take(Nanos::zero(), false), nullptr);
  EXPECT_EQ(book.find("q").held.load(), 0u);
}

TEST_F(SchedulerTest, OfAKeyOneIsHandedOutAtATime) {
  const auto s = make_keyed({channel("q")});
  const auto held = deliver_keyed(*s, {{"k", "0"}, {"k", "1"}, {"x", "2"}});
  const auto first = s->take(Nanos(0), false), second = s->take(Nanos(0), false);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(body(first), "0");
  EXPECT_EQ(body(second), "2");
  EXPECT_EQ(s->take(Nanos(0), false), nullptr);
  KeyGate::Moves told;
  gate->decide({{{held, 0}, Verdict::kAck}}, told);
  ASSERT_EQ(told.fed.size(), 1u);
  first->leave(1);
  EXPECT_EQ(body(s->take(Nanos(0), false)), "1");
}

// A slow key must not keep the others away: what waits for it takes no room, up to a bound.
TEST_F(SchedulerTest, WhatWaitsForItsKeyTakesNoRoom) {
  const auto s = make_keyed({channel("q")}, 2);
  std::vector<std::pair<std::string, std::string>> slow(50, {"slow", "0"});
  deliver_keyed(*s, slow);
  EXPECT_EQ(demands(*s), (Asked{{"q", 1}})) << "one is ready, for two slots";
  const auto lot = s->take(Nanos(0), false);
  EXPECT_EQ(demands(*s), (Asked{{"q", 1}}));
  slow.resize(2'000, {"slow", "0"});
  deliver_keyed(*s, slow);
  EXPECT_EQ(demands(*s), Asked{}) << "a thousand may wait";
  lot->leave(1);
}

TEST_F(SchedulerTest, WhereTooMuchWaitsForASlowKeyItIsShedAndOthersAreAskedFor) {
  const auto s = make_keyed({channel("q")}, 2);
  std::vector<Shed> sheds;
  s->on_shed = [&](std::vector<Shed> told) { sheds = std::move(told); };
  s->on_moves = [](const KeyGate::Moves& moves) {
    for (const auto& [outlet, what] : moves.gone) outlet->on_gone(what);
  };
  deliver_keyed(*s, std::vector<std::pair<std::string, std::string>>(2'000, {"slow", "0"}));
  const auto lot = s->take(Nanos(0), false);
  EXPECT_GT(s->tick(clock->steady()), clock->steady()) << "it looks again";
  EXPECT_TRUE(sheds.empty());
  fake.advance(seconds(2));
  EXPECT_EQ(s->tick(clock->steady()), clock->steady()) << "they are to be parked now";
  ASSERT_EQ(sheds.size(), 1u);
  EXPECT_EQ(s->tick(clock->steady()), kNever);
  EXPECT_EQ(demands(*s), (Asked{{"q", 1}}));
  EXPECT_EQ(book.find("q").held.load(), 1u);
  lot->leave(1);
}

// Else a long row of a slow key comes by in pieces as small as the room.
TEST_F(SchedulerTest, WhereWhatCameWentBehindMoreIsAskedFor) {
  const auto s = make_keyed({channel("q")}, 2);
  auto claimed = test::keyed_claim_of({{"k", "0"}, {"k", "1"}, {"k", "2"}}, ++seq);
  claimed.away.set_range(0, 3);
  const auto held = test::held_of(std::move(claimed), book.find("q"), clock->steady());
  EXPECT_EQ(demands(*s), (Asked{{"q", 2}}));
  EXPECT_TRUE(s->deliver(demand_for("q"), held));
  s->answered(demand_for("q"));
  EXPECT_EQ(demands(*s), (Asked{{"q", 8}}));
  s->answered(demand_for("q"));
  EXPECT_EQ(demands(*s), (Asked{{"q", 2}}));
}

TEST_F(SchedulerTest, ALotHasSomeOfAKeyInARowAsItsPaceAllows) {
  for (const bool is_batch : {false, true}) {
    ChannelSpec spec = channel("q");
    if (is_batch) spec.batch_count = 5;
    const auto s = make_keyed({spec}, 2);
    const std::string key = is_batch ? "batch" : "each";
    const auto held =
        deliver_keyed(*s, std::vector<std::pair<std::string, std::string>>(10, {key, "0"}));
    fake.advance(seconds(1));
    const auto first = s->take(Nanos(0), false);
    ASSERT_EQ(first->size(), 1u) << "its pace is not known";
    fake.advance(milliseconds(1));
    KeyGate::Moves told;
    gate->decide({{{held, 0}, Verdict::kAck}}, told);
    first->leave(1);
    const auto second = s->take(Nanos(0), false);
    EXPECT_EQ(second->size(), is_batch ? 1u : 5u) << "a batch has one of a key";
    EXPECT_EQ(second->has_followers(), !is_batch);
    gate->give_back({{held, 0, 10}}, told);
    gate->ended(held, told);
    second->leave(second->size());
    s->stop();
  }
}

TEST_F(SchedulerTest, WhatLeavesTheGateTakesNoRoomEither) {
  const auto s = make_keyed({channel("q")}, 2);
  const auto held = deliver_keyed(*s, {{"k", "0"}, {"k", "1"}});
  const auto lot = s->take(Nanos(0), false);
  KeyGate::Moves told;
  gate->decide({{{held, 0}, Verdict::kRetry}}, told);
  ASSERT_EQ(told.gone.size(), 1u);
  told.gone[0].first->on_gone(told.gone[0].second);
  fake.advance(seconds(1));  // a slow handler
  lot->leave(1);
  EXPECT_EQ(demands(*s), (Asked{{"q", 2}}));
}

TEST_F(SchedulerTest, KeysWithoutAHandlerHereAreUnroutableInTheirTurn) {
  const auto s = make_keyed({channel("q", 0, "other")});
  const auto held = deliver_keyed(*s, {{"k", "0"}, {"k", "1"}});
  EXPECT_EQ(unroutable, 1u);
  KeyGate::Moves told;
  gate->decide({{{held, 0}, Verdict::kAck}}, told);
  ASSERT_EQ(told.fed.size(), 1u);
  told.fed[0]->on_ready();
  EXPECT_EQ(unroutable, 2u);
}

TEST_F(SchedulerTest, StopReturnsWhatTheGateHolds) {
  const auto s = make_keyed({channel("q", 0, "t"), channel("q", 0, "other")});
  deliver_keyed(*s, {{"k", "0"}, {"k", "1"}, {"x", "2"}});
  const auto lot = s->take(Nanos(0), false);
  s->stop();
  EXPECT_EQ(returned, 2u);
  lot->leave(1);
  EXPECT_TRUE(demands(*s).empty());
}

}  // namespace
}  // namespace msgq
