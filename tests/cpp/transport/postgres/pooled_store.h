// The store of postgres_store.h behind PgBouncer in transaction mode: its processes have no lock,
// and the store's clock is a row, as no session keeps anything.
//
// Threads: one at a time unless a test says otherwise.
#pragma once

#include "base/mutex.h"
#include "transport/postgres/postgres_store.h"

namespace msgq::test {

class PooledStoreUnderTest final : public PostgresStoreUnderTest {
 public:
  explicit PooledStoreUnderTest(const Config& config);

  void kill(transport::Transport& process) override;

 private:
  void set_clock();

  Mutex mutex_;
  std::int64_t set_ms_ MSGQ_GUARDED_BY(mutex_) = 0;
};

}  // namespace msgq::test
