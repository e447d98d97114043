// Looks at a store and administers it over a connection of its own: reads see one snapshot and
// block nobody; changes are short transactions through the gate.
//
// Threads: any; one mutex, held for a call.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "base/fork.h"
#include "base/mutex.h"
#include "transport/sqlite/gate.h"
#include "transport/sqlite/store.h"
#include "transport/transport.h"

namespace msgq::transport::sqlite {

class SqliteLook final : public Look {
 public:
  SqliteLook(ConnectionSpec spec, Clock& clock, Log& log, const Rules& rules, Gate& gate);

  std::vector<std::string> queues() override;
  std::vector<QueueDepth> depth() override;
  std::vector<FoundMessage> peek(std::string_view queue, std::string_view after,
                                 std::uint32_t limit) override;
  std::optional<FoundMessage> find(std::string_view queue, MessageId id) override;
  std::vector<FoundMessage> dead(std::string_view queue, std::string_view after,
                                 std::uint32_t limit) override;
  std::uint64_t redrive(std::string_view queue, const std::vector<MessageId>& ids) override;
  std::uint64_t delete_dead(std::string_view queue, const std::vector<MessageId>& ids) override;
  std::uint64_t edit_dead(std::string_view queue, const DeadEdit& edit) override;
  std::uint64_t purge(std::string_view queue) override;
  std::uint64_t cancel(std::string_view queue, const std::vector<MessageId>& ids) override;
  std::uint64_t reschedule(std::string_view queue, const std::vector<MessageId>& ids,
                           std::int64_t due_ms) override;
  QueueSettings settings(std::string_view queue) override;
  void alter(std::string_view queue, const QueueChange& change) override;
  void delete_queue(std::string_view queue) override;
  void rename_queue(std::string_view queue, std::string_view name) override;
  bool subscribe(std::string_view queue, std::string_view name, const Start& start) override;
  std::uint64_t seek(std::string_view subscription, const Start& start) override;
  void backup(const std::string& path) override;
  std::uint64_t store_bytes() override;
  ConnectionFigures connections() override {
    ConnectionFigures out;
    out.used = connections_.load();
    return out;
  }

  // Runs `change` in a write transaction of this connection, for which it waits `most`.
  template <typename Change>
  auto write(Change change, Nanos most) {
    const ForkHold hold;
    MutexLock lock(mutex_);
    Transaction transaction(*store_, gate_, most);
    if constexpr (std::is_void_v<decltype(change(*store_))>) {
      change(*store_);
      transaction.commit();
    } else {
      auto out = change(*store_);
      transaction.commit();
      return out;
    }
  }
  template <typename Change>
  auto write(Change change) {
    return write(std::move(change), busy_timeout_);
  }
  std::atomic<std::uint64_t>& connection_count() { return connections_; }

 private:
  template <typename Read>
  auto read(Read read);
  template <typename Take>
  std::uint64_t step_by_step(const std::vector<MessageId>& ids, Take take);
  std::vector<std::string> subscriptions(std::string_view queue);

  // fixed after construction
  const ConnectionSpec spec_;
  const Nanos busy_timeout_;
  Gate& gate_;
  Clock& clock_;
  Mutex mutex_;
  std::unique_ptr<Store> store_;  // guarded by mutex_
  // atomic: a number for people
  std::atomic<std::uint64_t> connections_{1};
};

}  // namespace msgq::transport::sqlite
