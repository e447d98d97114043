// The transport of memory:// URLs: sessions and looks on a MemoryStore.
//
// Threads: as transport.h says.
#pragma once

#include <memory>

#include "base/log.h"
#include "base/runtime.h"
#include "msgq/config.h"
#include "transport/memory/memory_store.h"
#include "transport/transport.h"

namespace msgq::transport {

// A store of its own, gone with the transport. `world` outlives it.
std::unique_ptr<Transport> open_memory(const Config& config, World world, Log& log);

// Joins a store that others share, as one more process.
class MemoryTransport final : public Transport {
 public:
  explicit MemoryTransport(std::shared_ptr<memory::MemoryStore> store);
  ~MemoryTransport() override;

  const Capability& capability() const override;
  std::unique_ptr<Session> open_session() override;
  Look& look() override { return *look_; }
  Wake* wake() override { return nullptr; }
  // As SIGKILL would: sessions refuse everything, claims stay open until somebody reclaims them.
  void test_only_kill() { store_->test_only_kill(process_); }

 private:
  // fixed after construction
  const std::shared_ptr<memory::MemoryStore> store_;
  const std::uint64_t process_;
  const std::unique_ptr<Look> look_;
};

}  // namespace msgq::transport
