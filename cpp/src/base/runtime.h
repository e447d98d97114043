// How background parts run. A Service does what is ready and says when it wants to look again; a
// Runtime decides who runs when: threads in production, one seeded loop in the simulator.
//
// Threads: a service's step() is called by one thread at a time; poke() from any thread.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/event.h"

namespace msgq {

class Service {
 public:
  virtual ~Service() = default;
  // Does what is ready now; must not wait for other services. Returns the steady time at which it
  // wants to run again at the latest (kNever: only when poked; zero: at once).
  virtual Nanos step() = 0;
  virtual const char* name() const = 0;
  void poke() { event_.signal(); }
  Event& event() { return event_; }

 private:
  Event event_;
};

class Runtime {
 public:
  virtual ~Runtime() = default;
  virtual void start(Service& service) = 0;
  // Returns once step() will not be called again. Not from inside a step().
  virtual void stop(Service& service) = 0;
};

// A thread for each service.
std::unique_ptr<Runtime> make_thread_runtime(Clock& clock);

// Everything the core gets from outside. References outlive the engine.
struct World {
  Clock& clock;
  class Random& random;
  Runtime& runtime;
};

}  // namespace msgq
