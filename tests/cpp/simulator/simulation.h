// One seed of the simulator: several processes on one store in virtual time, faults by the seed's
// weather, then calm until everything is settled; every exchange is checked against the model.
//
// Threads: one. Source: the deterministic simulators of FoundationDB (SIGMOD 2021) and TigerBeetle.
#pragma once

#include <cstdint>
#include <string>

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
};

// The same seed and plant always give the same outcome.
Outcome simulate(std::uint64_t seed, Plant plant = Plant::kNone);

}  // namespace msgq::sim
