#include "transport/postgres/connection.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "msgq/error.h"
#include "transport/postgres/failure.h"
#include "transport/sql_text.h"

namespace msgq::transport::postgres {
namespace {

constexpr int kBinary = 1;

std::string_view field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text != nullptr ? text : "";
}

Nanos now() { return system_clock().steady(); }

// The server ended the session, or says itself that it does not know: the transaction may have been
// committed just before.
bool is_unknown(const PGresult* result) {
  const std::string_view severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  return severity == "FATAL" || severity == "PANIC" ||
         is_outcome_unknown(field(result, PG_DIAG_SQLSTATE));
}

Refusal refused(const PGresult* result) {
  return refusal(field(result, PG_DIAG_SQLSTATE), field(result, PG_DIAG_MESSAGE_PRIMARY),
                 field(result, PG_DIAG_MESSAGE_DETAIL));
}

}  // namespace

std::string with_schema(std::string_view sql, std::string_view schema) {
  constexpr std::string_view kToken = ":schema";
  std::string out;
  for (std::size_t from = 0;;) {
    const std::size_t at = sql.find(kToken, from);
    out += sql.substr(from, at - from);
    if (at == sql.npos) return out;
    out += schema;
    from = at + kToken.size();
  }
}

Connection::Connection(const ConnectionSpec& spec, Log& log) : spec_(spec), log_(log) {
  connect();
  in_child_.emplace(PQsocket(connection_.get()));
  PQsetNoticeReceiver(connection_.get(), &Connection::notice, this);
  if (PQsetnonblocking(connection_.get(), 1) != 0 || PQenterPipelineMode(connection_.get()) != 1)
    throw no_connection(PQerrorMessage(connection_.get()));
}

Connection::~Connection() = default;

// What the URL says wins over the first four, not over the rest.
void Connection::connect() {
  const std::string application = "msgq " + spec_.role;
  const std::array<std::array<const char*, 2>, 9> settings{{
      {"keepalives_idle", "10"},
      {"keepalives_interval", "5"},
      {"keepalives_count", "2"},
      {"tcp_user_timeout", "20000"},
      {"dbname", spec_.dsn.c_str()},
      {"application_name", application.c_str()},
      {"client_encoding", "UTF8"},
      {"options", nullptr},
      {nullptr, nullptr},
  }};
  std::vector<const char*> names, values;
  for (const auto& [name, value] : settings) {
    if (name != nullptr && value == nullptr) continue;
    names.push_back(name);
    values.push_back(value);
  }
  connection_.reset(PQconnectStartParams(names.data(), values.data(), 1));
  if (!connection_) throw Error(ErrorCode::kStoreUnavailable, "PostgreSQL: out of memory");
  PQsetErrorVerbosity(connection_.get(), PQERRORS_VERBOSE);  // with the SQLSTATE
  const Nanos until = now() + spec_.connect_timeout;
  for (PostgresPollingStatusType state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;
       state = PQconnectPoll(connection_.get())) {
    if (state == PGRES_POLLING_FAILED || PQstatus(connection_.get()) == CONNECTION_BAD)
      throw no_connection(PQerrorMessage(connection_.get()));
    if (!wait(state == PGRES_POLLING_WRITING, until))
      throw Error(ErrorCode::kStoreUnavailable, "PostgreSQL: no connection within " +
                                                    std::to_string(spec_.connect_timeout.count()) +
                                                    " ms");
  }
  PQsetErrorVerbosity(connection_.get(), PQERRORS_DEFAULT);
}

void Connection::notice(void* self, const PGresult* result) {
  const std::string_view severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity != "WARNING") return;
  static_cast<Connection*>(self)->log_.write(
      LogLevel::kWarning, "PostgreSQL: " + std::string(field(result, PG_DIAG_MESSAGE_PRIMARY)));
}

void Connection::lose(const std::string& why) {
  is_broken_ = true;
  throw Error(ErrorCode::kStoreInDoubt, "PostgreSQL: the connection was lost: " + why);
}

