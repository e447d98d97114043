// How tests, the simulator and benchmarks of the core hand the engine a world and a transport of
// their own. Users get the machine's through Engine's constructor.
//
// Threads: as Engine.
#pragma once

#include <memory>
#include <vector>

#include "base/log.h"
#include "base/runtime.h"
#include "msgq/engine.h"
#include "transport/transport.h"

namespace msgq {

struct EngineParts {
  // `world` must outlive the engine.
  static std::unique_ptr<Engine> make(Config config, World world,
                                      std::unique_ptr<transport::Transport> transport);
  // From when on keys are slow, and messages that wait for others of theirs too many. REQUIRES:
  // nothing was delivered yet.
  static void test_only_limit_keys(Engine& engine, std::uint32_t waiting_max, Nanos slow);
  // Drops the engine as SIGKILL would: services stopped, nothing given back, nothing closed. The
  // session comes out so that its store can be told that its process is dead.
  static std::unique_ptr<transport::Session> test_only_kill(std::unique_ptr<Engine> engine);
};

}  // namespace msgq
