// One connection to the server, and the only file that speaks libpq's asynchronous calls:
// statements go out in pipelines, answers come back in order, and no wait is without an end.
//
// Threads: one at a time.
#pragma once

#include <libpq-fe.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fork.h"
#include "base/log.h"
#include "transport/postgres/connection_spec.h"
#include "transport/postgres/dial.h"
#include "transport/postgres/params.h"
#include "transport/postgres/rows.h"

namespace msgq::transport::postgres {

class Connection {
 public:
  // Connects. Throws kStoreUnavailable, kConfigInvalid (nothing will help but another URL).
  Connection(const ConnectionSpec& spec, Log& log);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // One function of the schema in a transaction of its own, READ COMMITTED whatever the role's
  // default is.
  Rows call(const char* function, const Params& params = {});
  // A statement without parameters, by itself.
  Rows ask(const char* name, const char* sql);

  // Queues a function of the schema, or a statement without parameters. Those between two syncs are
  // sent at once and run in order.
  void send(const char* function, const Params& params = {});
  void send_statement(const char* name, const char* sql);
  void sync();
  // A transaction around what is sent between them; commit() syncs. What lies between two syncs is
  // one transaction anyway, so where the session itself is READ COMMITTED neither sends anything.
  void begin();
  void commit();
  // The answers to them; what was committed is known only behind the second.
  void receive_begin();
  void receive_commit();
  // After a Refusal, and the answers were skipped: leaves the transaction that failed.
  void rollback();
  // Between them all that is called sees the store as it was at the first of it, and changes
  // nothing. See Snapshot.
  void begin_snapshot();
  void end_snapshot() noexcept;
  // The answer to the next statement. Throws a Refusal: the transaction did nothing; the answers up
  // to the next sync are to be skipped with skip_to_sync(). Throws kStoreInDoubt when the
  // connection is lost or silent, or the server ended it.
  Rows receive();
  void receive_sync();
  void skip_to_sync() noexcept;

  // Whether it may be used, for whoever is about to: it is not lost, not too old and not ended by
  // the server as far as is known here; and when nobody used it for long, the server answers.
  bool is_fit() noexcept;
  // Whether it is known to be fit without asking the server.
  bool is_fresh() const;
  // Sends what was queued, and waits at most so long for the first answer to it. False: not yet.
  // What goes wrong is told by receive().
  bool await(Nanos most);

  PGconn* raw() { return connection_.get(); }
  bool is_broken() const { return is_broken_; }
  // Each transaction may run in another session of the server: nothing of a session is used.
  bool is_pooled() const { return is_pooled_; }
  const std::string& schema() const { return spec_.schema; }

 private:
  // What the server is still to answer, in order.
  struct Pending {
    enum class Kind { kPrepare, kQuery, kSync } kind;
    const char* name;
  };
  bool has_pooler();
  // A transaction must be begun and ended in words.
  bool is_spoken() const { return is_pooled_ && !is_in_snapshot_; }
  std::string call_text(const char* function, int params) const;
  void send_unnamed(const char* name, const std::function<std::string()>& text,
                    const Params& params);
  void settle_session();
  void guard_session();
  void receive_sync(Nanos until);
  void send_prepared(const char* name, const std::string& sql, const Params& params);
  // False when nothing came until then.
  bool wait(bool writes, Nanos until);
  bool is_too_old(Nanos at) const;
  bool was_ended();
  void flush(Nanos until);
  Result next(Nanos until);
  Result finish(Nanos until);
  void prepared(Result result, const char* name);
  [[noreturn]] void refuse(const PGresult* result);
  [[noreturn]] void lose(const std::string& why);
  static void notice(void* self, const PGresult* result);

  const ConnectionSpec spec_;
  Log& log_;
  const Nanos made_at_;
  Handle connection_;
  const ClosedInChild in_child_;  // a session ends with its process, whoever it forked
  std::set<std::string> prepared_;
  std::map<std::string, std::string, std::less<>> texts_;  // of what is sent without a name
  std::deque<Pending> pending_;
  Nanos used_at_;
  bool is_broken_ = false;
  bool is_pooled_ = false;
  bool is_in_snapshot_ = false;
};

// A reader's view of one moment, while it lives: what moves from table to table meanwhile is seen
// once.
class Snapshot {
 public:
  explicit Snapshot(Connection& connection) : connection_(connection) {
    connection_.begin_snapshot();
  }
  ~Snapshot() { connection_.end_snapshot(); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

 private:
  Connection& connection_;
};

// Replaces :schema by the name.
std::string with_schema(std::string_view sql, std::string_view schema);

}  // namespace msgq::transport::postgres
