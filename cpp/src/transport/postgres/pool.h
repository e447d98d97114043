// The connections for looks: borrowed for a call by any thread, at most so many at once, first come
// first served. Whoever waits for one gives up in time; nobody holds one while it waits for
// another.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/event.h"
#include "base/log.h"
#include "base/mutex.h"
#include "msgq/stats.h"
#include "transport/postgres/connection.h"

namespace msgq::transport::postgres {

struct PoolRules {
  std::uint32_t total = 5;                  // connections of the process
  std::uint32_t reserved = 3;               // of them, those that are not the pool's
  std::chrono::milliseconds wait{5'000};    // for a connection, when all are in use
  std::chrono::milliseconds idle{600'000};  // one that nobody used for so long is closed; 0: never
};

class Pool {
 public:
  // A connection in somebody's hands; it goes back with the loan.
  class Loan {
   public:
    explicit Loan(Pool& pool) : pool_(pool) {}
    ~Loan();
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    // Connects when there is none, and drops one that is not fit. Throws as Connection.
    Connection& get();

   private:
    Pool& pool_;
    std::unique_ptr<Connection> connection_;
  };

  Pool(ConnectionSpec spec, PoolRules rules, Clock& clock, Log& log);

  // Calls `use` with a connection. Throws kStoreUnavailable when none became free in time, and as
  // Connection.
  template <typename Use>
  auto with(Use use) {
    const Nanos began = clock_.steady();
    take_turn(began + rules_.wait);
    Loan loan(*this);
    Connection& connection = loan.get();
    note_borrowed(clock_.steady() - began);
    return use(connection);
  }
  // Closes what nobody used for long. Called now and then.
  void close_idle();
  // Closes what is idle: the server that they lead to is gone.
  void drop_idle();
  // Closes what is idle, and from now on whatever comes back.
  void close();
  ConnectionFigures figures();

 private:
  struct Idle {
    std::unique_ptr<Connection> connection;
    Nanos since;
  };
  std::uint32_t size() const { return rules_.total - rules_.reserved; }
  void take_turn(Nanos until);
  bool is_turn(std::uint64_t ticket) MSGQ_REQUIRES(mutex_);
  void note_busy() MSGQ_REQUIRES(mutex_);
  void note_borrowed(Nanos took);

  // fixed after construction
  const ConnectionSpec spec_;
  const PoolRules rules_;
  Clock& clock_;
  Log& log_;
  Event freed_;  // a connection, or the first place of the line
  // guarded by mutex_
  Mutex mutex_;
  std::vector<Idle> idle_ MSGQ_GUARDED_BY(mutex_);  // the last used is the last
  std::deque<std::uint64_t> line_ MSGQ_GUARDED_BY(mutex_);
  std::uint64_t tickets_ MSGQ_GUARDED_BY(mutex_) = 0;
  std::uint32_t used_ MSGQ_GUARDED_BY(mutex_) = 0;
  bool is_closed_ MSGQ_GUARDED_BY(mutex_) = false;
  std::optional<Nanos> busy_at_ MSGQ_GUARDED_BY(mutex_);  // when it was nearly full the last time
  ConnectionFigures figures_ MSGQ_GUARDED_BY(mutex_);
};

}  // namespace msgq::transport::postgres
