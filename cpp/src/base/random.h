// Randomness behind an interface, so that a simulation can replay it.
//
// Threads: system_random() from any thread; others as they say.
#pragma once

#include <cstdint>

namespace msgq {

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
  // Uniform in [0, bound). REQUIRES: bound > 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
};

// The kernel's generator.
Random& system_random();

}  // namespace msgq
