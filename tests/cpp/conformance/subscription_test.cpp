// Promise: each subscription of a queue gets every message once, with a position, retries and dead
// letters of its own, whatever the others and the queue's own workers do.
#include "conformance/harness.h"

namespace msgq::test {
namespace {

using Bodies = std::vector<std::string>;

class SubscriptionConformance : public ConformanceTest {
 protected:
  std::string subscribe(const std::string& name, Start start = {}) {
    EXPECT_TRUE(observer().subscribe(kQueue, name, start));
    return subscription_name(kQueue, name);
  }
  static Start from(Start::At at) { return {at, 0, {}}; }
  void set(const QueueChange& change) { observer().alter(kQueue, change); }
  // Nothing is left of the queue itself, so that only subscriptions hold blocks.
  void make_topic(std::int64_t retention_ms = 0) {
    QueueChange change;
    change.creates = true;
    change.is_topic = true;
    change.retention_ms = retention_ms;
    set(change);
  }
  // Chores, some time later: whoever sweeps now and then does so.
  void sweep(Process& process) {
    clock().advance(std::chrono::seconds(2));
    process.reclaim();
    process.session().tidy(std::chrono::seconds(1));
  }
};

TEST_P(SubscriptionConformance, EachGetsEveryMessageAndSoDoesTheQueue) {
  Process& process = join();
  const auto audit = subscribe("audit"), mail = subscribe("mail");
  process.append({"a", "b"});
  process.append({"c"});
  const Bodies all{"a", "b", "c"};
  EXPECT_EQ(drain(process, audit), all);
  EXPECT_EQ(drain(process), all);
  EXPECT_EQ(depth(mail).waiting, 3u);
  EXPECT_EQ(drain(process, mail), all);
  EXPECT_EQ(depth(audit).done, 3u);
  EXPECT_EQ(depth(audit).sent, 3u);
  EXPECT_EQ(depth(audit).source, kQueue);
  EXPECT_EQ(depth().source, "");
}

TEST_P(SubscriptionConformance, OthersProcessesSeeItWithTheirNextMessage) {
  Process& one = join();
  Process& two = join();
  one.append({"before"});
  two.append({"before too"});
  const auto audit = subscribe("audit");
  one.append({"a"});
  two.append({"b"});
  EXPECT_EQ(drain(two, audit), (Bodies{"a", "b"}));
}

TEST_P(SubscriptionConformance, MadeTwiceItIsAsItWas) {
  Process& process = join();
  const auto audit = subscribe("audit");
  process.append({"a"});
  EXPECT_FALSE(observer().subscribe(kQueue, "audit", {}));
  const Start gone{Start::At::kId, 0, draw_ids(1, wall_ms())};
  EXPECT_FALSE(observer().subscribe(kQueue, "audit", gone)) << "it is there, wherever it began";
  EXPECT_EQ(drain(process, audit), Bodies{"a"});
  process.append({"x"}, "orders@taken");
  EXPECT_ANY_THROW(observer().subscribe(kQueue, "taken", {}));
  EXPECT_EQ(drain(process, "orders@taken"), Bodies{"x"});
}

TEST_P(SubscriptionConformance, NobodySendsToASubscription) {
  Process& process = join();
  const auto audit = subscribe("audit");
  process.append({"a"});
  EXPECT_ANY_THROW(process.append({"x"}, audit));
  EXPECT_ANY_THROW(process.park("x", wall_ms() + 1'000, audit));
  EXPECT_EQ(drain(process, audit), Bodies{"a"});
}

TEST_P(SubscriptionConformance, OfATopicTheQueueItselfKeepsNothing) {
  make_topic();
  Process& process = join();
  process.append({"to nobody"});
  const auto audit = subscribe("audit");
  process.append({"a"});
  process.park("late", wall_ms() + 1'000);
  EXPECT_TRUE(process.claim(10).claims.empty());
  EXPECT_EQ(drain(process, audit), Bodies{"a"});
  clock().advance(std::chrono::seconds(2));
  process.promote();
  EXPECT_EQ(drain(process, audit), Bodies{"late"});
  EXPECT_TRUE(process.claim(10).claims.empty());
  EXPECT_EQ(depth().parked, 0u);
}

TEST_P(SubscriptionConformance, WhatTheQueueTriesAgainSurvivesThatItBecomesATopic) {
  Process& process = join();
  const auto audit = subscribe("audit");
  process.append({"a"});
  const Claimed claimed = process.claim_one(1);
  SettleOrder order = ack_some(claimed, {});
  add_back(order, claimed, 0, SettleOrder::Return::kRetry, wall_ms() + 1'000);
  ASSERT_TRUE(process.settle(order));
  make_topic();
  process.park("late", wall_ms() + 1'000);
  clock().advance(std::chrono::seconds(2));
  process.promote();
  EXPECT_EQ(drain(process), Bodies{"a"});
  EXPECT_EQ(drain(process, audit), (Bodies{"a", "late"}));
}

TEST_P(SubscriptionConformance, WhatOnlyAQueueCanHaveIsRefused) {
  const auto audit = subscribe("audit");
  const auto code_of_change = [&](const QueueChange& change) {
    return code_of([&] { observer().alter(audit, change); });
  };
  QueueChange topic, kept, blocks, drops;
  topic.is_topic = true;
  kept.retention_ms = 1'000;
  blocks.length_max = drops.length_max = 5;
  drops.overflow = Overflow::kDropOldest;
  drops.is_paused = true;
  for (const QueueChange& each : {topic, kept, blocks})
    EXPECT_EQ(code_of_change(each), ErrorCode::kConfigInvalid);
  observer().alter(audit, drops);
  EXPECT_EQ(observer().settings(audit).length_max, 5u);
  EXPECT_EQ(code_of([&] { observer().subscribe(audit, "x", {}); }), ErrorCode::kConfigInvalid);
}

TEST_P(SubscriptionConformance, WhatIsDelayedComesToAllWhenItIsDue) {
  Process& process = join();
  const auto audit = subscribe("audit"), mail = subscribe("mail");
  process.park("late", wall_ms() + 1'000);
  EXPECT_TRUE(process.claim(10, audit).claims.empty());
  clock().advance(std::chrono::seconds(2));
  process.promote();
  EXPECT_EQ(drain(process, audit), Bodies{"late"});
  EXPECT_EQ(drain(process, mail), Bodies{"late"});
  EXPECT_EQ(drain(process), Bodies{"late"});
}

TEST_P(SubscriptionConformance, ARetryIsNeverSeenByTheOthers) {
  Process& process = join();
  std::vector<std::string> names;
  for (const std::string& number : numbered(10)) names.push_back(subscribe("s" + number));
  process.append({"a", "b"});
  const Claimed claimed = process.claim_one(2, names[3]);
  SettleOrder order = ack_some(claimed, {0});
  order.is_whole = true;
  add_back(order, claimed, 1, SettleOrder::Return::kRetry, wall_ms() + 1'000);
  EXPECT_TRUE(process.settle(order));
  EXPECT_EQ(depth(names[3]).parked, 1u);
  clock().advance(std::chrono::seconds(2));
  process.promote();
  EXPECT_EQ(drain(process), (Bodies{"a", "b"}));
  for (const std::string& name : names)
    EXPECT_EQ(drain(process, name), name == names[3] ? Bodies{"b"} : (Bodies{"a", "b"}));
}

TEST_P(SubscriptionConformance, DeadLettersAreItsOwnAndGoBackToItAlone) {
  Process& process = join();
  const auto audit = subscribe("audit"), mail = subscribe("mail");
  process.append({"a"});
  const Claimed claimed = process.claim_one(1, audit);
  SettleOrder order;
  order.claim = claimed.key;
  order.is_whole = true;
  add_dead(order, claimed, 0, "failed");
  EXPECT_TRUE(process.settle(order));
  EXPECT_EQ(observer().dead(audit, {}, 10).size(), 1u);
  EXPECT_TRUE(observer().dead(mail, {}, 10).empty());
  EXPECT_EQ(observer().redrive(audit, {}), 1u);
  EXPECT_EQ(drain(process, audit), Bodies{"a"});
  EXPECT_EQ(drain(process, mail), Bodies{"a"});
}

TEST_P(SubscriptionConformance, HalvesOfABlockEndAtTheSameMoment) {
  make_topic();
  Process& one = join();
  Process& two = join();
  const auto audit = subscribe("audit"), mail = subscribe("mail");
  one.append({"a", "b", "c", "d"});
  ClaimWish wish;
  wish.queue = audit;
  wish.count_max = 2;
  wish.lease_ms = 30'000;
  wish.is_exact = true;
  const auto left = one.claim(wish), right = two.claim(wish);
  ASSERT_EQ(bodies_of(left.claims.at(0)), (Bodies{"a", "b"}));
  ASSERT_EQ(bodies_of(right.claims.at(0)), (Bodies{"c", "d"}));
  EXPECT_TRUE(two.settle(ack_all(right.claims[0])));
  sweep(one);
  EXPECT_TRUE(one.settle(ack_all(left.claims[0])));
  sweep(two);
  EXPECT_EQ(depth(audit).done, 4u);
  EXPECT_EQ(drain(one, mail), (Bodies{"a", "b", "c", "d"}));
}

TEST_P(SubscriptionConformance, MadeWhileAProcessHoldsClaims) {
  Process& process = join();
  process.append({"a"});
  const Claimed claimed = process.claim_one(1);
  const auto audit = subscribe("audit");
  process.append({"b"});
  EXPECT_TRUE(process.settle(ack_all(claimed)));
  sweep(process);
  EXPECT_EQ(drain(process, audit), Bodies{"b"});
  EXPECT_EQ(drain(process), Bodies{"b"});
}

TEST_P(SubscriptionConformance, TheEarliestIsWhatAnotherHasStillToRead) {
  make_topic();
  Process& process = join();
  subscribe("slow");
  process.append({"a"});
  process.append({"b"});
  sweep(process);
  const auto late = subscribe("late", from(Start::At::kEarliest));
  EXPECT_EQ(depth(late).waiting, 2u);
  EXPECT_EQ(drain(process, late), (Bodies{"a", "b"}));
  EXPECT_EQ(drain(process, "orders@slow"), (Bodies{"a", "b"}));
}

TEST_P(SubscriptionConformance, WhatOneHasNotReadIsNeverSwept) {
  make_topic();
  Process& process = join();
  const auto fast = subscribe("fast"), slow = subscribe("slow");
  process.append({"a"});
  process.append({"b"});
  {
    const Claimed open = process.claim_one(1, slow);
    EXPECT_EQ(drain(process, fast), (Bodies{"a", "b"}));
    sweep(process);
    EXPECT_EQ(bodies_of(open), Bodies{"a"});
    EXPECT_TRUE(process.settle(give_back(open)));
  }
  sweep(process);
  EXPECT_EQ(drain(process, slow), (Bodies{"a", "b"}));
  sweep(process);
  EXPECT_EQ(depth(subscribe("new", from(Start::At::kEarliest))).waiting, 0u) << "all have read it";
}

TEST_P(SubscriptionConformance, WithinTheRetentionItReplays) {
  make_topic(60'000);
  Process& process = join();
  const auto audit = subscribe("audit");
  process.append({"a"});
  clock().advance(std::chrono::seconds(10));
  const std::int64_t between_ms = wall_ms();
  clock().advance(std::chrono::seconds(10));
  const MessageId second = process.append({"b", "c"});
  EXPECT_EQ(drain(process, audit), (Bodies{"a", "b", "c"}));
  sweep(process);
  EXPECT_EQ(observer().seek(audit, from(Start::At::kEarliest)), 3u);
  EXPECT_EQ(drain(process, audit), (Bodies{"a", "b", "c"}));
  EXPECT_EQ(observer().seek(audit, {Start::At::kTime, between_ms, {}}), 2u);
  EXPECT_EQ(drain(process, audit), (Bodies{"b", "c"}));
  EXPECT_EQ(observer().seek(audit, {Start::At::kId, 0, second.plus(1)}), 1u);
  EXPECT_EQ(depth(audit).waiting, 1u);
  EXPECT_EQ(observer().seek(audit, from(Start::At::kLatest)), 0u);
  EXPECT_EQ(depth(audit).waiting, 0u);
  EXPECT_EQ(drain(process, subscribe("late", {Start::At::kId, 0, second})), (Bodies{"b", "c"}));
}

TEST_P(SubscriptionConformance, BeyondTheRetentionItSaysWhatIsKept) {
  make_topic(60'000);
  Process& process = join();
  const auto audit = subscribe("audit");
  const std::int64_t first_ms = wall_ms();
  const MessageId gone = process.append({"a"});
  EXPECT_EQ(drain(process, audit), Bodies{"a"});
  clock().advance(std::chrono::minutes(2));
  process.append({"b"});
  sweep(process);
  EXPECT_EQ(code_of([&] {
              observer().seek(audit, {Start::At::kTime, first_ms, {}});
            }),
            ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] {
              observer().subscribe(kQueue, "x", {Start::At::kId, 0, gone});
            }),
            ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { observer().seek("unknown", {}); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { observer().seek(kQueue, {}); }), ErrorCode::kConfigInvalid);
  EXPECT_EQ(drain(process, audit), Bodies{"b"}) << "it is where it was";
}

TEST_P(SubscriptionConformance, SeekingTakesWhatIsInHandAndParkedAway) {
  make_topic(60'000);
  Process& process = join();
  const auto audit = subscribe("audit");
  process.append({"a", "b"});
  process.append({"c"});
  const Claimed first = process.claim_one(2, audit);
  SettleOrder order = ack_some(first, {0});
  add_back(order, first, 1, SettleOrder::Return::kRetry, wall_ms() + 1'000);
  order.is_whole = true;
  EXPECT_TRUE(process.settle(order));
  const Claimed open = process.claim_one(1, audit);
  EXPECT_EQ(observer().seek(audit, from(Start::At::kEarliest)), 3u);
  EXPECT_FALSE(process.settle(ack_all(open))) << "it is somebody else's by now";
  clock().advance(std::chrono::seconds(2));
  process.promote();
  EXPECT_EQ(drain(process, audit), (Bodies{"a", "b", "c"}));
}

TEST_P(SubscriptionConformance, WhatWasSentBeforeAnyReadItIsNotKept) {
  const Start earlier{Start::At::kTime, wall_ms() - 60'000, {}};
  EXPECT_TRUE(observer().subscribe("new", "audit", earlier)) << "it was sent nothing";
  Process& process = join();
  process.append({"a"});
  EXPECT_EQ(code_of([&] { observer().subscribe(kQueue, "audit", earlier); }), ErrorCode::kNotFound);
  const auto audit = subscribe("audit", from(Start::At::kEarliest));
  EXPECT_EQ(depth(audit).waiting, 0u);
  process.append({"b"});
  EXPECT_EQ(drain(process, audit), Bodies{"b"});
  EXPECT_EQ(depth(audit).sent, 1u);
  observer().delete_queue(audit);
  process.append({"c"});
  drain(process);
  sweep(process);
  EXPECT_EQ(code_of([&] { observer().subscribe(kQueue, "audit", earlier); }), ErrorCode::kNotFound);
  EXPECT_EQ(depth(subscribe("late", from(Start::At::kEarliest))).waiting, 0u) << "nobody read it";
}

TEST_P(SubscriptionConformance, ADeletedOneHoldsNothingBack) {
  make_topic();
  Process& process = join();
  const auto audit = subscribe("audit"), slow = subscribe("slow");
  process.append({"a"});
  EXPECT_EQ(drain(process, audit), Bodies{"a"});
  observer().delete_queue(slow);
  sweep(process);
  EXPECT_TRUE(process.claim(1, slow).claims.empty());
  EXPECT_EQ(depth(subscribe("new", from(Start::At::kEarliest))).waiting, 0u);
  observer().delete_queue(kQueue);
  EXPECT_TRUE(observer().queues().empty());
}

TEST_P(SubscriptionConformance, APausedOneCatchesUp) {
  Process& process = join();
  const auto audit = subscribe("audit");
  QueueChange pause;
  pause.is_paused = true;
  observer().alter(audit, pause);
  process.append({"a"});
  EXPECT_TRUE(process.claim(1, audit).claims.empty());
  EXPECT_EQ(drain(process), Bodies{"a"});
  pause.is_paused = false;
  observer().alter(audit, pause);
  EXPECT_EQ(drain(process, audit), Bodies{"a"});
}

TEST_P(SubscriptionConformance, WhatADeadProcessHadComesAgainToItAlone) {
  Process& other = join();
  const auto audit = subscribe("audit"), mail = subscribe("mail");
  other.append({"a"});
  EXPECT_EQ(drain(other, mail), Bodies{"a"});
  Process& victim = join();
  victim.claim_one(1, audit);
  victim.kill();
  EXPECT_EQ(other.reclaim(), 1u);
  const auto again = other.claim_idle(1, audit);
  ASSERT_EQ(again.claims.size(), 1u);
  EXPECT_EQ(bodies_of(again.claims[0]), Bodies{"a"});
  EXPECT_TRUE(other.settle(ack_all(again.claims[0])));
  EXPECT_TRUE(other.claim(1, mail).claims.empty());
}

TEST_P(SubscriptionConformance, PurgedItGoesOnWithWhatIsSentThen) {
  Process& process = join();
  const auto audit = subscribe("audit");
  process.append({"a", "b"});
  EXPECT_EQ(observer().purge(audit), 2u);
  process.append({"c"});
  EXPECT_EQ(drain(process, audit), Bodies{"c"});
  EXPECT_EQ(drain(process), (Bodies{"a", "b", "c"}));
}

TEST_P(SubscriptionConformance, ItIsLookedAtLikeAQueue) {
  Process& process = join();
  const auto audit = subscribe("audit");
  const MessageId id = process.append({"a"});
  EXPECT_EQ(observer().peek(audit, {}, 10).size(), 1u);
  ASSERT_TRUE(observer().find(audit, id).has_value());
  EXPECT_EQ(observer().queues(), (Bodies{kQueue, audit}));
  EXPECT_EQ(drain(process, audit), Bodies{"a"});
  EXPECT_FALSE(observer().find(audit, id).has_value());
}

TEST_P(SubscriptionConformance, AStalledOneDropsItsOldestWhereThatIsSet) {
  make_topic();
  Process& process = join();
  const auto audit = subscribe("audit"), mail = subscribe("mail");
  QueueChange change;
  change.length_max = 2;
  change.overflow = Overflow::kDropOldest;
  observer().alter(audit, change);
  for (const char* body : {"a", "b", "c"}) process.append({body});
  sweep(process);
  EXPECT_EQ(depth(audit).purged, 1u);
  EXPECT_EQ(drain(process, audit), (Bodies{"b", "c"}));
  EXPECT_EQ(drain(process, mail), (Bodies{"a", "b", "c"}));
}

// Messages of one key, in their order.
transport::Append keyed(const Bodies& bodies) {
  const std::string key = "user-42";
  Parcel parcel;
  parcel.band = band_of(kPriorityNormal, key);
  parcel.first_id = draw_ids(bodies.size(), FakeClock::kWallStartMs);
  for (const auto& body : bodies) parcel.add(body, {}, key);
  const std::uint8_t band = parcel.band;
  std::vector<Parcel> parcels;
  parcels.push_back(std::move(parcel));
  return {kQueue, transport::Block::build(std::move(parcels), FakeClock::kWallStartMs), band};
}

TEST_P(SubscriptionConformance, AKeyKeepsItsOrderInEach) {
  Process& process = join();
  const auto audit = subscribe("audit"), mail = subscribe("mail");
  Exchange in;
  in.appends.push_back(keyed({"first", "second"}));
  process.exchange(in);
  const Claimed claimed = process.claim_one(10, audit);
  EXPECT_TRUE(claimed.is_keyed);
  EXPECT_FALSE(claimed.is_returned);
  SettleOrder order = ack_some(claimed, {});
  add_back(order, claimed, 0, SettleOrder::Return::kRetry, wall_ms() + 1'000);
  add_back(order, claimed, 1, SettleOrder::Return::kBehind, wall_ms());
  for (std::uint32_t i = 0; i < 2; ++i) order.backs[i].message.place = {claimed.parts[0].seq, i};
  order.is_whole = true;
  ASSERT_TRUE(process.settle(order));
  in.appends[0] = keyed({"third"});
  process.exchange(in);
  const Claimed third = process.claim_one(10, audit);
  EXPECT_TRUE(third.away.has(0)) << "first is parked";
  EXPECT_TRUE(process.settle(give_back(third)));
  EXPECT_EQ(drain(process, mail), (Bodies{"first", "second", "third"}));
  clock().advance(std::chrono::seconds(2));
  EXPECT_EQ(process.promote(), 2u);
  const Claimed back = process.claim_one(2, audit);
  EXPECT_TRUE(back.is_returned);
  EXPECT_EQ(bodies_of(back), (Bodies{"first", "second"}));
  SettleOrder done = ack_all(back);
  done.keys.assign(2, hash_of("user-42"));
  EXPECT_TRUE(process.settle(done));
  EXPECT_EQ(drain(process, audit), Bodies{"third"});
}

MSGQ_CONFORMANCE(SubscriptionConformance);

}  // namespace
}  // namespace msgq::test
