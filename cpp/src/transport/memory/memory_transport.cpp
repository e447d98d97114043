#include "transport/memory/memory_transport.h"

#include <utility>

#include "msgq/error.h"
#include "transport/dead_sweep.h"

namespace msgq::transport {
namespace {

using memory::Caller;
using memory::Graveyard;
using memory::MemoryStore;

constexpr Capability kMemory{
    .scheme = "memory",
    .is_durable = false,
    .is_shared = false,
    .has_single_writer = true,
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

class MemorySession final : public Session {
 public:
  MemorySession(std::shared_ptr<MemoryStore> store, std::uint64_t process)
      : store_(std::move(store)),
        caller_{process, store_->open_owner()},
        dead_sweep_(store_->dead_retention_ms()) {}
  ~MemorySession() override { MemorySession::close(); }

  void exchange(const Exchange& in, ExchangeResult& out) override {
    if (is_closed_) throw Error(ErrorCode::kClosed, "this session of the memory store is closed");
    store_->exchange(caller_, in, out, graveyard_);
    graveyard_.clear();
  }
  // Nothing can come between an exchange and its answer here, so there is never a doubt.
  bool resolve(ExchangeResult&) override { return false; }
  Nanos tidy(Nanos) override {
    return dead_sweep_.run(store_->steady(), [this](std::int64_t age_ms, std::uint32_t limit) {
      return store_->forget_dead(age_ms, limit);
    });
  }
  void close() noexcept override {
    if (!std::exchange(is_closed_, true)) store_->leave(caller_);
  }

 private:
  // fixed after construction
  const std::shared_ptr<MemoryStore> store_;
  const Caller caller_;
  // only the session's thread
  Graveyard graveyard_;
  DeadSweep dead_sweep_;
  bool is_closed_ = false;
};

class MemoryLook final : public Look {
 public:
  explicit MemoryLook(MemoryStore& store) : store_(store) {}

  std::vector<std::string> queues() override { return store_.queues(); }
  std::vector<QueueDepth> depth() override { return store_.depth(); }
  std::vector<FoundMessage> peek(std::string_view queue, std::string_view after,
                                 std::uint32_t limit) override {
    return store_.peek(queue, after, limit);
  }
  std::optional<FoundMessage> find(std::string_view queue, MessageId id) override {
    return store_.find(queue, id);
  }
  std::vector<FoundMessage> dead(std::string_view queue, std::string_view after,
                                 std::uint32_t limit) override {
    return store_.dead(queue, after, limit);
  }
  std::uint64_t redrive(std::string_view queue, const std::vector<MessageId>& ids) override {
    return store_.redrive(queue, ids);
  }
  std::uint64_t delete_dead(std::string_view queue, const std::vector<MessageId>& ids) override {
    return store_.delete_dead(queue, ids);
  }
  std::uint64_t edit_dead(std::string_view queue, const DeadEdit& edit) override {
    return store_.edit_dead(queue, edit);
  }
  std::uint64_t purge(std::string_view queue) override { return store_.purge(queue); }
  std::uint64_t cancel(std::string_view queue, const std::vector<MessageId>& ids) override {
    return store_.cancel(queue, ids);
  }
  std::uint64_t reschedule(std::string_view queue, const std::vector<MessageId>& ids,
                           std::int64_t due_ms) override {
    return store_.reschedule(queue, ids, due_ms);
  }
  QueueSettings settings(std::string_view queue) override { return store_.settings(queue); }
  void alter(std::string_view queue, const QueueChange& change) override {
    store_.alter(queue, change);
  }
  void delete_queue(std::string_view queue) override { store_.delete_queue(queue); }
  void rename_queue(std::string_view queue, std::string_view name) override {
    store_.rename_queue(queue, name);
  }
  bool subscribe(std::string_view queue, std::string_view name, const Start& start) override {
    return store_.subscribe(queue, name, start);
  }
  std::uint64_t seek(std::string_view subscription, const Start& start) override {
    return store_.seek(subscription, start);
  }
  void backup(const std::string&) override {
    throw Error(ErrorCode::kUnsupported,
                "memory:// cannot be backed up: it lives only in this process; use sqlite:///path");
  }
  std::uint64_t store_bytes() override { return store_.bytes(); }
  ConnectionFigures connections() override { return {}; }

 private:
  MemoryStore& store_;
};

}  // namespace

MemoryTransport::MemoryTransport(std::shared_ptr<MemoryStore> store)
    : store_(std::move(store)),
      process_(store_->join()),
      look_(std::make_unique<MemoryLook>(*store_)) {}

MemoryTransport::~MemoryTransport() { store_->retire(process_); }

const Capability& MemoryTransport::capability() const { return kMemory; }

std::unique_ptr<Session> MemoryTransport::open_session() {
  return std::make_unique<MemorySession>(store_, process_);
}

std::unique_ptr<Transport> open_memory(const Config& config, World world, Log& log) {
  log.write(LogLevel::kWarning,
            "memory:// keeps messages only in this process; all are lost when it ends");
  return std::make_unique<MemoryTransport>(std::make_shared<MemoryStore>(config, world.clock));
}

}  // namespace msgq::transport
