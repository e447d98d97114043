// Looks that may be some seconds old go to a replica, as long as it answers and is not too far
// behind; otherwise to the primary, and one line of the log says so. What was not found there is
// looked for on the primary.
//
// Threads: any; the state has one mutex, held while the replica is asked how far behind it is.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/mutex.h"
#include "transport/postgres/look.h"
#include "transport/postgres/pool.h"
#include "transport/transport.h"

namespace msgq::transport::postgres {

struct ReplicaParts {
  ConnectionSpec spec;
  PoolRules pool;
  std::chrono::milliseconds staleness_max;
  Clock& clock;
  Log& log;
  std::function<void(Connection&)> test_only_before;
};

class ReplicaLook final : public Look {
 public:
  // `primary` outlives it.
  ReplicaLook(ReplicaParts parts, Look& primary);

  std::vector<std::string> queues() override { return primary_.queues(); }
  std::vector<QueueDepth> depth() override;
  std::vector<FoundMessage> peek(std::string_view queue, std::string_view after,
                                 std::uint32_t limit) override;
  std::optional<FoundMessage> find(std::string_view queue, MessageId id) override;
  std::vector<FoundMessage> dead(std::string_view queue, std::string_view after,
                                 std::uint32_t limit) override;
  std::uint64_t redrive(std::string_view queue, const std::vector<MessageId>& ids) override {
    return primary_.redrive(queue, ids);
  }
  std::uint64_t edit_dead(std::string_view queue, const DeadEdit& edit) override {
    return primary_.edit_dead(queue, edit);
  }
  std::uint64_t delete_dead(std::string_view queue, const std::vector<MessageId>& ids) override {
    return primary_.delete_dead(queue, ids);
  }
  std::uint64_t purge(std::string_view queue) override { return primary_.purge(queue); }
  std::uint64_t cancel(std::string_view queue, const std::vector<MessageId>& ids) override {
    return primary_.cancel(queue, ids);
  }
  std::uint64_t reschedule(std::string_view queue, const std::vector<MessageId>& ids,
                           std::int64_t due_ms) override {
    return primary_.reschedule(queue, ids, due_ms);
  }
  QueueSettings settings(std::string_view queue) override { return primary_.settings(queue); }
  void alter(std::string_view queue, const QueueChange& change) override {
    primary_.alter(queue, change);
  }
  void delete_queue(std::string_view queue) override { primary_.delete_queue(queue); }
  void rename_queue(std::string_view queue, std::string_view name) override {
    primary_.rename_queue(queue, name);
  }
  bool subscribe(std::string_view queue, std::string_view name, const Start& start) override {
    return primary_.subscribe(queue, name, start);
  }
  std::uint64_t seek(std::string_view subscription, const Start& start) override {
    return primary_.seek(subscription, start);
  }
  void backup(const std::string& path) override { primary_.backup(path); }
  std::uint64_t store_bytes() override;
  ConnectionFigures connections() override { return primary_.connections(); }
  std::optional<std::int64_t> lag_ms() override;
  Pool& pool() { return pool_; }
  // As Transport.
  void end_within(Nanos most);

 private:
  enum class State { kUnknown, kUsed, kAway, kStale };
  template <typename Ask>
  auto ask(Ask ask);
  bool is_usable();
  std::optional<std::int64_t> read_lag() MSGQ_REQUIRES(mutex_);
  void become(State state, const std::string& why) MSGQ_REQUIRES(mutex_);

  // fixed after construction
  const ReplicaParts parts_;
  Look& primary_;
  Pool pool_;
  PostgresLook replica_;
  Mutex mutex_;
  // guarded by mutex_
  State state_ MSGQ_GUARDED_BY(mutex_) = State::kUnknown;
  std::optional<std::int64_t> lag_ms_ MSGQ_GUARDED_BY(mutex_);
  Nanos retry_at_ MSGQ_GUARDED_BY(mutex_){0};
};

}  // namespace msgq::transport::postgres
