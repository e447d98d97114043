// One seed of the simulator: several processes on one store in virtual time, faults by the seed's
// weather, then calm until everything is settled; every exchange is checked against the model.
//
// Threads: one. Source: the deterministic simulators of FoundationDB (SIGMOD 2021) and TigerBeetle.
#pragma once

#include <cstdint>
#include <string>

#include "conformance/store_under_test.h"
#include "simulator/sim_plan.h"

namespace msgq::sim {

struct Outcome {
  std::string violation;  // empty: the seed is clean
  std::uint64_t steps = 0;
  std::uint64_t crashes = 0;   // of processes, poison's included
  std::uint64_t messages = 0;  // stored
  Nanos virtual_time{0};
  Tally tally;
  std::uint64_t trace = 0;  // equal seeds give equal traces

  Outcome& operator+=(const Outcome& other) {
    steps += other.steps;
    crashes += other.crashes;
    messages += other.messages;
    virtual_time += other.virtual_time;
    tally += other.tally;
    return *this;
  }
};

// The same seed and plant always give the same outcome over the memory store, which is the usual.
Outcome simulate(std::uint64_t seed, Plant plant = Plant::kNone,
                 const test::StoreCase& store = test::store_cases().front());

}  // namespace msgq::sim
