// START HERE for the PostgreSQL transport. Queues of many machines in one schema: a block is a row,
// an exchange a call of a function of the schema. See docs/postgresql.md and cpp/sql/postgres.
//
// Threads: as transport.h says.
#pragma once

#include <functional>
#include <memory>

#include "base/log.h"
#include "base/runtime.h"
#include "msgq/config.h"
#include "transport/postgres/pool.h"
#include "transport/postgres/presence.h"
#include "transport/postgres/replica.h"
#include "transport/postgres/session.h"
#include "transport/transport.h"

namespace msgq::transport {

// What only tests change.
struct PostgresOptions {
  postgres::ReclaimRules reclaim;
  std::function<void(postgres::Connection&)> before;
};

// Opens the store at config.dsn. `world` and `log` outlive it.
std::unique_ptr<Transport> open_postgres(const Config& config, World world, Log& log);

class PostgresTransport final : public Transport {
 public:
  PostgresTransport(const Config& config, World world, Log& log, PostgresOptions options);
  ~PostgresTransport() override;

  const Capability& capability() const override;
  std::unique_ptr<Session> open_session() override;
  Look& look() override { return *look_; }
  Look& reader() override { return reader_ ? *reader_ : *look_; }
  std::string store_name() override { return presence_->store_name(); }
  std::int64_t now_ms(Clock&) const override { return presence_->now_ms(); }
  Wake* wake() override { return presence_.get(); }
  void end_within(Nanos most) override;
  // As SIGKILL would: its lock is given up, its rows stay. The process's number.
  int test_only_kill();

 private:
  // fixed after construction
  const std::uint32_t fork_generation_;
  World world_;
  Log& log_;
  const postgres::ConnectionSpec spec_;
  postgres::Rules rules_;
  const postgres::ConnectionSpec writer_spec_;
  const PostgresOptions options_;
  const Capability direct_, pooled_;
  std::unique_ptr<postgres::Presence> presence_;
  std::unique_ptr<postgres::Pool> pool_;
  std::unique_ptr<Look> look_;
  std::unique_ptr<postgres::ReplicaLook> reader_;  // null: there is no replica
};

}  // namespace msgq::transport
