// Promise: what is more urgent is handed out first, also when it came later, was returned or was
// dead in between; and nothing waits for ever: what has waited for long is taken for more urgent.
#include <algorithm>
#include <set>

#include "conformance/harness.h"

namespace msgq::test {
namespace {

using std::chrono::milliseconds;

transport::BlockPtr block_of_priority(const std::vector<std::string>& bodies, std::uint8_t priority,
                                      std::int64_t at_ms = FakeClock::kWallStartMs) {
  Parcel parcel;
  parcel.priority = priority;
  parcel.first_id = draw_ids(bodies.size(), FakeClock::kWallStartMs);
  for (const auto& body : bodies) parcel.add(body);
  std::vector<Parcel> parcels;
  parcels.push_back(std::move(parcel));
  return transport::Block::build(std::move(parcels), at_ms);
}

class PriorityConformance : public ConformanceTest {
 protected:
  void open_aging(milliseconds aging) {
    Config config;
    config.priority_aging = aging;
    open(config);
  }
  void append(Process& process, const std::vector<std::string>& bodies, std::uint8_t priority) {
    Exchange in;
    in.appends.push_back({kQueue, block_of_priority(bodies, priority, wall_ms()), priority});
    ExchangeResult out;
    process.session().exchange(in, out);  // by the clock of the test: blocks grow old
  }
  void append_keyed(Process& process, const std::vector<std::string>& bodies,
                    const std::string& key) {
    std::vector<Parcel> parcels(1);
    const std::uint8_t band = parcels[0].band = band_of(kPriorityNormal, key);
    parcels[0].first_id = draw_ids(bodies.size(), FakeClock::kWallStartMs);
    for (const auto& body : bodies) parcels[0].add(body, {}, key);
    Exchange in;
    in.appends.push_back({kQueue, transport::Block::build(std::move(parcels), wall_ms()), band});
    ExchangeResult out;
    process.session().exchange(in, out);
  }
  // One after another, as they come.
  std::vector<std::string> drain_singly(Process& process) {
    std::vector<std::string> out;
    for (;;) {
      const auto answer = process.claim(ClaimWish{kQueue, 1, 0, 30'000, true, false, true});
      if (answer.claims.empty()) return out;
      for (auto& body : bodies_of(answer.claims[0])) out.push_back(std::move(body));
      EXPECT_TRUE(process.settle(ack_all(answer.claims[0])));
    }
  }
};

TEST_P(PriorityConformance, TheMoreUrgentComesFirst) {
  open_aging(milliseconds(0));
  Process& process = join();
  for (const std::uint8_t priority : std::vector<std::uint8_t>{5, 1, 10, 7}) {
    const std::string name = std::to_string(priority);
    append(process, {name + "a", name + "b"}, priority);
  }
  EXPECT_EQ(drain_singly(process),
            (std::vector<std::string>{"10a", "10b", "7a", "7b", "5a", "5b", "1a", "1b"}));
}

TEST_P(PriorityConformance, OneClaimTakesOfSeveralPriorities) {
  open_aging(milliseconds(0));
  Process& process = join();
  append(process, {"low"}, 2);
  append(process, {"high"}, 8);
  const auto answer = process.claim(10);
  ASSERT_EQ(answer.claims.size(), 2u);
  EXPECT_EQ(message_at(answer.claims[0], 0).body, "high");
  EXPECT_EQ(message_at(answer.claims[0], 0).priority, 8);
  EXPECT_EQ(message_at(answer.claims[1], 0).body, "low");
  EXPECT_EQ(depth().leased, 2u);
}

TEST_P(PriorityConformance, ItKeepsItsPriorityThroughRetryDelayAndDeath) {
  open_aging(milliseconds(0));
  Process& process = join();
  append(process, {"retried"}, 9);
  append(process, {"dead"}, 8);
  const Claimed first = process.claim_one(1), second = process.claim_one(1);
  SettleOrder order = ack_some(first, {});
  add_back(order, first, 0, SettleOrder::Return::kRetry, wall_ms());
  order.is_whole = true;
  EXPECT_TRUE(process.settle(order));
  order = ack_some(second, {});
  add_dead(order, second, 0, "no");
  order.is_whole = true;
  EXPECT_TRUE(process.settle(order));
  Exchange later;
  later.parks.push_back(
      {kQueue, wall_ms() + 5, StoredMessage::copy(block_of_priority({"delayed"}, 7)->view(0))});
  process.exchange(later);
  append(process, {"plain"}, 5);
  append(process, {"six"}, 6);
  clock().advance(milliseconds(5));
  EXPECT_EQ(process.promote(), 2u);
  EXPECT_EQ(observer().redrive(kQueue, {}), 1u);
  EXPECT_EQ(drain_singly(process),
            (std::vector<std::string>{"retried", "dead", "delayed", "six", "plain"}));
}

TEST_P(PriorityConformance, WhatIsLookedAtWithoutClaimingTellsIt) {
  Process& process = join();
  append(process, {"waits"}, 10);
  Exchange later;
  later.parks.push_back(
      {kQueue, wall_ms() + 60'000, StoredMessage::copy(block_of_priority({"parked"}, 3)->view(0))});
  process.exchange(later);
  const auto seen = observer().peek(kQueue, {}, 10);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].message.priority, 10);
  EXPECT_EQ(seen[1].message.priority, 3);
  const auto found = observer().find(kQueue, seen[0].message.id);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->message.priority, 10);
}

TEST_P(PriorityConformance, PagesOfSeveralPrioritiesShowEachMessageOnce) {
  Process& process = join();
  std::set<std::string> sent, seen;
  for (int round = 0; round < 3; ++round)
    for (const std::uint8_t priority : std::vector<std::uint8_t>{2, 9, 5}) {
      const std::string body = std::to_string(round) + "/" + std::to_string(priority);
      append(process, {body}, priority);
      sent.insert(body);
    }
  std::string after;
  for (std::size_t page = 0; page < 10; ++page) {
    const auto found = observer().peek(kQueue, after, 2);
    if (found.empty()) break;
    for (const auto& each : found) EXPECT_TRUE(seen.insert(each.message.body).second);
    after = found.back().cursor;
  }
  EXPECT_EQ(seen, sent);
}

// O4, the fair half: under a stream of the most urgent, the least urgent waits nine steps of aging
// longer than they do, and no more.
TEST_P(PriorityConformance, WhatHasWaitedForLongIsServed) {
  open_aging(milliseconds(1'000));
  Process& process = join();
  append(process, {"low"}, 1);
  std::vector<std::string> served;
  for (int second = 0; second < 12; ++second) {
    append(process, {std::to_string(second)}, 10);
    const Claimed claimed = process.claim_one(1);
    served.push_back(bodies_of(claimed).at(0));
    EXPECT_TRUE(process.settle(ack_all(claimed)));
    clock().advance(milliseconds(1'000));
  }
  const auto low = std::find(served.begin(), served.end(), "low");
  EXPECT_GE(low - served.begin(), 9);
  EXPECT_LE(low - served.begin(), 10);
}

// O4, the strict half.
TEST_P(PriorityConformance, StrictlyTheLeastUrgentWaitsForAllOthers) {
  open_aging(milliseconds(0));
  Process& process = join();
  append(process, {"low"}, 1);
  for (int second = 0; second < 12; ++second) {
    append(process, {std::to_string(second)}, 10);
    const Claimed claimed = process.claim_one(1);
    EXPECT_EQ(bodies_of(claimed).at(0), std::to_string(second));
    EXPECT_TRUE(process.settle(ack_all(claimed)));
    clock().advance(milliseconds(1'000));
  }
  EXPECT_EQ(drain(process), (std::vector<std::string>{"low"}));
}

TEST_P(PriorityConformance, ALapsedClaimComesBackWithItsPriority) {
  open_aging(milliseconds(0));
  Process& process = join();
  append(process, {"urgent"}, 9);
  process.claim_one(1);
  append(process, {"less"}, 8);
  clock().advance(milliseconds(31'000));
  while (process.reclaim() == 0) clock().advance(milliseconds(1'000));
  EXPECT_EQ(drain_singly(process), (std::vector<std::string>{"urgent", "less"}));
}

TEST_P(PriorityConformance, PurgeAndDeleteTakeEveryPriority) {
  Process& process = join();
  append(process, {"a", "b"}, 10);
  append(process, {"c"}, 1);
  EXPECT_EQ(observer().purge(kQueue), 3u);
  EXPECT_TRUE(process.claim(10).claims.empty());
  append(process, {"d"}, 10);
  EXPECT_EQ(drain_singly(process), (std::vector<std::string>{"d"}));
  observer().delete_queue(kQueue);
  Process& next = join();
  append(next, {"e"}, 10);
  EXPECT_EQ(drain_singly(next), (std::vector<std::string>{"e"}));
}

// Two shards of keys, and what has no key, in the order in which they came.
TEST_P(PriorityConformance, KeysAreOfNormalPriorityAmongTheRest) {
  open_aging(std::chrono::minutes(10));
  Process& process = join();
  if (!process.transport().capability().has_keys) return;
  append(process, {"low"}, 3);
  clock().advance(std::chrono::seconds(1));
  append_keyed(process, {"keyed"}, "user-42");
  clock().advance(std::chrono::seconds(1));
  append(process, {"plain"}, 5);
  clock().advance(std::chrono::seconds(1));
  append_keyed(process, {"keyed too"}, "user-43");
  clock().advance(std::chrono::seconds(1));
  append(process, {"high"}, 8);
  EXPECT_EQ(drain_singly(process),
            (std::vector<std::string>{"high", "keyed", "plain", "keyed too", "low"}));
}

TEST_P(PriorityConformance, OneClaimTakesOfKeysAndOfTheRest) {
  open_aging(std::chrono::minutes(10));
  Process& process = join();
  if (!process.transport().capability().has_keys) return;
  append(process, numbered(4), 8);
  append_keyed(process, numbered(4, 10), "user-42");
  append(process, numbered(4, 20), 3);
  std::vector<std::string> out;
  for (const auto& claimed :
       process.claim(ClaimWish{kQueue, 10, 0, 30'000, true, false, true}).claims)
    for (auto& body : bodies_of(claimed)) out.push_back(std::move(body));
  EXPECT_EQ(out, (std::vector<std::string>{"0", "1", "2", "3", "10", "11", "12", "13", "20", "21"}))
      << "all the room is for what is first";
}

TEST_P(PriorityConformance, WhereNothingAgesKeysAndTheRestTakeTurns) {
  open_aging(milliseconds(0));
  Process& process = join();
  if (!process.transport().capability().has_keys) return;
  append_keyed(process, numbered(20), "user-42");
  append(process, numbered(20, 100), 5);
  append(process, numbered(5, 200), 3);
  std::set<bool> seen;
  for (int i = 0; i < 16; ++i) {
    const auto answer = process.claim(ClaimWish{kQueue, 1, 0, 30'000, true, false, true});
    ASSERT_EQ(answer.claims.size(), 1u);
    EXPECT_NE(bodies_of(answer.claims[0])[0].substr(0, 2), "20") << "that is of less priority";
    seen.insert(answer.claims[0].is_keyed);
    EXPECT_TRUE(process.settle(ack_all(answer.claims[0])));
  }
  EXPECT_EQ(seen.size(), 2u);
}

MSGQ_CONFORMANCE(PriorityConformance);

}  // namespace
}  // namespace msgq::test
