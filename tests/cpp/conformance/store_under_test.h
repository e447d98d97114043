// One store with several processes on it, as the conformance suite sees any transport. Each kind of
// store has a factory in factories.cpp; a later transport joins the suite with one more.
//
// Threads: one at a time unless a test says otherwise.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "base/log.h"
#include "base/runtime.h"
#include "support/fake_clock.h"
#include "support/fake_random.h"
#include "transport/transport.h"

namespace msgq::test {

class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  // One more process on the store.
  virtual std::unique_ptr<transport::Transport> join() = 0;
  // Ends a process as SIGKILL would: its sessions refuse from now on, its claims stay.
  virtual void kill(transport::Transport& process) = 0;
  // Spoils the stored bytes of every block of the store. Only of stores that hold bytes.
  virtual void damage() {}
  // Changes one byte of each, of its first message.
  virtual void scratch() {}
  // Takes them all away.
  virtual void lose_blocks() {}

  FakeClock clock;
  FakeRandom random{1};
  Log log;
};

struct StoreCase {
  const char* name;
  bool holds_bytes;  // a stored block can be damaged
  std::function<std::unique_ptr<StoreUnderTest>(const Config&)> open;
  bool is_pooled = false;  // nobody proves a death there, or hears a hint
};

inline void PrintTo(const StoreCase& store, std::ostream* out) { *out << store.name; }

// Every store this build has.
const std::vector<StoreCase>& store_cases();
// Those that hold bytes.
std::vector<StoreCase> durable_store_cases();
// Those whose processes have a session each.
std::vector<StoreCase> direct_store_cases();

}  // namespace msgq::test
