#include "conformance/store_under_test.h"
#include "transport/memory/memory_transport.h"
#if MSGQ_WITH_SQLITE
#include "transport/sqlite/sqlite_store_under_test.h"
#endif
#if MSGQ_WITH_POSTGRES
#include "transport/postgres/pooled_store.h"
#include "transport/postgres/postgres_store.h"
#endif

namespace msgq::test {
namespace {

using transport::MemoryTransport;
using transport::memory::MemoryStore;

class MemoryStoreUnderTest final : public StoreUnderTest {
 public:
  explicit MemoryStoreUnderTest(const Config& config)
      : store_(std::make_shared<MemoryStore>(config, clock)) {}
  std::unique_ptr<transport::Transport> join() override {
    return std::make_unique<MemoryTransport>(store_);
  }
  void kill(transport::Transport& process) override {
    dynamic_cast<MemoryTransport&>(process).test_only_kill();
  }

 private:
  std::shared_ptr<MemoryStore> store_;
};

}  // namespace

const std::vector<StoreCase>& store_cases() {
  static const std::vector<StoreCase> cases = {
    {"memory", false,
     [](const Config& config) { return std::make_unique<MemoryStoreUnderTest>(config); }},
#if MSGQ_WITH_SQLITE
    {"sqlite", true,
     [](const Config& config) { return std::make_unique<SqliteStoreUnderTest>(config); }},
#endif
#if MSGQ_WITH_POSTGRES
    {"postgres", true,
     [](const Config& config) { return std::make_unique<PostgresStoreUnderTest>(config); }},
    {"postgres_pooled", true,
     [](const Config& config) { return std::make_unique<PooledStoreUnderTest>(config); }, true},
#endif
  };
  return cases;
}

std::vector<StoreCase> durable_store_cases() {
  std::vector<StoreCase> out;
  for (const auto& each : store_cases())
    if (each.holds_bytes) out.push_back(each);
  return out;
}

std::vector<StoreCase> direct_store_cases() {
  std::vector<StoreCase> out;
  for (const auto& each : store_cases())
    if (!each.is_pooled) out.push_back(each);
  return out;
}

}  // namespace msgq::test
