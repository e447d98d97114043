// Promise (E1): with durability "sync" whatever was acknowledged before a power cut is there after
// it, nothing else is, and the books balance, wherever the cut comes.
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <set>

#include "conformance/harness.h"
#include "support/crash_vfs.h"
#include "transport/sqlite/crash_store.h"

namespace msgq::test {
namespace {

// What one process knows about its messages.
struct Ledger {
  std::set<std::string> sent;     // acknowledged by the store
  std::set<std::string> doubted;  // their exchange failed: may be there
  std::set<std::string> done;     // settled, acknowledged
  std::set<std::string> maybe_done;
};

// What a power cut did to messages that had been acknowledged.
struct Verdict {
  std::uint64_t lost = 0, unexpected = 0, duplicated = 0;
};

// Appends, claims and settles by seed until the power fails.
void live(CrashStore& store, FakeRandom& random, Ledger& ledger) {
  int number = 0;
  try {
    auto process = store.join();
    auto session = process->open_session();
    std::vector<Claimed> held;
    while (true) {
      Exchange in;
      std::vector<std::string> bodies, acked;
      for (std::uint64_t i = random.below(3) * random.below(40); i > 0; --i)
        bodies.push_back(std::to_string(number++) + std::string(random.below(300), '.'));
      if (!bodies.empty()) in.appends.push_back({kQueue, block_of(bodies)});
      if (!held.empty() && random.below(2) == 0) {
        acked = bodies_of(held.back());
        in.settles.push_back(ack_all(held.back()));
        held.pop_back();
      }
      if (held.size() < 4)
        in.claims.push_back(
            {kQueue, static_cast<std::uint32_t>(1 + random.below(50)), 0, 30'000, false});
      ledger.doubted.insert(bodies.begin(), bodies.end());
      ledger.maybe_done.insert(acked.begin(), acked.end());
      ExchangeResult out;
      session->exchange(in, out);
      ledger.sent.insert(bodies.begin(), bodies.end());
      ledger.done.insert(acked.begin(), acked.end());
      for (auto& answer : out.claims)
        for (auto& claimed : answer.claims) held.push_back(std::move(claimed));
      if (random.one_in(20)) session->tidy(std::chrono::milliseconds(1));
    }
  } catch (const Error&) {
    EXPECT_TRUE(store.disk.is_cut()) << "only the cut may end it";
  }
}

Verdict check(CrashStore& store, const Ledger& ledger) {
  auto process = store.join();
  auto session = process->open_session();
  Exchange reclaim;
  reclaim.reclaims = true;
  ExchangeResult out;
  session->exchange(reclaim, out);
  for (const auto& d : process->look().depth())
    EXPECT_EQ(d.sent, d.waiting + d.parked + d.leased + d.done + d.dead + d.purged + d.quarantined);
  std::multiset<std::string> seen;
  for (bool any = true; any;) {
    Exchange in;
    in.claims.push_back({kQueue, 1'000, 0, 30'000, true});
    session->exchange(in, out);
    any = !out.claims[0].claims.empty();
    Exchange settle;
    for (const auto& claimed : out.claims[0].claims) {
      for (auto& body : bodies_of(claimed)) seen.insert(std::move(body));
      settle.settles.push_back(ack_all(claimed));
    }
    session->exchange(settle, out);
  }
  Verdict verdict;
  for (const auto& body : ledger.sent) {
    const bool is_there = seen.contains(body) || ledger.maybe_done.contains(body);
    EXPECT_TRUE(is_there) << "lost: " << body;
    verdict.lost += is_there ? 0 : 1;
  }
  for (const auto& body : seen) {
    const bool is_expected = ledger.doubted.contains(body) && !ledger.done.contains(body);
    EXPECT_TRUE(is_expected) << "never sent, or done and there again: " << body;
    verdict.unexpected += is_expected ? 0 : 1;
    EXPECT_EQ(seen.count(body), 1u) << "twice: " << body;
    verdict.duplicated += seen.count(body) > 1 ? 1 : 0;
  }
  return verdict;
}

TEST(Power, TwoHundredCutsLoseNothingAndInventNothing) {
  std::uint64_t messages = 0, recovered = 0;
  Verdict all;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    CrashStore store;
    FakeRandom random(seed);
    Ledger ledger;
    store.disk.cut_at(1 + random.below(3'000));
    live(store, random, ledger);
    store.disk.power_cycle(seed);
    const Verdict verdict = check(store, ledger);
    all.lost += verdict.lost;
    all.unexpected += verdict.unexpected;
    all.duplicated += verdict.duplicated;
    messages += ledger.sent.size();
    recovered += ledger.sent.size() - ledger.done.size();
    if (::testing::Test::HasFailure()) break;
  }
  std::cout << "[ figures] 200 power cuts: " << messages << " acknowledged, " << recovered
            << " of them not done; " << all.lost << " lost, " << all.unexpected << " unexpected, "
            << all.duplicated << " duplicated\n";
}

// How many of 20 power cuts, each right after a message was acknowledged, took the message along.
int lost_by_cuts(Durability durability) {
  int lost = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CrashStore store;
    store.config.durability = durability;
    {
      auto process = store.join();
      auto session = process->open_session();
      session->tidy(std::chrono::seconds(1));
      Exchange in;
      in.appends.push_back({kQueue, block_of({"acknowledged"})});
      ExchangeResult out;
      session->exchange(in, out);
      store.disk.cut_at(1);
    }
    store.disk.power_cycle(seed);
    std::uint64_t found = 0;
    for (const auto& depth : store.join()->look().depth()) found += depth.waiting;
    lost += found == 1 ? 0 : 1;
  }
  return lost;
}

TEST(Power, DurabilityDecidesWhetherACutMayTakeWhatWasAcknowledged) {
  EXPECT_EQ(lost_by_cuts(Durability::kSync), 0);
  EXPECT_GT(lost_by_cuts(Durability::kOs), 0);
}

}  // namespace
}  // namespace msgq::test
