// A memory store's tables with one queue and one living process, and the calls its files are tested
// by.
//
// Threads: one at a time.
#pragma once

#include "conformance/harness.h"
#include "transport/memory/claim.h"
#include "transport/memory/promote.h"
#include "transport/memory/settle.h"
#include "transport/memory/state.h"

namespace msgq::transport::memory {

struct StateUnderTest {
  State state;
  Queue& queue = state.make_queue(test::kQueue);
  Band& band = state.make_band(queue, kPriorityNormal);
  Caller caller{state.draw(), state.draw()};
  Now now{1'000'000, 5'000};
  Graveyard graveyard;

  StateUnderTest() { state.processes[caller.process]; }

  BlockPtr append(std::uint32_t count) {
    const BlockPtr block = test::block_of(test::numbered(count));
    memory::append(state, queue, band.main, block);
    return block;
  }
  ClaimAnswer claim(std::uint32_t count_max, bool may_take_suspect = false) {
    std::vector<ClaimAnswer> out;
    claim_all(state, caller, {{test::kQueue, count_max, 0, 30'000, may_take_suspect, false}}, now,
              out);
    return std::move(out.at(0));
  }
};

}  // namespace msgq::transport::memory
