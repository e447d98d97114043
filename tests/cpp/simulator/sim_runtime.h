// Runs services without threads: a simulation asks which of them are ready and steps the one it
// chooses. Virtual time is the simulation's FakeClock.
//
// Threads: one.
#pragma once

#include <vector>

#include "base/runtime.h"

namespace msgq::sim {

class SimRuntime final : public Runtime {
 public:
  void start(Service& service) override { entries_.push_back({&service, ~service.event().key()}); }
  void stop(Service& service) override {
    std::erase_if(entries_, [&](const Entry& e) { return e.service == &service; });
  }

  std::size_t size() const { return entries_.size(); }
  // When the `index`-th service wants to run: zero when it was poked, kNever when only a poke
  // helps.
  Nanos ready_at(std::size_t index) const {
    const Entry& entry = entries_[index];
    return entry.service->event().key() != entry.key ? Nanos::zero() : entry.wake_at;
  }
  // One step of it. As with a thread, a poke during the step makes it ready again.
  void step(std::size_t index) {
    Entry& entry = entries_[index];
    entry.key = entry.service->event().key();
    entry.wake_at = entry.service->step();
  }

 private:
  struct Entry {
    Service* service;
    std::uint32_t key;  // of its event before the last step
    Nanos wake_at{0};
  };
  std::vector<Entry> entries_;
};

}  // namespace msgq::sim
