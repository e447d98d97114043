// The process on the store: its row, the lock that shows that it lives, its heartbeat, and the
// hints it gets and gives, all over one connection of its own. Also the transport's Wake.
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
#include "transport/transport.h"

namespace msgq::transport::postgres {

class Presence final : public Wake {
 public:
  // Called about as often as the heart beats, in the thread of wait().
  std::function<void()> on_beat;

  // Joins. Throws as Connection.
  Presence(ConnectionSpec spec, Log& log, std::chrono::milliseconds heartbeat);
  ~Presence() override;

  // The number of this process; another one when others took it for dead.
  int process() const { return process_.load(std::memory_order_acquire); }
  // Joins again when others buried this process. Throws as Connection.
  void rejoin(int buried);
  // Leaves cleanly; afterwards nothing is done any more. Never throws.
  void leave() noexcept override;
  // As SIGKILL would: the session ends, the row stays.
  void test_only_kill();

  void hint() override;
  bool wait(Nanos timeout) override;
  void stop() override;

 private:
  void connect() MSGQ_REQUIRES(mutex_);
  void join() MSGQ_REQUIRES(mutex_);
  void keep_up() MSGQ_REQUIRES(mutex_);
  void beat() MSGQ_REQUIRES(mutex_);
  void take_hints() MSGQ_REQUIRES(mutex_);
  void send_now() MSGQ_REQUIRES(mutex_);
  void send_hint() MSGQ_REQUIRES(mutex_);

  // fixed after construction
  const ConnectionSpec spec_;
  Log& log_;
  const std::chrono::milliseconds heartbeat_;
  const int event_;  // wakes wait()
  // guarded by mutex_
  Mutex mutex_;
  std::unique_ptr<Connection> connection_ MSGQ_GUARDED_BY(mutex_);
  Nanos beaten_at_ MSGQ_GUARDED_BY(mutex_){0};
  Nanos retry_at_ MSGQ_GUARDED_BY(mutex_){0};
  Nanos backoff_ MSGQ_GUARDED_BY(mutex_){0};
  Nanos hinted_at_ MSGQ_GUARDED_BY(mutex_){0};
  bool has_others_ MSGQ_GUARDED_BY(mutex_) = false;
  bool has_heard_ MSGQ_GUARDED_BY(mutex_) = false;
  bool has_left_ MSGQ_GUARDED_BY(mutex_) = false;
  bool is_away_ MSGQ_GUARDED_BY(mutex_) = false;  // said so in the log
  // atomic
  std::atomic<int> process_{0};
  std::atomic<bool> hints_{false}, is_stopped_{false}, is_waiting_{false};
};

}  // namespace msgq::transport::postgres
