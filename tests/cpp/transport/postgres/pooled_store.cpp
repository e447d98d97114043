#include "transport/postgres/pooled_store.h"

namespace msgq::test {
namespace {

constexpr char kPooledClock[] = R"(
create table :schema.test_clock (ms bigint not null);
insert into :schema.test_clock values (0);
create or replace function :schema.clock() returns timestamptz language sql volatile as $$
  select to_timestamp(ms / 1000.0) from :schema.test_clock
$$;)";

}  // namespace

PooledStoreUnderTest::PooledStoreUnderTest(const Config& config) : PostgresStoreUnderTest(config) {
  this->config().dsn = pooled_url();
  // Only whom a test kills is late: nobody beats here.
  options().reclaim.late = std::chrono::hours(1);
  options().before = [this](transport::postgres::Connection&) { set_clock(); };
  run(kPooledClock);
}

void PooledStoreUnderTest::kill(transport::Transport& process) {
  const int number = dynamic_cast<transport::PostgresTransport&>(process).test_only_kill();
  run("update :schema.process set heartbeat_at = '-infinity' where id = " + std::to_string(number));
}

void PooledStoreUnderTest::set_clock() {
  MutexLock lock(mutex_);
  if (set_ms_ == store_ms()) return;
  set_ms_ = store_ms();
  run("update :schema.test_clock set ms = " + std::to_string(set_ms_));
}

}  // namespace msgq::test
