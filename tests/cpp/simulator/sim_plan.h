// What goes wrong in one simulated process: a seeded choice before each exchange, with the model
// watching the border of the store. Three bugs can be planted here, in the double, never in msgq.
//
// Threads: one.
#pragma once

#include <cstdint>

#include "simulator/model.h"
#include "support/fake_random.h"
#include "support/fault_transport.h"

namespace msgq::sim {

enum class Plant : std::uint8_t {
  kNone,
  kNoFence,            // a settle of a lost lease goes to whoever holds the messages now
  kNoAttemptWrite,     // the attempt number does not survive a lapse
  kResendWithoutDedup  // an exchange whose reply was lost is sent again without asking
};

// How stormy a seed is: once in so many exchanges (or steps); 0 is never.
struct Weather {
  std::uint32_t unavailable = 0, full = 0, doubt = 0, crash = 0;  // of exchanges
  std::uint32_t kill = 0, pause = 0, restart = 0;                 // of steps
};

class SimPlan final : public test::FaultPlan {
 public:
  SimPlan(test::FakeRandom& random, Model& model, const Weather& weather, Plant plant,
          std::uint32_t process)
      : random_(random), model_(model), weather_(weather), plant_(plant), process_(process) {}

  test::Fault choose(const transport::Exchange& in) override;
  bool delays_resolve() override { return weather_.doubt > 0 && !random_.one_in(4); }
  bool forgets_flushed() override { return plant_ == Plant::kResendWithoutDedup; }
  void before_commit(transport::Exchange& in) override;
  void after_commit(const transport::Exchange& asked, transport::ExchangeResult& out) override;
  void on_close() override { model_.closed(process_); }

 private:
  bool happens(std::uint32_t once_in) { return once_in > 0 && random_.one_in(once_in); }

  test::FakeRandom& random_;
  Model& model_;
  const Weather& weather_;
  const Plant plant_;
  const std::uint32_t process_;
};

}  // namespace msgq::sim
