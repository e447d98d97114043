// Promise: messages of a key are in the hands of one process at a time and come in the order of the
// key, also when one of them is parked, dies with its process or is called off; what comes behind a
// parked one goes behind it and comes back in order.
#include "conformance/harness.h"

namespace msgq::test {
namespace {

using Return = SettleOrder::Return;
using Bodies = std::vector<std::string>;

constexpr char kKey[] = "user-42";

// Messages of one key, in their order.
transport::Append keyed(const Bodies& bodies, const std::string& key = kKey) {
  Parcel parcel;
  parcel.band = band_of(kPriorityNormal, key);
  parcel.first_id = draw_ids(bodies.size(), FakeClock::kWallStartMs);
  for (const auto& body : bodies) parcel.add(body, {}, key);
  const std::uint8_t band = parcel.band;
  std::vector<Parcel> parcels;
  parcels.push_back(std::move(parcel));
  return {kQueue, transport::Block::build(std::move(parcels), FakeClock::kWallStartMs), band};
}

KeyPlace place_of(const Claimed& claimed, std::uint32_t ordinal) {
  for (const auto& part : claimed.parts) {
    if (ordinal < part.count) {
      const KeyPlace own = part.block->key(part.first + ordinal).second;
      return own.seq != 0 ? own : KeyPlace{part.seq, part.first + ordinal};
    }
    ordinal -= part.count;
  }
  return {};
}

class KeysConformance : public ConformanceTest {
 protected:
  bool has_keys(Process& process) { return process.transport().capability().has_keys; }

