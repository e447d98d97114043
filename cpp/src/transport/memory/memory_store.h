// START HERE for the memory transport. One store in memory: everything is lost with it. An engine
// has one of its own; tests open several on one, which are then its processes.
//
// Threads: any. One mutex, held for about a microsecond an exchange; blocks are freed outside it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "msgq/config.h"
#include "transport/memory/promote.h"
#include "transport/memory/settle.h"
#include "transport/memory/state.h"
#include "transport/transport.h"

namespace msgq::transport::memory {

class MemoryStore {
 public:
  MemoryStore(const Config& config, Clock& clock);

  // A new process, alive until it leaves or is killed; an owner is one session of it.
  std::uint64_t join();
  std::uint64_t open_owner();
  // Does all of it or throws: kStoreFull (bounds), kNotFound (strict_queues), kClosed (killed);
  // then nothing has happened. `graveyard` is given what to free; clear it without a lock.
  void exchange(const Caller& caller, const Exchange& in, ExchangeResult& out,
                Graveyard& graveyard);
  // Gives back what the owner holds, uncounted.
  void leave(const Caller& caller);
  void retire(std::uint64_t process);
  // As SIGKILL would: the process is no more, its claims stay open until somebody reclaims.
  void test_only_kill(std::uint64_t process);

  // See Look.
  std::vector<std::string> queues();
  std::vector<QueueDepth> depth();
  std::vector<FoundMessage> peek(std::string_view queue, std::string_view after,
                                 std::uint32_t limit);
  std::optional<FoundMessage> find(std::string_view queue, MessageId id);
  std::vector<FoundMessage> dead(std::string_view queue, std::string_view after,
                                 std::uint32_t limit);
  std::uint64_t redrive(std::string_view queue, const std::vector<MessageId>& ids);
  std::uint64_t delete_dead(std::string_view queue, const std::vector<MessageId>& ids);
  std::uint64_t edit_dead(std::string_view queue, const DeadEdit& edit);
  std::uint32_t forget_dead(std::int64_t age_ms, std::uint32_t limit);
  std::int64_t dead_retention_ms() const { return dead_retention_ms_; }
  Nanos steady() { return clock_.steady(); }
  std::uint64_t purge(std::string_view queue);
  std::uint64_t cancel(std::string_view queue, const std::vector<MessageId>& ids);
  std::uint64_t reschedule(std::string_view queue, const std::vector<MessageId>& ids,
                           std::int64_t due_ms);
  QueueSettings settings(std::string_view queue);
  void alter(std::string_view queue, const QueueChange& change);
  void delete_queue(std::string_view queue);
  void rename_queue(std::string_view queue, std::string_view name);
  bool subscribe(std::string_view queue, std::string_view name, const Start& start);
  std::uint64_t seek(std::string_view subscription, const Start& start);
  std::uint64_t bytes();

 private:
  void check_caller(const Caller& caller) MSGQ_REQUIRES(mutex_);
  void check_queues(const Exchange& in) MSGQ_REQUIRES(mutex_);
  void check_bounds(const Exchange& in, const Exchange& fresh, const Now& at) MSGQ_REQUIRES(mutex_);
  void check_required(const Exchange& in, const std::vector<Duplicate>& duplicates)
      MSGQ_REQUIRES(mutex_);
  void settle_all(const Exchange& in, ExchangeResult& out, const Now& now, Graveyard& graveyard)
      MSGQ_REQUIRES(mutex_);
  std::vector<Duplicate> store_all(const Exchange& in, const Now& now) MSGQ_REQUIRES(mutex_);
  void append_all(const Exchange& in, const Now& now) MSGQ_REQUIRES(mutex_);
  Queue& require_queue(std::string_view name) MSGQ_REQUIRES(mutex_);
  Now now();

  // fixed after construction
  const std::uint64_t count_max_, bytes_max_;
  const bool strict_queues_;
  const std::int64_t dead_retention_ms_;
  const CrashRule crash_rule_;
  const BlockBounds block_bounds_;
  Clock& clock_;
  // guarded by mutex_
  Mutex mutex_;
  State state_ MSGQ_GUARDED_BY(mutex_);
};

}  // namespace msgq::transport::memory
