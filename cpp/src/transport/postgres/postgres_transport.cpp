#include "transport/postgres/postgres_transport.h"

#include <algorithm>
#include <utility>

#include "base/fork.h"
#include "transport/postgres/look.h"
#include "transport/postgres/replica.h"
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
    .has_priorities = true,
    .has_keys = true,
    .has_dedup = true,
    .can_expire = true,
    .can_cancel = true,
    .can_pause = true,
    .has_subscriptions = true,
    .can_bound = true,
    .can_prove_death = true,
};

// Behind a pooler there is no session to hold a lock in.
constexpr Capability kPooled = [] {
  Capability out = kPostgres;
  out.can_prove_death = false;
  return out;
}();

postgres::ConnectionSpec spec_of(const Config& config) {
  postgres::validate_schema_name(config.schema);
  postgres::ConnectionSpec out;
  out.dsn = config.dsn;
  out.schema = config.schema;
  out.connect_timeout = config.connect_timeout;
  out.pooler = config.pgbouncer;
  out.max_age = config.max_age;
  out.health_interval = config.health_interval;
  return out;
}

postgres::ConnectionSpec replica_of(const Config& config) {
  postgres::ConnectionSpec out = spec_of(config);
  constexpr std::chrono::milliseconds kPatience{2'000};  // the primary is there for it
  out.dsn = config.read_dsn;
  out.role = "replica";
  out.connect_timeout = std::min(out.connect_timeout, kPatience);
  out.silence_max = kPatience;
  return out;
}

// Writers and presence are always there; what is left is for looks.
postgres::PoolRules pool_rules_of(const Config& config) {
  return {config.pool_size, config.writers + 1, config.pool_wait, config.idle_timeout};
}

Capability capability_of(Capability out, const Config& config) {
  out.has_single_writer = config.writers == 1;
  return out;
}

postgres::Rules rules_of(const Config& config, const PostgresOptions& options) {
  postgres::Rules rules;
  rules.strict_queues = config.strict_queues;
  rules.priority_aging_ms = config.priority_aging.count();
  rules.dead_retention_ms = config.dead_retention.count();
  rules.reclaim = options.reclaim;
  rules.reclaim.crashes_max = config.crashes_max;
  return rules;
}

postgres::ConnectionSpec with_role(postgres::ConnectionSpec spec, const char* role) {
  spec.role = role;
  return spec;
}

// Its session holds the lock that shows that the process lives: it is kept for as long as it lasts.
postgres::ConnectionSpec presence_spec(postgres::ConnectionSpec spec) {
  spec.role = "presence";
  spec.max_age = std::chrono::milliseconds(0);
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
      direct_(capability_of(kPostgres, config)),
      pooled_(capability_of(kPooled, config)) {
  postgres::prepare_schema(with_role(spec_, "starter"), log_, config.create_schema);
  rules_.may_work = postgres::may_work(with_role(spec_, "starter"), log_);
  presence_ = std::make_unique<postgres::Presence>(
      presence_spec(spec_), log_,
      postgres::PresenceRules{rules_.reclaim.heartbeat, static_cast<int>(config.lanes),
                              rules_.may_work, &world_.clock});
  pool_ = std::make_unique<postgres::Pool>(with_role(spec_, "look"), pool_rules_of(config),
                                           world_.clock, log_);
  auto look = std::make_unique<postgres::PostgresLook>(*pool_, world_.clock, options_.before);
  look->on_altered = [this] { presence_->note_altered(); };
  look_ = std::move(look);
  if (!config.read_dsn.empty())
    reader_ = std::make_unique<postgres::ReplicaLook>(
        postgres::ReplicaParts{replica_of(config), pool_rules_of(config), config.read_staleness_max,
                               world_.clock, log_, options_.before},
        *look_);
  presence_->on_beat = [this] {
    pool_->close_idle();
    if (reader_) reader_->pool().close_idle();
  };
}

PostgresTransport::~PostgresTransport() {
  if (fork_generation() != fork_generation_) {  // its sockets are the parent's
    static_cast<void>(presence_.release());
    static_cast<void>(pool_.release());
    static_cast<void>(reader_.release());
    return;
  }
  presence_->stop();
  presence_->leave();
}

const Capability& PostgresTransport::capability() const {
  return presence_->is_pooled() ? pooled_ : direct_;
}

void PostgresTransport::end_within(Nanos most) {
  const Nanos now = steady_now();
  spec_.shared->curfew.set(most >= kNever - now ? kNever : now + most);
  pool_->close();
  if (reader_) reader_->end_within(most);
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
