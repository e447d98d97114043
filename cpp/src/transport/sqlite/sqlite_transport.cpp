#include "transport/sqlite/sqlite_transport.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/fork.h"
#include "msgq/error.h"
#include "transport/sqlite/schema.h"

namespace msgq::transport {
namespace {

constexpr Capability kSqlite{
    .scheme = "sqlite",
    .is_durable = true,
    .is_shared = true,
    .has_single_writer = true,
    .can_look = true,
    .can_backup = true,
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

constexpr Nanos kLeaveMax = std::chrono::seconds(2);  // what is not said, others see by the lock

sqlite::ConnectionSpec spec_of(const Config& config, const SqliteOptions& options) {
  return {config.path, options.vfs, config.durability, config.busy_timeout, false};
}

sqlite::Rules rules_of(const Config& config) {
  sqlite::Rules rules;
  rules.crashes_max = config.crashes_max;
  rules.block_count_max = config.batch_count_max;
  rules.block_bytes_max = config.batch_bytes_max;
  rules.strict_queues = config.strict_queues;
  rules.priority_aging_ms = config.priority_aging.count();
  rules.dead_retention_ms = config.dead_retention.count();
  return rules;
}

// Looks at a file that is there before anything is made beside it; a stranger's stays as it is.
std::string checked(const Config& config, const SqliteOptions& options, Clock& clock) {
  if (was_forked_in_hold())
    throw Error(ErrorCode::kClosed,
                "this process was forked while its parent was inside a store that did not answer, "
                "and SQLite cannot be used in it: start processes by spawn or forkserver");
  if (!options.vfs.empty()) return config.path;
  sqlite::refuse_inherited(config.path);
  sqlite::check_path(config.path);
  struct stat info {};
  if (stat(config.path.c_str(), &info) == 0 && info.st_size > 0) {
    auto spec = spec_of(config, options);
    spec.is_read_only = true;
    sqlite::Connection reader(spec, clock);
    sqlite::identify(reader, config.path);
  }
  return config.path;
}

}  // namespace

std::unique_ptr<Transport> open_sqlite(const Config& config, World world, Log& log) {
  const ForkHold hold;
  return std::make_unique<SqliteTransport>(config, world, log, SqliteOptions{});
}

SqliteTransport::SqliteTransport(const Config& config, World world, Log& log,
                                 const SqliteOptions& options)
    : fork_generation_(fork_generation()),
      world_(world),
      log_(log),
      spec_(spec_of(config, options)),
      enqueue_timeout_(config.enqueue_timeout),
      rules_(rules_of(config)),
      options_(options),
      boot_id_(options.boot_id.empty() ? sqlite::read_boot_id() : options.boot_id),
      side_file_(checked(config, options, world.clock)),
      process_(side_file_, world.random),
      gate_(side_file_, process_, world.clock),
      wake_(side_file_, process_) {
  {
    sqlite::Turn turn(gate_, spec_.busy_timeout);  // several processes may be making the file
    if (options.vfs.empty()) sqlite::create_private(spec_.path);
    sqlite::Connection writer(spec_, world.clock);
    if (sqlite3_db_readonly(writer.handle(), "main") == 1)
      throw Error(ErrorCode::kStoreRejected, "cannot write " + spec_.path + ": change its mode");
    sqlite::migrate(writer, spec_.path, process_);
    look_ = std::make_unique<sqlite::SqliteLook>(spec_, world.clock, log, rules_, gate_);
  }
  if (options.vfs.empty()) {
    identity_ = std::make_unique<sqlite::FileIdentity>(spec_.path);
    open_file_ = std::make_unique<sqlite::OpenFile>(spec_.path);
  }
  join();
}

SqliteTransport::~SqliteTransport() {
  wake_.stop();
  const ForkHold hold;
  leave();
  look_.reset();
}

void SqliteTransport::join() {
  const sqlite::ProcessRow self{process_.id(), boot_id_, sqlite::read_host(), getpid()};
  look_->write([&](sqlite::Store& store) {
    for (const auto& other : store.processes.others(self.id))
      if (other.boot_id != boot_id_ && process_.is_alive(other.id))
        throw Error(ErrorCode::kStoreRejected,
                    spec_.path + " is in use by another machine (" + other.host +
                        "): a store belongs to one machine at a time; use PostgreSQL to share it");
    store.processes.join(self, store.now.wall_ms);
  });
}

void SqliteTransport::leave() noexcept {
  if (is_killed_ || fork_generation() != fork_generation_) return;
  try {
    const auto leave_all = [&](sqlite::Store& store) {
      store.processes.leave(process_.id());
      store.readers.remove_process(process_.id());
    };
    look_->write(leave_all, std::min<Nanos>(spec_.busy_timeout, kLeaveMax));
  } catch (const std::exception& error) {
    // The lock is gone with us in any case: others will see it.
    log_.write(LogLevel::kWarning, std::string("leaving the store: ") + error.what());
  }
}

const Capability& SqliteTransport::capability() const { return kSqlite; }

std::unique_ptr<Session> SqliteTransport::open_session() {
  const ForkHold hold;
  sqlite::ConnectionSpec spec = spec_;
  // A write that waits longer than its senders do is of no use to them.
  spec.busy_timeout = std::min(spec_.busy_timeout, enqueue_timeout_);
  return std::make_unique<sqlite::SqliteSession>(sqlite::SessionParts{
      std::move(spec), world_.clock, world_.random, log_, rules_, gate_, process_, boot_id_,
      identity_.get(), options_.heartbeat, options_.second_look_max, &look_->connection_count()});
}

void SqliteTransport::test_only_kill() {
  is_killed_ = true;
  side_file_.drop();
}

}  // namespace msgq::transport
