#include "transport/postgres/postgres_store.h"

#include <utility>

#include "transport/postgres/connection.h"

namespace msgq::test {
namespace {

using transport::postgres::Connection;
using transport::postgres::with_schema;

// The store's time is what the session that asks was told last.
constexpr char kTestClock[] = R"(
create or replace function :schema.clock() returns timestamptz language sql volatile as $$
  select to_timestamp(current_setting('msgq.test_ms')::bigint / 1000.0)
$$;
create or replace function :schema.set_test_clock(p_ms bigint) returns void language sql as $$
  select set_config('msgq.test_ms', p_ms::text, false)
$$;)";

}  // namespace

PostgresStoreUnderTest::PostgresStoreUnderTest(Config config)
    : config_(std::move(config)), runtime_(make_thread_runtime(clock)) {
  config_.dsn = pg_url();
  config_.schema = schema_.name();
  options_.reclaim.second_look_max = std::chrono::milliseconds(0);
  options_.reclaim.heartbeat = options_.reclaim.death_look = std::chrono::milliseconds(0);
  // Unmoved by steps of the clients' wall clock, as a server on another machine is.
  options_.before = [this](Connection& connection) {
    transport::postgres::Params params;
    params.integer(store_ms());
    connection.call("set_test_clock", params);
  };
  transport::postgres::prepare_schema(config_.dsn, config_.schema, true);
  run(kTestClock);
}

std::int64_t PostgresStoreUnderTest::store_ms() {
  return FakeClock::kWallStartMs + clock.boot_ms() - boot_start_ms_;
}

std::unique_ptr<transport::Transport> PostgresStoreUnderTest::join() {
  return std::make_unique<transport::PostgresTransport>(config_, World{clock, random, *runtime_},
                                                        log, options_);
}

void PostgresStoreUnderTest::kill(transport::Transport& process) {
  const int number = dynamic_cast<transport::PostgresTransport&>(process).test_only_kill();
  // The server ends the session in its own time: here it has.
  run("select pg_advisory_xact_lock_shared(:schema.space(), " + std::to_string(number) + ")");
}

void PostgresStoreUnderTest::damage() {
  run("update :schema.block set frames = decode(repeat('00', length(frames)), 'hex')");
}

void PostgresStoreUnderTest::scratch() {
  run("update :schema.block set frames = set_byte(frames, 8, 126)");
}

void PostgresStoreUnderTest::run(const std::string& sql) {
  pg_run(with_schema(sql, config_.schema));
}

}  // namespace msgq::test
