// One simulated process: an engine on the shared store, producers and handler slots that use its
// non-blocking calls. It can be killed at any step, paused for longer than a lease, or closed.
//
// Threads: one. Services and actors are driven by the Simulation.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "conformance/store_under_test.h"
#include "engine_parts.h"
#include "simulator/model.h"
#include "simulator/sim_plan.h"
#include "simulator/sim_runtime.h"

namespace msgq::sim {

// What all processes of a seed share.
struct Stage {
  test::FakeClock& clock;
  test::FakeRandom& random;
  Model& model;
  const Weather& weather;
  Plant plant;
  test::StoreUnderTest& store;
  std::vector<std::string> queues;
  // Messages that producers still have to send, by queue.
  std::vector<std::uint32_t> to_send;
};

class SimProcess {
 public:
  SimProcess(Stage& stage, std::uint32_t number);
  ~SimProcess();

  // The services first, then producers and slots.
  std::size_t part_count() const { return runtime_.size() + actors_.size(); }
  Nanos ready_at(std::size_t part) const;
  void step(std::size_t part);

  bool has_crashed() const { return has_crashed_ || transport_->has_crashed(); }
  bool is_closing() const { return is_closing_; }
  bool is_closed() const { return is_closed_; }
  void kill();
  // Asks it to leave: no new claims; it goes when its slots are empty.
  void begin_close();
  Nanos paused_until{0};
  Engine& engine() { return *engine_; }

 private:
  struct Actor {
    std::function<Nanos(Nanos)> act;  // returns when it wants to act again
    Nanos wake_at{0};
  };
  struct Pending {
    ReceiptPtr receipt;
    std::vector<std::uint32_t> numbers;
  };
  struct Slot {
    bool is_async = false;
    LotPtr lot;
    Nanos finish_at{0};
    Nanos gap{0};
  };
  WorkerSpec make_spec();
  Nanos produce(Nanos now);
  void send(std::uint32_t queue);
  void look_at_receipts(bool is_over);
  Nanos run(Slot& slot, Nanos now);
  Nanos claim_by_hand(Nanos now);
  void begin(Slot& slot, Nanos now);
  void finish(Slot& slot);
  void run_one(const Lot& lot, std::uint32_t index);
  Decision decide(std::uint32_t index);
  void give_up_slots();
  Nanos try_close(Nanos now);

  Stage& stage_;
  const std::uint32_t number_;
  SimRuntime runtime_;
  test::FaultTransport* transport_ = nullptr;  // the engine's
  std::unique_ptr<Engine> engine_;
  Engine::WorkerPtr worker_;
  std::vector<Actor> actors_;
  std::vector<std::unique_ptr<Slot>> slots_;
  // Of somebody who claims by hand, under a lease that nobody renews.
  std::unique_ptr<ClaimWait> wait_;
  Slot hand_;
  std::vector<Pending> pending_;
  bool has_crashed_ = false;
  bool is_closing_ = false;
  bool is_closed_ = false;
  bool takes_ = true;
};

}  // namespace msgq::sim
