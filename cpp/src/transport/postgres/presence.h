// The process on the store: its row, the lock that shows that it lives, its heartbeat, and the
// hints it gets and gives, all over one connection of its own. Also the transport's Wake.
// Behind a pooler it has no lock and hears no hints: its heart alone shows that it lives.
//
// Threads: wait() by one thread; the rest from any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/event.h"
#include "base/log.h"
#include "base/mutex.h"
#include "transport/postgres/connection.h"
#include "transport/postgres/outbox_watch.h"
#include "transport/postgres/server_clock.h"
#include "transport/transport.h"

namespace msgq::transport::postgres {

struct PresenceRules {
  std::chrono::milliseconds heartbeat{5'000};
  int lanes = 1;
  bool may_work = true;            // who may not refuses to listen()
  Clock* clock = &system_clock();  // with which the server's is compared
};

class Presence final : public Wake {
 public:
  // Called about as often as the heart beats, in the thread of wait().
  std::function<void()> on_beat;

  // Joins. Throws as Connection.
  Presence(ConnectionSpec spec, Log& log, const PresenceRules& rules);
  ~Presence() override;

  // The number of this process; another one when others took it for dead.
  int process() const { return process_.load(std::memory_order_acquire); }
  // Which lanes it appends to. Commits on one lane follow one another; processes that append at the
  // same time have lanes of their own.
  int shard() const { return shard_.load(std::memory_order_acquire); }
  // A queue was altered here: the sessions of this process look at its settings before they send.
  void note_altered() { altered_.fetch_add(1, std::memory_order_release); }
  std::uint64_t altered() const { return altered_.load(std::memory_order_acquire); }
  // As the connection was found when it was made last.
  bool is_pooled() const { return is_pooled_.load(std::memory_order_acquire); }
  // By which this store is told from every other; as store_name.sql says.
  const std::string& store_name() const { return store_name_; }
  // What the server's clock says, Unix ms.
  std::int64_t now_ms() const { return server_clock_.now_ms(); }
  // Joins again when others buried this process. Throws as Connection.
  void rejoin(int buried);
  // Leaves cleanly; afterwards nothing is done any more. Never throws.
  void leave() noexcept override;
  // As SIGKILL would: the session ends, the row stays.
  void test_only_kill();
  bool test_only_is_killed() const { return is_killed_.load(std::memory_order_acquire); }

  void listen() override;
  void hint() override;
  bool wait(Nanos timeout) override;
  void stop() override;

 private:
  void connect() MSGQ_REQUIRES(mutex_);
  void join() MSGQ_REQUIRES(mutex_);
  void keep_up() MSGQ_REQUIRES(mutex_);
  void start_listening() MSGQ_REQUIRES(mutex_);
  void beat() MSGQ_REQUIRES(mutex_);
  void compare_clocks() MSGQ_REQUIRES(mutex_);
  void take_hints() MSGQ_REQUIRES(mutex_);
  bool watch() MSGQ_REQUIRES(mutex_);
  void send_now() MSGQ_REQUIRES(mutex_);
  void send_hint() MSGQ_REQUIRES(mutex_);

  // fixed after construction
  const ConnectionSpec spec_;
  Log& log_;
  const PresenceRules rules_;
  const int event_;  // wakes wait()
  std::string store_name_;
  ServerClock server_clock_;  // compared under mutex_
  // guarded by mutex_
  Mutex mutex_;
  std::unique_ptr<Connection> connection_ MSGQ_GUARDED_BY(mutex_);
  OutboxWatch outbox_ MSGQ_GUARDED_BY(mutex_);
  Nanos beaten_at_ MSGQ_GUARDED_BY(mutex_){0};
  Nanos compared_at_ MSGQ_GUARDED_BY(mutex_){0};
  Nanos retry_at_ MSGQ_GUARDED_BY(mutex_){0};
  Nanos backoff_ MSGQ_GUARDED_BY(mutex_){0};
  Nanos hinted_at_ MSGQ_GUARDED_BY(mutex_){0};
  bool is_listening_ MSGQ_GUARDED_BY(mutex_) = false;
  bool has_heard_ MSGQ_GUARDED_BY(mutex_) = false;
  bool has_left_ MSGQ_GUARDED_BY(mutex_) = false;
  bool is_away_ MSGQ_GUARDED_BY(mutex_) = false;  // said so in the log
  // atomic
  std::atomic<int> process_{0}, shard_{0};
  std::atomic<bool> has_others_{false};     // who listen: nobody does, no hint
  std::atomic<std::int64_t> others_at_{0};  // when they are looked for again, if there were none
  std::atomic<bool> is_wanting_{false};     // of hints
  std::atomic<bool> is_killed_{false}, is_pooled_{false};
  std::atomic<std::uint64_t> altered_{0};
  std::atomic<bool> hints_{false}, is_stopped_{false};
  std::atomic<bool> is_served_{false};  // by a thread that waits
};

}  // namespace msgq::transport::postgres