bool Connection::wait(bool writes, Nanos until) {
  pollfd poll_on{PQsocket(connection_.get()),
                 static_cast<short>(writes ? POLLIN | POLLOUT : POLLIN), 0};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now()).count();
    if (left <= 0) return false;
    const int ready = poll(&poll_on, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

void Connection::send(const char* function, const Params& params) {
  std::string sql;
  if (prepared_.count(function) == 0) {
    constexpr std::string_view kToken = ":function";
    sql = with_schema(sql::postgres::kCall, spec_.schema);
    sql.replace(sql.find(kToken), kToken.size(), function);
    sql += "(";
    for (int i = 1; i <= params.count(); ++i) sql += (i > 1 ? ", $" : "$") + std::to_string(i);
    sql += ")";
  }
  send_prepared(function, sql, params);
}

void Connection::send_statement(const char* name, const char* sql) {
  send_prepared(name, with_schema(sql, spec_.schema), {});
}

void Connection::send_prepared(const char* name, const std::string& sql, const Params& params) {
  PGconn* connection = connection_.get();
  if (is_broken_) lose("it is not used any more");
  if (prepared_.insert(name).second) {
    if (PQsendPrepare(connection, name, sql.c_str(), params.count(), params.types().data()) != 1)
      lose(PQerrorMessage(connection));
    pending_.push_back({Pending::Kind::kPrepare, name});
  }
  const auto values = params.pointers();
  const auto lengths = params.lengths();
  const std::vector<int> formats(values.size(), kBinary);
  if (PQsendQueryPrepared(connection, name, params.count(), values.data(), lengths.data(),
                          formats.data(), kBinary) != 1)
    lose(PQerrorMessage(connection));
  pending_.push_back({Pending::Kind::kQuery, name});
}

void Connection::sync() {
  if (PQpipelineSync(connection_.get()) != 1) lose(PQerrorMessage(connection_.get()));
  pending_.push_back({Pending::Kind::kSync, nullptr});
}

void Connection::flush(Nanos until) {
  for (;;) {
    const int left = PQflush(connection_.get());
    if (left == 0) return;
    if (left < 0 || !wait(true, until)) lose("it takes nothing more");
    if (PQconsumeInput(connection_.get()) != 1) lose(PQerrorMessage(connection_.get()));
  }
}

// The next result, nullptr at the end of a statement's.
Result Connection::next(Nanos until) {
  flush(until);
  while (PQisBusy(connection_.get()) == 1) {
    if (!wait(false, until)) lose("the server says nothing");
    if (PQconsumeInput(connection_.get()) != 1) lose(PQerrorMessage(connection_.get()));
  }
  return Result(PQgetResult(connection_.get()));
}

// The only result of a statement.
Result Connection::finish(Nanos until) {
  Result result = next(until);
  if (!result) lose("an answer is missing");
  if (PQstatus(connection_.get()) == CONNECTION_BAD) lose(PQerrorMessage(connection_.get()));
  if (next(until) != nullptr) lose("an answer too many");
  return result;
}

void Connection::refuse(const PGresult* result) {
  if (is_unknown(result)) lose(refused(result).what());
  throw refused(result);
}

void Connection::prepared(Result result, const char* name) {
  if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) return;
  prepared_.erase(name);
  if (PQresultStatus(result.get()) != PGRES_PIPELINE_ABORTED) refuse(result.get());
}

Rows Connection::receive() {
  const Nanos until = now() + spec_.silence_max;
  for (;;) {
    const Pending pending = pending_.front();
    Result result = finish(until);
    pending_.pop_front();
    if (pending.kind == Pending::Kind::kPrepare) {
      prepared(std::move(result), pending.name);
      continue;
    }
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) refuse(result.get());
    return Rows(std::move(result));
  }
}

void Connection::receive_sync() {
  const Result result = next(now() + spec_.silence_max);
  if (PQresultStatus(result.get()) != PGRES_PIPELINE_SYNC) lose("the answers are out of step");
  pending_.pop_front();
}

void Connection::skip_to_sync() noexcept {
  try {
    if (pending_.empty()) return;  // what failed was a call() within the answers
    while (!is_broken_ && pending_.front().kind != Pending::Kind::kSync) {
      const Result result = finish(now() + spec_.silence_max);
      if (pending_.front().kind == Pending::Kind::kPrepare &&
          PQresultStatus(result.get()) != PGRES_COMMAND_OK)
        prepared_.erase(pending_.front().name);
      pending_.pop_front();
    }
    if (!is_broken_) receive_sync();
  } catch (const Error&) {
    is_broken_ = true;  // whoever uses it next is told
  }
}

void Connection::begin() { send_statement("begin", sql::postgres::kBegin); }

void Connection::commit() {
  send_statement("commit", sql::postgres::kCommit);
  sync();
}

void Connection::rollback() {
  send_statement("rollback", sql::postgres::kRollback);
  sync();
  skip_to_sync();
}

Rows Connection::call(const char* function, const Params& params) {
  begin();
  send(function, params);
  commit();
  try {
    receive();  // begin
    Rows rows = receive();
    receive();  // commit
    receive_sync();
    return rows;
  } catch (const Refusal&) {
    skip_to_sync();
    rollback();
    throw;
  }
}

}  // namespace msgq::transport::postgres
