// Promise: whatever crashes, stalls or loses its reply, no acknowledged message is lost, none is
// done twice, no stale settle counts, attempts only rise, every message is accounted for, and those
// of a key run one at a time, in order (model_keys.cpp).
//
// A failing seed is printed; MSGQ_SEED=n runs that one alone.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "base/check.h"
#include "conformance/harness.h"
#include "simulator/simulation.h"

namespace msgq::sim {
namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t kSeeds = 50, kStoreSeeds = 2, kReplays = 5;  // twenty times as slow
#else
constexpr std::uint64_t kSeeds = 1'000, kStoreSeeds = 10, kReplays = 20;
#endif

std::optional<std::uint64_t> wanted_seed() {
  const char* text = std::getenv("MSGQ_SEED");
  if (text == nullptr) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

// MSGQ_SIM_SEEDS=n runs more, or fewer.
std::uint64_t seeds_or(std::uint64_t usual) {
  const char* text = std::getenv("MSGQ_SIM_SEEDS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : usual;
}

void print(const Outcome& sum, std::uint64_t seeds, double took) {
  const double hours = std::chrono::duration<double, std::ratio<3600>>(sum.virtual_time).count();
  std::cout << "[ figures] simulator: " << seeds << " seeds, " << sum.messages << " messages, "
            << static_cast<double>(sum.steps) / took << " steps/s, "
            << static_cast<double>(sum.crashes) / took << " crashes/s (" << sum.crashes << "), "
            << hours << " virtual hours in " << took << " s\n";
  const Tally& t = sum.tally;
  std::cout << "[ figures] simulator's claims: " << t.deaths << " of the dead, " << t.lapses
            << " lapsed, " << t.given_back << " given back, " << t.extends << " extends; "
            << t.lost_settles << " settles lost; " << t.suspects << " suspects alone, "
            << t.worker_lost << " given up; " << t.promoted << " promoted, " << t.redriven
            << " redriven, " << t.purged << " purged; " << t.keyed << " of keys, " << t.behind
            << " behind others, " << t.shed << " of them behind some in hand\n";
}

TEST(Simulator, EverySeedIsClean) {
  const auto only = wanted_seed();
  const std::uint64_t first = only.value_or(1), last = only.value_or(seeds_or(kSeeds));
  Outcome sum;
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const Outcome out = simulate(seed);
    ASSERT_EQ(out.violation, "") << "seed " << seed << " at step " << out.steps << "; again with\n"
                                 << "  MSGQ_SEED=" << seed
                                 << " msgq_tests --gtest_filter=Simulator.EverySeedIsClean";
    sum += out;
  }
  const auto spent = std::chrono::steady_clock::now() - start;
  print(sum, last - first + 1, std::chrono::duration<double>(spent).count());
}

// The same seeds over stores that keep bytes; fewer, for each exchange is a real transaction.
class StoreSimulator : public ::testing::TestWithParam<test::StoreCase> {};

TEST_P(StoreSimulator, EverySeedIsClean) {
  const auto only = wanted_seed();
  const std::uint64_t first = only.value_or(1), last = only.value_or(seeds_or(kStoreSeeds));
  Outcome sum;
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const Outcome out = simulate(seed, Plant::kNone, GetParam());
    ASSERT_EQ(out.violation, "") << "seed " << seed << " at step " << out.steps;
    sum += out;
  }
  const auto spent = std::chrono::steady_clock::now() - start;
  print(sum, last - first + 1, std::chrono::duration<double>(spent).count());
}

// Not PostgreSQL: the model lapses and promotes by the clients' clocks, in the exchange that could;
// a server does so by its own clock, a lapse at the second look, and answers an extend of a claim
// that the same exchange ends.
std::vector<test::StoreCase> file_stores() {
  auto out = test::durable_store_cases();
  std::erase_if(out, [](const auto& each) { return std::string(each.name) != "sqlite"; });
  return out;
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreSimulator, ::testing::ValuesIn(file_stores()),
                         test::store_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreSimulator);

TEST(Simulator, ASeedReplaysExactly) {
  for (std::uint64_t seed = 1; seed <= kReplays; ++seed) {
    const Outcome once = simulate(seed), again = simulate(seed);
    EXPECT_EQ(once.steps, again.steps) << seed;
    EXPECT_EQ(once.trace, again.trace) << seed;
    EXPECT_EQ(once.virtual_time, again.virtual_time) << seed;
  }
}

// A simulator that never fails proves nothing: each bug must be found, and found again by its seed.
class PlantedBug : public ::testing::TestWithParam<Plant> {
 protected:
  void SetUp() override { test_only_let_checks_throw(true); }
  void TearDown() override { test_only_let_checks_throw(false); }
};

TEST_P(PlantedBug, IsFoundAndItsSeedReplays) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Outcome found = simulate(seed, GetParam());
    if (found.violation.empty()) continue;
    std::cout << "[ figures] planted bug found by seed " << seed << ": " << found.violation << "\n";
    const Outcome again = simulate(seed, GetParam());
    EXPECT_EQ(again.violation, found.violation);
    EXPECT_EQ(again.steps, found.steps);
    return;
  }
  FAIL() << "no seed of " << kSeeds << " found it";
}

std::string plant_name(const ::testing::TestParamInfo<Plant>& info) {
  switch (info.param) {
    case Plant::kNoFence:
      return "NoFence";
    case Plant::kNoAttemptWrite:
      return "NoAttemptWrite";
    case Plant::kResendWithoutDedup:
      return "ResendWithoutDedup";
    case Plant::kNone:
      break;
  }
  return "None";
}

INSTANTIATE_TEST_SUITE_P(Simulator, PlantedBug,
                         ::testing::Values(Plant::kNoFence, Plant::kNoAttemptWrite,
                                           Plant::kResendWithoutDedup),
                         plant_name);

}  // namespace
}  // namespace msgq::sim
