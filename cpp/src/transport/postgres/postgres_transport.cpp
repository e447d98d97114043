#include "transport/postgres/postgres_transport.h"

#include <algorithm>
#include <utility>

#include "base/fork.h"
#include "transport/postgres/look.h"
#include "transport/postgres/schema.h"

namespace msgq::transport {
namespace {

constexpr Capability kPostgres{
    .scheme = "postgresql",
    .is_durable = true,
    .is_shared = true,
    .has_single_writer = false,
    .can_look = true,
    .can_backup = false,
    .can_delay = true,
    .can_extend = true,
    .can_prove_death = true,
};

postgres::ConnectionSpec spec_of(const Config& config) {
  postgres::validate_schema_name(config.schema);
  postgres::ConnectionSpec out;
  out.dsn = config.dsn;
  out.schema = config.schema;
  out.connect_timeout = config.connect_timeout;
  out.max_age = config.max_age;
  out.health_interval = config.health_interval;
  return out;
}

// Writers and presence are always there; what is left is for looks.
postgres::PoolRules pool_rules_of(const Config& config) {
  return {config.pool_size, config.writers + 1, config.pool_wait, config.idle_timeout};
}

Capability capability_of(const Config& config) {
  Capability out = kPostgres;
  out.has_single_writer = config.writers == 1;
  return out;
}

postgres::Rules rules_of(const Config& config, const PostgresOptions& options) {
  postgres::Rules rules;
  rules.strict_queues = config.strict_queues;
  rules.reclaim = options.reclaim;
  rules.reclaim.crashes_max = config.crashes_max;
  return rules;
}

postgres::ConnectionSpec with_role(postgres::ConnectionSpec spec, const char* role) {
  spec.role = role;
  return spec;
}

// A producer is told in time that nothing is known, also when the server says nothing.
postgres::ConnectionSpec writer_spec(postgres::ConnectionSpec spec, const Config& config) {
  constexpr std::chrono::milliseconds kLeast{1'000};
  spec.silence_max = std::clamp(config.enqueue_timeout, kLeast, spec.silence_max);
  return spec;
}

}  // namespace

std::unique_ptr<Transport> open_postgres(const Config& config, World world, Log& log) {
  return std::make_unique<PostgresTransport>(config, world, log, PostgresOptions{});
}

PostgresTransport::PostgresTransport(const Config& config, World world, Log& log,
                                     PostgresOptions options)
    : fork_generation_(fork_generation()),
      world_(world),
      log_(log),
      spec_(spec_of(config)),
      rules_(rules_of(config, options)),
      writer_spec_(writer_spec(with_role(spec_, "writer"), config)),
      options_(std::move(options)),
      capability_(capability_of(config)) {
  postgres::prepare_schema(with_role(spec_, "starter"), log_, config.create_schema);
  presence_ = std::make_unique<postgres::Presence>(with_role(spec_, "presence"), log_,
                                                   rules_.reclaim.heartbeat);
  pool_ = std::make_unique<postgres::Pool>(with_role(spec_, "look"), pool_rules_of(config),
                                           world_.clock, log_);
  look_ = std::make_unique<postgres::PostgresLook>(*pool_, world_.clock, options_.before);
  presence_->on_beat = [this] { pool_->close_idle(); };
}

PostgresTransport::~PostgresTransport() {
  if (fork_generation() != fork_generation_) {  // its sockets are the parent's
    static_cast<void>(presence_.release());
    static_cast<void>(pool_.release());
    return;
  }
  presence_->stop();
  presence_->leave();
}

void PostgresTransport::end_within(Nanos most) {
  const Nanos now = system_clock().steady();
  spec_.shared->curfew.set(most >= kNever - now ? kNever : now + most);
  pool_->close();
}

std::unique_ptr<Session> PostgresTransport::open_session() {
  return std::make_unique<postgres::PostgresSession>(postgres::SessionParts{
      writer_spec_, world_.clock, world_.random, log_, rules_, *presence_, options_.before});
}

int PostgresTransport::test_only_kill() {
  presence_->test_only_kill();
  return presence_->process();
}

}  // namespace msgq::transport
