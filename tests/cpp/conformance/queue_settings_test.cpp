// Promise: what is set of a queue is the same for every process: one that is paused takes messages
// in and gives none out.
#include "conformance/harness.h"

namespace msgq::test {
namespace {

QueueChange paused(bool is_paused) {
  QueueChange out;
  out.is_paused = is_paused;
  return out;
}

class QueueSettingsConformance : public ConformanceTest {
 protected:
  void pause(bool is_paused = true) { observer().alter(kQueue, paused(is_paused)); }
};

TEST_P(QueueSettingsConformance, APausedQueueTakesInAndGivesNothingOut) {
  Process& process = join();
  process.append({"before"});
  pause();
  process.append({"while"});
  EXPECT_TRUE(process.claim(10).claims.empty());
  EXPECT_TRUE(process.claim_idle(10).claims.empty());
  EXPECT_EQ(depth().waiting, 2u);
  EXPECT_TRUE(depth().is_paused);
  pause(false);
  EXPECT_FALSE(depth().is_paused);
  EXPECT_EQ(drain(process), (std::vector<std::string>{"before", "while"}));
}

TEST_P(QueueSettingsConformance, OthersGiveNothingOutEither) {
  Process& one = join();
  Process& two = join();
  one.append({"x"});
  one.append({"y"}, "other");
  EXPECT_EQ(two.claim(1, "other").claims.size(), 1u) << "it knows both queues";
  pause();
  pause();
  EXPECT_TRUE(two.claim(1).claims.empty());
  EXPECT_TRUE(one.claim(1).claims.empty());
  one.append({"z"}, "other");
  EXPECT_EQ(one.claim(1, "other").claims.size(), 1u) << "the others go on";
  pause(false);
  EXPECT_EQ(two.claim(1).claims.size(), 1u);
}

TEST_P(QueueSettingsConformance, WhoComesLaterFindsItPaused) {
  join().append({"x"});
  pause();
  Process& late = join();
  EXPECT_TRUE(late.claim(1).claims.empty());
  EXPECT_TRUE(late.look().settings(kQueue).is_paused);
  pause(false);
  EXPECT_EQ(drain(late), (std::vector<std::string>{"x"}));
}

TEST_P(QueueSettingsConformance, WhatIsInHandFinishesAndWhatReturnsWaits) {
  Process& process = join();
  process.append({"done", "again"});
  const Claimed claimed = process.claim_one(2);
  pause();
  EXPECT_TRUE(process.extend(claimed, clock().boot_ms() + 60'000));
  SettleOrder order = ack_some(claimed, {0});
  add_back(order, claimed, 1, SettleOrder::Return::kRetry, wall_ms() + 1'000);
  order.is_whole = true;
  EXPECT_TRUE(process.settle(order));
  clock().advance(std::chrono::seconds(2));
  EXPECT_EQ(process.promote(), 1u);
  EXPECT_TRUE(process.claim(1).claims.empty());
  EXPECT_EQ(depth().done, 1u);
  EXPECT_EQ(depth().waiting, 1u);
  pause(false);
  EXPECT_EQ(drain(process), (std::vector<std::string>{"again"}));
}

TEST_P(QueueSettingsConformance, WhatLapsesWaits) {
  Process& process = join();
  process.append({"x"});
  process.claim_one(1);
  pause();
  clock().advance(std::chrono::seconds(60));
  EXPECT_EQ(process.reclaim(), 1u);
  EXPECT_TRUE(process.claim_idle(1).claims.empty());
  pause(false);
  EXPECT_EQ(drain(process), (std::vector<std::string>{"x"}));
}

TEST_P(QueueSettingsConformance, KeysWaitToo) {
  Process& process = join();
  Parcel parcel;
  parcel.band = band_of(kPriorityNormal, "k");
  parcel.first_id = draw_ids(2, FakeClock::kWallStartMs);
  for (const char* body : {"x", "y"}) parcel.add(body, {}, "k");
  Exchange in;
  in.appends.push_back({kQueue, nullptr, parcel.band});
  std::vector<Parcel> parcels;
  parcels.push_back(std::move(parcel));
  in.appends[0].block = transport::Block::build(std::move(parcels), FakeClock::kWallStartMs);
  process.exchange(in);
  const Claimed claimed = process.claim_one(2);
  SettleOrder order = ack_some(claimed, {});
  for (const std::uint32_t each : {0u, 1u})
    add_back(order, claimed, each, SettleOrder::Return::kRetry, wall_ms());
  order.is_whole = true;
  EXPECT_TRUE(process.settle(order));
  pause();
  EXPECT_EQ(process.promote(), 2u);
  EXPECT_TRUE(process.claim(2).claims.empty());
  pause(false);
  EXPECT_EQ(drain(process), (std::vector<std::string>{"x", "y"}));
}

TEST_P(QueueSettingsConformance, ADeletedQueueIsPausedNoMore) {
  join().append({"x"});
  pause();
  observer().delete_queue(kQueue);
  EXPECT_EQ(code_of([&] { observer().settings(kQueue); }), ErrorCode::kNotFound);
  Process& late = join();
  late.append({"y"});
  EXPECT_FALSE(observer().settings(kQueue).is_paused);
  EXPECT_EQ(drain(late), (std::vector<std::string>{"y"}));
}

TEST_P(QueueSettingsConformance, AnUnknownQueueIsAnErrorUnlessItIsMade) {
  Process& process = join();
  EXPECT_EQ(code_of([&] { observer().alter("none", paused(true)); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { observer().settings("none"); }), ErrorCode::kNotFound);
  QueueChange change = paused(true);
  change.creates = true;
  observer().alter(kQueue, change);
  EXPECT_TRUE(observer().settings(kQueue).is_paused);
  process.append({"x"});
  EXPECT_TRUE(process.claim(1).claims.empty());
  change.is_paused = false;
  observer().alter(kQueue, change);
  EXPECT_EQ(drain(process), (std::vector<std::string>{"x"}));
}

TEST_P(QueueSettingsConformance, WhatIsNotNamedStays) {
  join().append({"x"});
  QueueChange change;
  change.length_max = 7;
  change.overflow = Overflow::kDropOldest;
  change.overflow_wait_ms = 250;
  observer().alter(kQueue, change);
  pause();
  const QueueSettings found = observer().settings(kQueue);
  EXPECT_TRUE(found.is_paused);
  EXPECT_EQ(found.length_max, 7u);
  EXPECT_EQ(found.overflow, Overflow::kDropOldest);
  EXPECT_EQ(found.overflow_wait_ms, 250);
}

MSGQ_CONFORMANCE(QueueSettingsConformance);

}  // namespace
}  // namespace msgq::test
