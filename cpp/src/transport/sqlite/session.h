// The connection that writes: one exchange is one transaction, in the order settle, extend, append,
// park, promote, reclaim, claim. After a failed sync it refuses everything until the store is
// reopened.
//
// Threads: as transport.h says.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "transport/dead_sweep.h"
#include "transport/sqlite/file_check.h"
#include "transport/sqlite/gate.h"
#include "transport/sqlite/reclaim.h"
#include "transport/sqlite/store.h"
#include "transport/transport.h"

namespace msgq::transport::sqlite {

// What a session gets from its transport; all of it outlives the session.
struct SessionParts {
  ConnectionSpec spec;
  Clock& clock;
  Random& random;
  Log& log;
  Rules rules;
  Gate& gate;
  ProcessLock& process;
  std::string boot_id;
  const FileIdentity* identity =
      nullptr;  // nullptr: the file is not one of the file system (tests)
  std::chrono::milliseconds heartbeat{5'000};
  std::chrono::milliseconds second_look_max = kSecondLookMax;
  std::atomic<std::uint64_t>* connections = nullptr;  // counts open ones, for people
};

class SqliteSession final : public Session {
 public:
  explicit SqliteSession(SessionParts parts);
  ~SqliteSession() override { SqliteSession::close(); }

  void exchange(const Exchange& in, ExchangeResult& out) override;
  bool resolve(ExchangeResult& out) override;
  Nanos tidy(Nanos budget) override;
  void close() noexcept override;

 private:
  void check_usable();
  void try_exchange(const Exchange& in, ExchangeResult& out);
  void run(const Exchange& in, ExchangeResult& out);
  void store_all(const Exchange& in);
  void empty_log();
  std::int64_t next_due_ms(const Exchange& in);
  void beat();
  Nanos sweep_dead(Nanos budget);
  void refuse_from_now(std::string why);
  void open_owner();

  SessionParts parts_;
  // only the session's thread
  std::unique_ptr<Store> store_;
  Reclaimer reclaimer_;
  DeadSweep dead_sweep_;
  std::int64_t owner_ = 0;
  std::int64_t request_ = 0;
  std::vector<Duplicate> duplicates_;  // of the present exchange
  std::uint32_t asked_settles_ = 0;    // of it
  std::int64_t gen_before_ = 0;        // the last number drawn before the present exchange
  std::string refused_;                // why nothing goes any more; empty: it goes
  bool is_in_doubt_ = false;
  bool is_closed_ = false;
  Nanos checked_at_{0};
  std::int64_t beaten_ms_ = 0;
  std::int64_t due_looked_ms_ = 0;
  std::int64_t next_due_ms_ = 0;
};

}  // namespace msgq::transport::sqlite
