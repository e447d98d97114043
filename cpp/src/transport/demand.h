// Who wants messages. The claimer asks its demand sources how much they have room for and hands
// them what it got; they live in another room and are given to it by the engine.
//
// Threads: called by the writer thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "msgq/error.h"
#include "transport/held.h"

namespace msgq {

struct Demand {
  std::string queue;
  std::uint32_t count_max = 0;
  std::int64_t lease_ms = 0;
  bool is_renewed = true;
  bool is_urgent = false;    // ask the store although no hint came
  bool is_exact = false;     // not one more than count_max: somebody asked for so many
  bool continues = false;    // shares the room of the demand before it
  std::uint64_t ticket = 0;  // means something to the source only
};

class DemandSource {
 public:
  virtual ~DemandSource() = default;
  virtual void demands(std::vector<Demand>& out, Nanos now) = 0;
  // Takes over a claim made for `demand`. False: not wanted any more, give it back.
  virtual bool deliver(const Demand& demand, const HeldPtr& held) = 0;
  // The store was asked for `demand`; everything it gave has been delivered.
  virtual void answered(const Demand& demand) = 0;
  // Called whenever the writer looks. Returns when it should look again at the latest.
  virtual Nanos tick(Nanos) { return kNever; }
  // The store is given up; nothing will be delivered any more.
  virtual void give_up(const Error& error) = 0;
};

}  // namespace msgq
