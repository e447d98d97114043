// Promise: of a steady flow of keys each process that has room gets its part of the shards within
// five seconds of its coming; the part of one that leaves or falls silent goes to the others; and
// each key stays in order through it all.
#include <set>
#include <utility>

#include "conformance/harness.h"

namespace msgq::test {
namespace {

constexpr std::chrono::milliseconds kRound{250};
constexpr int kRounds = 20;  // five seconds

// A key for each shard.
std::vector<std::string> keys_of_all_shards() {
  std::map<std::uint8_t, std::string> found;
  for (int i = 0; found.size() < kKeyShards; ++i) {
    const std::string key = "user-" + std::to_string(i);
    found.try_emplace(band_of(kPriorityNormal, key), key);
  }
  std::vector<std::string> out;
  for (const auto& [band, key] : found) out.push_back(key);
  return out;
}

// Holds what it claimed until it has claimed the next, so that its shards are never free.
struct Busy {
  Process& process;
  std::vector<Claimed> held = {};

  std::size_t shards() const {
    std::set<std::uint64_t> lanes;
    for (const Claimed& claimed : held) lanes.insert(claimed.key.lane);
    return lanes.size();
  }
};

class KeySharesConformance : public ConformanceTest {
 protected:
  // A message of each shard comes; everybody claims, and settles what it had.
  void turn(Process& producer, const std::vector<Busy*>& all) {
    send(producer);
    for (Busy* busy : all) {
      auto claimed = busy->process.claim(1'000, reads_).claims;
      for (const Claimed& each : claimed) check_order(each);
      settle(*busy);
      busy->held = std::move(claimed);
    }
    clock().advance(kRound);
  }
  void turns(int count, Process& producer, const std::vector<Busy*>& all) {
    for (int i = 0; i < count; ++i) turn(producer, all);
  }
  void settle(Busy& busy) {
    for (const Claimed& each : busy.held) EXPECT_TRUE(busy.process.settle(ack_all(each)));
    busy.held.clear();
  }
  // Nobody else may claim of its shard: the other keys waited as long as it took.
  void run_beside_slow_ones(Process& process) {
    Busy first{process};
    turn(process, {&first});
    Busy slow{process, std::exchange(first.held, {})};
    ASSERT_EQ(slow.shards(), kKeyShards);
    Busy second{join()};
    turns(kRounds, process, {&first, &second});
    EXPECT_EQ(first.shards(), kKeyShards);
    EXPECT_EQ(second.shards(), 0u);
    settle(slow);
    turns(kRounds, process, {&first, &second});
    EXPECT_EQ(first.shards(), 8u);
    EXPECT_EQ(second.shards(), 8u);
  }

  std::string reads_ = kQueue;

 private:
  void send(Process& producer) {
    Exchange in;
    for (const auto& key : keys_) {
      std::vector<Parcel> parcels(1);
      parcels[0].band = band_of(kPriorityNormal, key);
      parcels[0].first_id = draw_ids(1, FakeClock::kWallStartMs);
      parcels[0].add(std::to_string(sent_), {}, key);
      const std::uint8_t band = parcels[0].band;
      in.appends.push_back(
          {kQueue, transport::Block::build(std::move(parcels), FakeClock::kWallStartMs), band});
    }
    ++sent_;
    producer.exchange(in);
  }
  void check_order(const Claimed& claimed) {
    for (const std::uint32_t ordinal : left_of(claimed)) {
      const MessageView message = message_at(claimed, ordinal);
      EXPECT_EQ(message.body, std::to_string(seen_[std::string(message.key)]++)) << message.key;
    }
  }

  const std::vector<std::string> keys_ = keys_of_all_shards();
  int sent_ = 0;
  std::map<std::string, int> seen_;
};

#define REQUIRE_SHARES(process) \
  if (!process.transport().capability().has_keys) return

TEST_P(KeySharesConformance, WhoComesGetsItsPartOfASteadyFlow) {
  Busy first{join()};
  REQUIRE_SHARES(first.process);
  turns(4, first.process, {&first});
  EXPECT_EQ(first.shards(), kKeyShards);
  Busy second{join()}, third{join()};
  turns(kRounds, first.process, {&first, &second});
  EXPECT_EQ(first.shards(), 8u);
  EXPECT_EQ(second.shards(), 8u);
  turns(kRounds, first.process, {&first, &second, &third});
  for (const Busy* each : {&first, &second, &third}) {
    EXPECT_GE(each->shards(), 5u);
    EXPECT_LE(each->shards(), 6u);
  }
}

TEST_P(KeySharesConformance, TheSharesOfWhoFallsSilentGoToTheOthers) {
  Busy first{join()}, second{join()};
  REQUIRE_SHARES(first.process);
  turns(kRounds, first.process, {&first, &second});
  EXPECT_EQ(first.shards(), 8u);
  settle(second);
  turns(kRounds, first.process, {&first});
  EXPECT_EQ(first.shards(), kKeyShards);
  turns(kRounds, first.process, {&second, &first});
  EXPECT_EQ(first.shards(), 8u);
  EXPECT_EQ(second.shards(), 8u) << "it came back";
}

TEST_P(KeySharesConformance, WhatSomebodyHoldsStaysItsUntilItIsThrough) {
  Busy first{join()}, second{join()};
  REQUIRE_SHARES(first.process);
  turn(first.process, {&first});
  ASSERT_EQ(first.shards(), kKeyShards);
  for (int i = 0; i < kRounds; ++i) {
    EXPECT_TRUE(second.process.claim(1'000).claims.empty());
    clock().advance(kRound);
  }
  settle(first);
  turns(kRounds, first.process, {&first, &second});
  EXPECT_EQ(second.shards(), 8u);
}

TEST_P(KeySharesConformance, ASlowMessageHoldsUpNoOthersOfItsShard) {
  Process& process = join();
  REQUIRE_SHARES(process);
  run_beside_slow_ones(process);
}

TEST_P(KeySharesConformance, NorDoesOneOfASubscription) {
  Process& process = join();
  REQUIRE_SHARES(process);
  observer().subscribe(kQueue, "audit", {});
  reads_ = subscription_name(kQueue, "audit");
  run_beside_slow_ones(process);
}

MSGQ_CONFORMANCE(KeySharesConformance);

}  // namespace
}  // namespace msgq::test
