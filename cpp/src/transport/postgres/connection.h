// One connection to the server, and the only file that speaks libpq's asynchronous calls:
// statements go out in pipelines, answers come back in order, and no wait is without an end.
//
// Threads: one at a time.
#pragma once

#include <libpq-fe.h>

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fork.h"
#include "base/log.h"
#include "transport/postgres/params.h"
#include "transport/postgres/rows.h"

namespace msgq::transport::postgres {

struct ConnectionSpec {
  std::string dsn;     // libpq's URI or keywords
  std::string schema;  // a plain lower-case name
  std::string role;    // of this connection, for application_name
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds silence_max{20'000};  // a server that says nothing for so long is gone
};

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

  // Queues a function of the schema, or a statement without parameters. Those between two syncs are
  // sent at once and run in order.
  void send(const char* function, const Params& params = {});
  void send_statement(const char* name, const char* sql);
  void sync();
  // A transaction around what is sent between them; commit() syncs.
  void begin();
  void commit();
  // After a Refusal, and the answers were skipped: leaves the transaction that failed.
  void rollback();
  // The answer to the next statement. Throws a Refusal: the transaction did nothing; the answers up
  // to the next sync are to be skipped with skip_to_sync(). Throws kStoreInDoubt when the
  // connection is lost or silent, or the server ended it.
  Rows receive();
  void receive_sync();
  void skip_to_sync() noexcept;

  PGconn* raw() { return connection_.get(); }
  bool is_broken() const { return is_broken_; }
  const std::string& schema() const { return spec_.schema; }

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  // What the server is still to answer, in order.
  struct Pending {
    enum class Kind { kPrepare, kQuery, kSync } kind;
    const char* name;
  };
  void connect();
  void send_prepared(const char* name, const std::string& sql, const Params& params);
  // False when nothing came until then.
  bool wait(bool writes, Nanos until);
  void flush(Nanos until);
  Result next(Nanos until);
  Result finish(Nanos until);
  void prepared(Result result, const char* name);
  [[noreturn]] void refuse(const PGresult* result);
  [[noreturn]] void lose(const std::string& why);
  static void notice(void* self, const PGresult* result);

  const ConnectionSpec spec_;
  Log& log_;
  std::unique_ptr<PGconn, Finish> connection_;
  std::optional<ClosedInChild> in_child_;  // a session ends with its process, whoever it forked
  std::set<std::string> prepared_;
  std::deque<Pending> pending_;
  bool is_broken_ = false;
};

// Replaces :schema by the name.
std::string with_schema(std::string_view sql, std::string_view schema);

}  // namespace msgq::transport::postgres
