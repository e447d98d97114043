// The connection that writes: one exchange is one transaction, in the order append, park, settle,
// extend, claim, sent as one pipeline and answered in one round trip; the bodies of what was
// claimed follow in it, read without a lock. Promotion and reclaiming run before it, by themselves.
//
// Threads: as transport.h says.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/random.h"
#include "base/runtime.h"
#include "msgq/error.h"
#include "transport/dead_sweep.h"
#include "transport/postgres/claims.h"
#include "transport/postgres/connection.h"
#include "transport/postgres/directory.h"
#include "transport/postgres/failure.h"
#include "transport/postgres/glance.h"
#include "transport/postgres/once_filter.h"
#include "transport/postgres/order_params.h"
#include "transport/postgres/outbox.h"
#include "transport/postgres/presence.h"
#include "transport/postgres/promoter.h"
#include "transport/postgres/readers.h"
#include "transport/postgres/reclaim.h"
#include "transport/postgres/sweep.h"
#include "transport/transport.h"

namespace msgq::transport::postgres {

struct Rules {
  bool strict_queues = false;
  std::int64_t priority_aging_ms = 0;
  std::int64_t dead_retention_ms = 0;  // 0: they are kept
  bool may_work = true;                // a role that may only send leaves all else to others
  ReclaimRules reclaim;
};

// What a session gets from its transport; all of it outlives the session.
struct SessionParts {
  ConnectionSpec spec;
  Clock& clock;
  Random& random;
  Log& log;
  Rules rules;
  Presence& presence;
  // Tests: brings the store's clock to that of the test.
  std::function<void(Connection&)> test_only_before;
};

class PostgresSession final : public Session {
 public:
  explicit PostgresSession(SessionParts parts);
  ~PostgresSession() override { PostgresSession::close(); }

  void exchange(const Exchange& in, ExchangeResult& out) override;
  bool begin(const Exchange& in) override;
  bool await(Nanos most) override;
  bool resolve(ExchangeResult& out) override;
  Nanos tidy(Nanos budget) override;
  void close() noexcept override;

 private:
  // Rows of heard requests are folded into the totals so many at a time.
  static constexpr std::int64_t kSweepEvery = 256;

  struct Sent {
    bool is_once = false, is_bounded = false, is_append = false, is_park = false;
    bool is_release = false, is_exchange = false, is_claim = false, looks_due = false;
  };
  void check_usable();
  void connect();
  void open_owner();
  void exchange_all(const Exchange& in, ExchangeResult& out);
  bool is_ready_for(const Exchange& in) const;
  void note_time();
  void start(const Exchange& in, bool looks_due);
  void finish(const Exchange& in, ExchangeResult& out);
  void ask_first(const std::function<void()>& ask);
  void note_refusal(const Refusal& refusal);
  void look_at_readers(const Exchange& in);
  Glance glance(const Exchange& in, ExchangeResult& out);
  void answer_nothing(const Exchange& in, ExchangeResult& out);
  void note_due(std::int64_t due_in_ms, ExchangeResult& out);
  void do_chores(const Exchange& in, ExchangeResult& out);
  void look_at_acks(const Exchange& in, ExchangeResult& out);
  void prepare_queues(const Exchange& in);
  bool knows_directory() const;
  [[noreturn]] void tell_full(const Exchange& in);
  Sent send(const Exchange& in, bool looks_due);
  Sent send_fresh(const Exchange& in, bool looks_due);
  bool is_received(const Exchange& in, ExchangeResult& out);
  void receive(const Sent& sent, const Exchange& in, ExchangeResult& out);
  void read_answers(const Rows& rows, const Exchange& in, ExchangeResult& out);
  void deliver(const Rows& rows, ExchangeResult& out);
  bool give_up(const BadBlock& bad);
  void claim_again(const Exchange& in, ExchangeResult& out);
  void lose_owner();
  bool looks_due(const Exchange& in);
  void forget_server();
  void clear_away();
  Nanos sweep_dead(Nanos now);
  void sweep();
  void sweep_lanes();

  SessionParts parts_;
  // only the session's thread
  std::unique_ptr<Connection> connection_;
  Directory directory_;
  BlockCache cache_;
  Reclaimer reclaimer_;
  Glancer glancer_;
  Sweeper sweeper_;
  Promoter promoter_;
  DeadSweep dead_sweep_;
  Outbox outbox_;
  Readers readers_;
  Asker asker_;
  std::int64_t heard_gen_ = 0;     // the newest claim that we know of
  std::int64_t swept_ = 0;         // flushed rows up to this request are gone
  std::int64_t lost_owner_ = 0;    // of the connection before, to be closed; 0: none
  std::size_t asked_settles_ = 0;  // of the exchange in hand
  Sent sent_;
  OnceFilter once_;         // of the exchange in hand
  bool has_begun_ = false;  // its answer is still to come
  std::optional<Error> begin_error_;
  bool runs_suspect_ = false;
  bool has_parked_keys_ = false;  // of the queues of the claims that were just made
  bool is_in_doubt_ = false;
  bool is_closed_ = false;
  Nanos sweep_at_{0};
  bool has_connected_ = false;
  Nanos clear_at_{0};
  Nanos directory_at_{0};      // when its version was last looked at
  std::uint64_t altered_ = 0;  // alterations of queues here that it has seen
  std::int64_t due_looked_ms_ = 0;
  std::int64_t next_due_ms_ = 0;
  std::map<std::uint64_t, std::size_t> wish_of_gen_;  // of the present exchange
};

}  // namespace msgq::transport::postgres