  static void append(Process& process, const transport::Append& what) {
    Exchange in;
    in.appends.push_back(what);
    process.exchange(in);
  }
  // Parks one as the engine does: with its place, and told of when it had come back before.
  static void park(SettleOrder& order, const Claimed& claimed, std::uint32_t ordinal, Return kind,
                   std::int64_t due_ms) {
    add_back(order, claimed, ordinal, kind, due_ms);
    order.backs.back().message.place = place_of(claimed, ordinal);
    order.done.set(ordinal);
    order.is_whole = order.done.count() == claimed.count();
    note(order, claimed, ordinal);
  }
  static void note(SettleOrder& order, const Claimed& claimed, std::uint32_t ordinal) {
    if (claimed.is_returned || claimed.ahead.has(ordinal))
      order.keys.push_back(hash_of(message_at(claimed, ordinal).key));
  }
  static bool ack(Process& process, const Claimed& claimed) {
    SettleOrder order = ack_all(claimed);
    for (const std::uint32_t ordinal : left_of(claimed)) note(order, claimed, ordinal);
    return process.settle(order);
  }
  // "first" failed and is due in a second, "second" went behind it.
  void fail_first(Process& process) {
    append(process, keyed({"first", "second"}));
    const Claimed claimed = process.claim_one(10);
    SettleOrder order = ack_some(claimed, {});
    park(order, claimed, 0, Return::kRetry, wall_ms() + 1'000);
    park(order, claimed, 1, Return::kBehind, wall_ms());
    ASSERT_TRUE(process.settle(order));
  }
  // The first fails, and what was claimed with it goes behind it.
  void park_all(Process& process, const Claimed& claimed) {
    SettleOrder order = ack_some(claimed, {});
    for (std::uint32_t i = 0; i < claimed.count(); ++i)
      park(order, claimed, i, i == 0 ? Return::kRetry : Return::kBehind, wall_ms());
    ASSERT_TRUE(process.settle(order));
  }
  // "third" fails, with nothing of its key before it in anybody's hands; then it comes again.
  void retry_third(Process& process) {
    append(process, keyed({"third"}));
    const Claimed third = process.claim_one(10);
    ASSERT_EQ(bodies_of(third), Bodies{"third"});
    SettleOrder order = ack_some(third, {});
    park(order, third, 0, Return::kRetry, wall_ms());
    ASSERT_TRUE(process.settle(order));
    wait(10'000);
    EXPECT_EQ(process.promote(), 1u);
    EXPECT_EQ(bodies_of(process.claim_one(10)), Bodies{"third"});
  }
  // Of these messages the first stays in hand, and the others go behind it.
  Claimed shed(Process& process, const Bodies& bodies) {
    append(process, keyed(bodies));
    Claimed claimed = process.claim_one(10, reads_);
    SettleOrder order = ack_some(claimed, {});
    for (std::uint32_t i = 1; i < bodies.size(); ++i) {
      park(order, claimed, i, Return::kBehind, wall_ms());
      order.backs.back().waits_for = place_of(claimed, 0);
    }
    EXPECT_TRUE(process.settle(order));
    claimed.ahead.set(0);
    return claimed;
  }
  void wait(std::int64_t ms) { clock().advance(std::chrono::milliseconds(ms)); }
  // "behind" waits for what is lost with its block, and comes all the same.
  void lose_what_others_wait_for(Process& process) {
    shed(process, {"lost", "behind"});
    wait(31'000);
    EXPECT_EQ(process.reclaim(), 1u);
    wait(10'000);
    EXPECT_EQ(process.promote(), 0u) << "it is to be run again";
    store().damage();
    Process& other = join();
    EXPECT_TRUE(other.claim(10, reads_).claims.empty());
    wait(10'000);
    other.promote();
    wait(10'000);
    other.promote();
    EXPECT_EQ(bodies_of(other.claim_one(10, reads_)), Bodies{"behind"});
  }

  std::string reads_ = kQueue;
};

#define REQUIRE_KEYS(process) \
  if (!has_keys(process)) return  // refused by the engine: capability_test.cpp

TEST_P(KeysConformance, AMessageHasItsKeyAndItsClaimSaysSo) {
  Process& process = join();
  REQUIRE_KEYS(process);
  append(process, keyed({"a", "b"}));
  const Claimed claimed = process.claim_one(10);
  EXPECT_TRUE(claimed.is_keyed);
  EXPECT_FALSE(claimed.is_returned);
  EXPECT_EQ(message_at(claimed, 1).key, kKey);
  EXPECT_GT(place_of(claimed, 0).seq, 0u);
  EXPECT_LT(place_of(claimed, 0), place_of(claimed, 1));
  EXPECT_TRUE(ack(process, claimed));
}

TEST_P(KeysConformance, AnotherProcessWaitsUntilWhoHasSomeOfItIsThrough) {
  Process& holder = join();
  REQUIRE_KEYS(holder);
  Process& other = join();
  append(holder, keyed({"a", "b"}));
  const Claimed first = holder.claim_one(1);
  EXPECT_TRUE(other.claim(10).claims.empty()) << "b would run beside a";
  EXPECT_FALSE(other.claim(10).has_more) << "or it would ask without an end";
  const Claimed second = holder.claim_one(1);
  EXPECT_TRUE(ack(holder, first));
  EXPECT_TRUE(other.claim(10).claims.empty());
  EXPECT_TRUE(ack(holder, second));
  append(holder, keyed({"c"}));
  EXPECT_EQ(bodies_of(other.claim_one(10)), Bodies{"c"});
}

TEST_P(KeysConformance, WhatOthersWaitForWaitsForWhatIsParkedBeforeIt) {
  Process& process = join();
  REQUIRE_KEYS(process);
  append(process, keyed({"a", "b", "c"}));
  const Claimed claimed = process.claim_one(10);
  SettleOrder behind = ack_some(claimed, {});
  park(behind, claimed, 2, Return::kBehind, wall_ms());
  behind.backs.back().waits_for = place_of(claimed, 1);
  ASSERT_TRUE(process.settle(behind));
  SettleOrder failed = ack_some(claimed, {}, behind.done);
  park(failed, claimed, 0, Return::kRetry, wall_ms() + 1'000);
  failed.gives_back = true;
  ASSERT_TRUE(process.settle(failed));
  const Claimed again = process.claim_one(10);
  ASSERT_EQ(bodies_of(again), Bodies{"b"});
  EXPECT_TRUE(again.away.has(left_of(again)[0])) << "a is parked";
  EXPECT_TRUE(again.ahead.has(left_of(again)[0])) << "c waits for it";
}

TEST_P(KeysConformance, UnkeyedMessagesAreSharedAsEver) {
  Process& holder = join();
  REQUIRE_KEYS(holder);
  Process& other = join();
  append(holder, keyed({"keyed"}));
  holder.append({"plain"});
  const ClaimAnswer both = holder.claim(10);
  ASSERT_EQ(both.claims.size(), 2u);
  holder.append({"more"});
  EXPECT_EQ(bodies_of(other.claim_one(10)), Bodies{"more"});
}

TEST_P(KeysConformance, WhatComesBehindAParkedOneIsTold) {
  Process& process = join();
  REQUIRE_KEYS(process);
  fail_first(process);
  append(process, keyed({"third"}));
  append(process, keyed({"elsewhere"}, "user-43"));
  for (const Claimed& claimed : process.claim(10).claims)
    EXPECT_EQ(claimed.away.has(0), bodies_of(claimed) == Bodies{"third"});
}

TEST_P(KeysConformance, AKeyComesBackInOrderWhenItsFirstIsDue) {
  Process& process = join();
  REQUIRE_KEYS(process);
  fail_first(process);
  EXPECT_EQ(process.promote(), 0u) << "second waits for first";
  append(process, keyed({"third"}));
  const Claimed third = process.claim_one(10);
  SettleOrder order = ack_some(third, {});
  park(order, third, 0, Return::kBehind, wall_ms());
  EXPECT_TRUE(process.settle(order));
  wait(1'000);
  EXPECT_EQ(process.promote(), 3u);
  const Claimed back = process.claim_one(10);
  EXPECT_TRUE(back.is_returned);
  EXPECT_EQ(bodies_of(back), (Bodies{"first", "second", "third"}));
  EXPECT_EQ(back.away.count(), 0u);
  EXPECT_LT(place_of(back, 0), place_of(back, 1));
  EXPECT_TRUE(ack(process, back));
  append(process, keyed({"fourth"}));
  EXPECT_EQ(process.claim_one(10).away.count(), 0u) << "the key is healthy again";
}

TEST_P(KeysConformance, WhatFailsAgainIsFirstAgain) {
  Process& process = join();
  REQUIRE_KEYS(process);
  fail_first(process);
  wait(1'000);
  ASSERT_EQ(process.promote(), 2u);
  const Claimed first = process.claim_one(1);
  EXPECT_EQ(bodies_of(first), Bodies{"first"});
  SettleOrder order = ack_some(first, {});
  park(order, first, 0, Return::kRetry, wall_ms());
  EXPECT_TRUE(process.settle(order));
  EXPECT_EQ(process.promote(), 0u) << "second is still in the lane, and would be before it";
  const Claimed second = process.claim_one(1);
  ASSERT_TRUE(second.away.has(0));
  SettleOrder behind = ack_some(second, {});
  park(behind, second, 0, Return::kBehind, wall_ms());
  EXPECT_TRUE(process.settle(behind));
  EXPECT_EQ(process.promote(), 2u);
  EXPECT_EQ(bodies_of(process.claim_one(10)), (Bodies{"first", "second"}));
}

TEST_P(KeysConformance, ALongQueueOfAKeyComesBackChunkByChunk) {
  constexpr std::uint32_t kChunk = transport::kKeyChunkMax;
  Process& process = join();
  REQUIRE_KEYS(process);
  Bodies bodies;
  for (std::uint32_t i = 0; i < 2 * kChunk + 1; ++i) bodies.push_back(std::to_string(i));
  append(process, keyed(bodies));
  park_all(process, process.claim_one(100));
  EXPECT_EQ(process.promote(), kChunk);
  park_all(process, process.claim_one(100));  // it fails again: no more than a chunk goes back
  for (std::size_t from = 0; from < bodies.size(); from += kChunk) {
    const auto begin = bodies.begin() + static_cast<std::ptrdiff_t>(from);
    const auto count =
        static_cast<std::uint32_t>(std::min<std::size_t>(kChunk, bodies.size() - from));
    EXPECT_EQ(process.promote(), count);
    const Claimed back = process.claim_one(100);
    EXPECT_EQ(bodies_of(back), Bodies(begin, begin + count));
    EXPECT_TRUE(ack(process, back));
  }
}

TEST_P(KeysConformance, WhatComesTooLateToGoAlongComesNext) {
  Process& process = join();
  REQUIRE_KEYS(process);
  fail_first(process);
  append(process, keyed({"third"}));
  const Claimed third = process.claim_one(10);  // told of first, but not parked yet
  wait(1'000);
  ASSERT_EQ(process.promote(), 2u);
  const Claimed back = process.claim_one(10);
  SettleOrder order = ack_some(third, {});
  park(order, third, 0, Return::kBehind, wall_ms());
  EXPECT_TRUE(process.settle(order));
  EXPECT_EQ(process.promote(), 0u) << "first and second are not decided";
  EXPECT_TRUE(ack(process, back));
  EXPECT_EQ(process.promote(), 1u);
  EXPECT_EQ(bodies_of(process.claim_one(10)), Bodies{"third"});
}

TEST_P(KeysConformance, ACalledOffMessageHoldsUpNobody) {
  Process& process = join();
  REQUIRE_KEYS(process);
  fail_first(process);
  const auto parked = process.look().peek(kQueue, {}, 10);
  ASSERT_EQ(parked.size(), 2u);
  const auto& first = parked[parked[0].message.body == "first" ? 0 : 1];
  EXPECT_EQ(process.look().cancel(kQueue, {first.message.id}), 1u);
  EXPECT_EQ(process.promote(), 1u);
  EXPECT_EQ(bodies_of(process.claim_one(10)), Bodies{"second"});
}

TEST_P(KeysConformance, ADeadLetterIsSentAgainAtTheEnd) {
  Process& process = join();
  REQUIRE_KEYS(process);
  append(process, keyed({"first"}));
  const Claimed first = process.claim_one(1);
  SettleOrder order = ack_some(first, {});
  add_dead(order, first, 0, "bad");
  order.done.set(0);
  order.is_whole = true;
  EXPECT_TRUE(process.settle(order));
  append(process, keyed({"second"}));
  EXPECT_EQ(process.look().redrive(kQueue, {}), 1u);
  EXPECT_EQ(drain(process), (Bodies{"second", "first"}));
}

TEST_P(KeysConformance, AfterADeathTheOrderIsTheSame) {
  Process& killed = join();
  REQUIRE_KEYS(killed);
  Process& heir = join();
  append(killed, keyed({"a", "b", "c"}));
  append(killed, keyed({"d"}));
  killed.claim_one(1);
  killed.claim_one(2);
  killed.kill();
  Bodies seen;
  for (int turn = 0; turn < 20 && seen.size() < 4; ++turn) {
    heir.reclaim();
    for (const Claimed& claimed : heir.claim_idle(10).claims) {
      for (auto& body : bodies_of(claimed)) seen.push_back(body);
      EXPECT_TRUE(ack(heir, claimed));
    }
    wait(1'000);
  }
  EXPECT_EQ(seen, (Bodies{"a", "b", "c", "d"}));
}

// It is idle for them, and takes nothing else before they are through.
TEST_P(KeysConformance, WhoRunsASuspectIsToldOfTheOthers) {
  Process& killed = join();
  REQUIRE_KEYS(killed);
  if (GetParam().is_pooled) return;  // nobody proves a death there
  Process& heir = join();
  append(killed, keyed({"a", "b"}));
  append(killed, keyed({"c"}, "user-43"));
  EXPECT_EQ(killed.claim(10).claims.size(), 2u);
  killed.kill();
  ClaimAnswer answer;
  for (int turn = 0; turn < 20 && answer.claims.empty(); ++turn) {
    heir.reclaim();
    answer = heir.claim_idle(10);
    wait(1'000);
  }
  ASSERT_EQ(answer.claims.size(), 1u);
  EXPECT_TRUE(answer.claims[0].is_suspect);
  EXPECT_TRUE(answer.suspects_waiting);
  EXPECT_TRUE(heir.claim(10).suspects_waiting);
}

TEST_P(KeysConformance, WhatDiedWithItsProcessWaitsForWhatCameBack) {
  Process& killed = join();
  REQUIRE_KEYS(killed);
  Process& heir = join();
  fail_first(killed);
  append(killed, keyed({"third"}));
  killed.claim_one(1);
  killed.kill();
  wait(1'000);
  Bodies seen;
  for (int turn = 0; turn < 20 && seen.size() < 3; ++turn) {
    heir.reclaim();
    heir.promote();
    for (const Claimed& claimed : heir.claim_idle(10).claims) {
      for (auto& body : bodies_of(claimed)) seen.push_back(body);
      EXPECT_TRUE(ack(heir, claimed));
    }
    wait(1'000);
  }
  EXPECT_EQ(seen, (Bodies{"first", "second", "third"}));
}

TEST_P(KeysConformance, WhatIsGivenBackComesBeforeWhatWasBehindIt) {
  Process& process = join();
  REQUIRE_KEYS(process);
  append(process, keyed({"a"}));
  append(process, keyed({"b"}));
  const Claimed a = process.claim_one(1), b = process.claim_one(1);
  EXPECT_TRUE(process.settle(give_back(b)));
  EXPECT_TRUE(process.settle(give_back(a)));
  EXPECT_EQ(drain(process), (Bodies{"a", "b"}));
}

TEST_P(KeysConformance, WhatGoesBehindOneInHandComesBackWhenThatIsDecided) {
  Process& process = join();
  REQUIRE_KEYS(process);
  const Claimed claimed = shed(process, {"slow", "second", "third"});
  append(process, keyed({"fourth"}));
  const Claimed fourth = process.claim_one(10);
  ASSERT_TRUE(fourth.away.has(0));
  SettleOrder order = ack_some(fourth, {});
  park(order, fourth, 0, Return::kBehind, wall_ms());
  EXPECT_TRUE(process.settle(order));
  wait(60'000);
  EXPECT_EQ(process.promote(), 0u);
  order = ack_some(claimed, {0});
  order.done.set_range(1, 3);
  order.is_whole = true;
  note(order, claimed, 0);
  EXPECT_TRUE(process.settle(order));
  EXPECT_EQ(process.promote(), 3u);
  EXPECT_EQ(drain(process), (Bodies{"second", "third", "fourth"}));
}

// Whoever gets it then does not know what went behind it; the store says so.
TEST_P(KeysConformance, AfterADeathTheOneThatWasInHandComesFirst) {
  Process& killed = join();
  REQUIRE_KEYS(killed);
  Process& heir = join();
  shed(killed, {"slow", "second", "third"});
  killed.kill();
  Bodies seen;
  for (int turn = 0; turn < 20 && seen.size() < 3; ++turn) {
    heir.reclaim();
    heir.promote();
    for (const Claimed& claimed : heir.claim_idle(10).claims) {
      for (const std::uint32_t i : left_of(claimed)) EXPECT_FALSE(claimed.away.has(i));
      for (auto& body : bodies_of(claimed)) seen.push_back(body);
      EXPECT_TRUE(ack(heir, claimed));
    }
    wait(1'000);
  }
  EXPECT_EQ(seen, (Bodies{"slow", "second", "third"}));
}

TEST_P(KeysConformance, WhenWhatWaitsIsCalledOffTheKeyIsHealthyAgain) {
  Process& killed = join();
  REQUIRE_KEYS(killed);
  Process& heir = join();
  const Claimed claimed = shed(killed, {"slow", "second"});
  const MessageId second = message_at(claimed, 1).id;
  EXPECT_EQ(killed.look().cancel(kQueue, {second}), 1u);
  killed.kill();
  Bodies seen;
  for (int turn = 0; turn < 20 && seen.empty(); ++turn) {
    heir.reclaim();
    for (const Claimed& again : heir.claim_idle(10).claims) {
      for (auto& body : bodies_of(again)) seen.push_back(body);
      EXPECT_TRUE(ack(heir, again));
    }
    wait(1'000);
  }
  EXPECT_EQ(seen, Bodies{"slow"});
  append(heir, keyed({"next"}));
  std::vector<Claimed> claims;  // not at once where one was suspected just now
  for (int turn = 0; turn < 20 && claims.empty(); ++turn) {
    claims = heir.claim_idle(10).claims;
    wait(1'000);
  }
  ASSERT_EQ(claims.size(), 1u);
  const Claimed& next = claims.front();
  SettleOrder order = ack_some(next, {});
  park(order, next, 0, Return::kRetry, wall_ms());
  EXPECT_TRUE(heir.settle(order));
  EXPECT_EQ(heir.promote(), 1u);
}

TEST_P(KeysConformance, APurgeForgetsTheOrder) {
  Process& process = join();
  REQUIRE_KEYS(process);
  fail_first(process);
  wait(1'000);
  process.promote();
  EXPECT_EQ(process.look().purge(kQueue), 2u);
  append(process, keyed({"new"}));
  const Claimed claimed = process.claim_one(10);
  EXPECT_EQ(claimed.away.count(), 0u);
  SettleOrder order = ack_some(claimed, {});
  park(order, claimed, 0, Return::kRetry, wall_ms());
  EXPECT_TRUE(process.settle(order));
  EXPECT_EQ(process.promote(), 1u) << "nothing of before the purge holds it back";
}

// Which keys were in a block that is lost nobody knows: that they came back was counted.
TEST_P(KeysConformance, ADamagedBlockHoldsNoKeyBackForEver) {
  Process& process = join();
  REQUIRE_KEYS(process);
  if (!GetParam().holds_bytes) return;
  fail_first(process);
  wait(1'000);
  ASSERT_EQ(process.promote(), 2u);
  store().damage();
  Process& other = join();
  EXPECT_TRUE(other.claim(10).claims.empty());
  EXPECT_EQ(depth().quarantined, 2u);
  retry_third(other);
}

TEST_P(KeysConformance, ADamagedBlockOfALapsedRangeHoldsNoKeyBackForEver) {
  Process& process = join();
  REQUIRE_KEYS(process);
  if (!GetParam().holds_bytes) return;
  fail_first(process);
  wait(1'000);
  ASSERT_EQ(process.promote(), 2u);
  process.claim_one(10);
  wait(31'000);
  EXPECT_EQ(process.reclaim(), 1u);
  store().damage();
  Process& other = join();
  EXPECT_TRUE(other.claim(10).claims.empty());
  retry_third(other);
}

TEST_P(KeysConformance, AMissingBlockHoldsNothingBackEither) {
  Process& process = join();
  REQUIRE_KEYS(process);
  if (!GetParam().holds_bytes) return;
  fail_first(process);
  wait(1'000);
  ASSERT_EQ(process.promote(), 2u);
  append(process, keyed({"main"}));
  EXPECT_EQ(process.claim(10).claims.size(), 2u);
  wait(31'000);
  EXPECT_EQ(process.reclaim(), 2u);
  store().lose_blocks();
  Process& other = join();
  const ClaimAnswer none = other.claim(10);
  EXPECT_TRUE(none.claims.empty());
  EXPECT_FALSE(none.has_more) << "or it would ask without an end";
  retry_third(other);
}

// Only a purge let the key go on.
TEST_P(KeysConformance, WhatWaitsForALostMessageComesBack) {
  Process& process = join();
  REQUIRE_KEYS(process);
  if (GetParam().holds_bytes) lose_what_others_wait_for(process);
}

TEST_P(KeysConformance, SoItDoesInASubscription) {
  Process& process = join();
  REQUIRE_KEYS(process);
  observer().subscribe(kQueue, "audit", {});
  reads_ = subscription_name(kQueue, "audit");
  if (GetParam().holds_bytes) lose_what_others_wait_for(process);
}

TEST_P(KeysConformance, ABlockThatIsMissingBeforeItWasClaimedHoldsNothingBack) {
  Process& process = join();
  REQUIRE_KEYS(process);
  if (!GetParam().holds_bytes) return;
  fail_first(process);
  wait(1'000);
  ASSERT_EQ(process.promote(), 2u);
  store().lose_blocks();
  retry_third(process);
}

MSGQ_CONFORMANCE(KeysConformance);

}  // namespace
}  // namespace msgq::test
