#include "transport/postgres/connection.h"

#include <poll.h>

#include <algorithm>

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

Connection::Connection(const ConnectionSpec& spec, Log& log)
    : spec_(spec),
      log_(log),
      made_at_(steady_now()),
      connection_(dial(spec_)),
      in_child_(PQsocket(connection_.get())),
      used_at_(steady_now()) {
  PQsetNoticeReceiver(connection_.get(), &Connection::notice, this);
  if (PQsetnonblocking(connection_.get(), 1) != 0 || PQenterPipelineMode(connection_.get()) != 1)
    throw no_connection(PQerrorMessage(connection_.get()));
  is_pooled_ = spec_.pooler == Pooler::kOn || (spec_.pooler == Pooler::kAuto && has_pooler());
  if (!is_pooled_) {
    settle_session();
    guard_session();
  }
  spec_.shared->tally.opened();
}

Connection::~Connection() { spec_.shared->tally.closed(is_broken_); }

// A pooler gives its clients keys of its own making for cancelling, in which the number of the
// backend is; the server itself knows the true one. See ADR 0017.
bool Connection::has_pooler() {
  is_pooled_ = true;  // until it is known
  try {
    return ask("backend", sql::postgres::kBackend).integer(0, 0) != PQbackendPID(raw());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kStoreInDoubt) throw;
    throw Error(ErrorCode::kStoreUnavailable, error.what());
  }
}

// A role may have another isolation level as its default.
void Connection::settle_session() {
  try {
    ask("settle", sql::postgres::kSettleSession);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kStoreInDoubt) throw;
    throw Error(ErrorCode::kStoreUnavailable, error.what());  // nothing was asked of it yet
  }
}

// A client that vanishes must not hold its lane for as long as the server's system would wait.
void Connection::guard_session() {
  try {
    ask("guard_session", sql::postgres::kGuardSession);
  } catch (const Refusal& refusal) {
    log_.write(LogLevel::kInfo,
               std::string("a client that vanishes is noticed late: ") + refusal.what());
  } catch (const Error& error) {
    throw Error(ErrorCode::kStoreUnavailable, error.what());  // nothing was asked of it yet
  }
}

// Processes that began together do not come back together.
bool Connection::is_too_old(Nanos at) const {
  const Nanos spread = spec_.max_age / 1'000 * (PQbackendPID(connection_.get()) % 100);
  return spec_.max_age.count() > 0 && at - made_at_ >= spec_.max_age - spread;
}

// Whether the server ended it while nobody used it: its last words, or the end, have arrived.
bool Connection::was_ended() {
  pollfd on{PQsocket(connection_.get()), POLLIN, 0};
  while (!is_broken_ && poll(&on, 1, 0) > 0) is_broken_ = PQconsumeInput(connection_.get()) == 0;
  return is_broken_;
}

bool Connection::is_fresh() const {
  const Nanos at = steady_now();
  return !is_broken_ && !is_too_old(at) && at - used_at_ < spec_.health_interval;
}

bool Connection::is_fit() noexcept {
  constexpr Nanos kTrialMax = std::chrono::seconds(5);
  const Nanos at = steady_now();
  if (is_broken_ || is_too_old(at)) return false;
  if (at - used_at_ < spec_.health_interval) return !was_ended();
  try {
    sync();
    receive_sync(at + std::min<Nanos>(kTrialMax, spec_.silence_max));
  } catch (const Error&) {
    return false;
  }
  return true;
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
  return wait_for(connection_.get(), writes, until, spec_.shared->curfew);
}

std::string Connection::call_text(const char* function, int params) const {
  constexpr std::string_view kToken = ":function";
  std::string sql = with_schema(sql::postgres::kCall, spec_.schema);
  sql.replace(sql.find(kToken), kToken.size(), function);
  sql += "(";
  for (int i = 1; i <= params; ++i) sql += (i > 1 ? ", $" : "$") + std::to_string(i);
  return sql + ")";
}

void Connection::send(const char* function, const Params& params) {
  const auto text = [&] { return call_text(function, params.count()); };
  if (is_pooled_) return send_unnamed(function, text, params);
  send_prepared(function, prepared_.count(function) == 0 ? text() : std::string(), params);
}

void Connection::send_statement(const char* name, const char* sql) {
  const auto text = [&] { return with_schema(sql, spec_.schema); };
  if (is_pooled_) return send_unnamed(name, text, {});
  send_prepared(name, text(), {});
}

// Parsed anew each time: the next one may run in a session that has never seen it.
void Connection::send_unnamed(const char* name, const std::function<std::string()>& text,
                              const Params& params) {
  if (is_broken_) lose("it is not used any more");
  const auto [found, is_new] = texts_.try_emplace(name);
  if (is_new) found->second = text();
  const auto values = params.pointers();
  const auto lengths = params.lengths();
  const std::vector<int> formats(values.size(), kBinary);
  if (PQsendQueryParams(connection_.get(), found->second.c_str(), params.count(),
                        params.types().data(), values.data(), lengths.data(), formats.data(),
                        kBinary) != 1)
    lose(PQerrorMessage(connection_.get()));
  pending_.push_back({Pending::Kind::kQuery, name});
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

bool Connection::await(Nanos most) {
  const Nanos until = steady_now() + most;
  for (;;) {
    const int left = PQflush(connection_.get());
    if (left < 0 || PQisBusy(connection_.get()) == 0) return true;
    if (!wait(left > 0, until)) return false;
    if (PQconsumeInput(connection_.get()) != 1) return true;
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

// A server that takes no writes is left: whoever uses this connection next makes another, to the
// host that does.
void Connection::refuse(const PGresult* result) {
  if (is_unknown(result)) lose(refused(result).what());
  if (field(result, PG_DIAG_SQLSTATE) == kTakesNoWrites) is_broken_ = true;
  throw refused(result);
}

void Connection::prepared(Result result, const char* name) {
  if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) return;
  prepared_.erase(name);
  if (PQresultStatus(result.get()) != PGRES_PIPELINE_ABORTED) refuse(result.get());
}

Rows Connection::receive() {
  const Nanos until = steady_now() + spec_.silence_max;
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

void Connection::receive_sync() { receive_sync(steady_now() + spec_.silence_max); }

void Connection::receive_sync(Nanos until) {
  Result result = next(until), refused;
  if (PQresultStatus(result.get()) == PGRES_FATAL_ERROR) {  // the commit that it stands for
    refused = std::move(result);
    result = next(until);
    if (!result) result = next(until);
  }
  if (PQresultStatus(result.get()) != PGRES_PIPELINE_SYNC) lose("the answers are out of step");
  pending_.pop_front();
  used_at_ = steady_now();
  if (refused) refuse(refused.get());
}

void Connection::skip_to_sync() noexcept {
  try {
    if (pending_.empty()) return;  // what failed was a call() within the answers
    while (!is_broken_ && pending_.front().kind != Pending::Kind::kSync) {
      const Result result = finish(steady_now() + spec_.silence_max);
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

void Connection::begin() {
  if (is_spoken()) send_statement("begin", sql::postgres::kBegin);
}

void Connection::commit() {
  if (is_spoken()) send_statement("commit", sql::postgres::kCommit);
  sync();
}

void Connection::receive_begin() {
  if (is_spoken()) receive();
}

void Connection::receive_commit() {
  if (is_spoken()) receive();
  receive_sync();
}

void Connection::rollback() {
  if (!is_spoken() || is_broken_) return;  // the sync has ended it, or the server does
  send_statement("rollback", sql::postgres::kRollback);
  sync();
  skip_to_sync();
}

void Connection::begin_snapshot() {
  ask("begin_snapshot", sql::postgres::kBeginSnapshot);
  is_in_snapshot_ = true;
}

void Connection::end_snapshot() noexcept {
  is_in_snapshot_ = false;
  if (is_broken_) return;
  try {
    send_statement("rollback", sql::postgres::kRollback);
    sync();
  } catch (const std::exception&) {
    is_broken_ = true;
  }
  skip_to_sync();
}

Rows Connection::call(const char* function, const Params& params) {
  begin();
  send(function, params);
  commit();
  try {
    receive_begin();
    Rows rows = receive();
    receive_commit();
    return rows;
  } catch (const Refusal&) {
    skip_to_sync();
    rollback();
    throw;
  }
}

Rows Connection::ask(const char* name, const char* sql) {
  send_unnamed(name, [&] { return with_schema(sql, spec_.schema); }, {});
  sync();
  try {
    Rows rows = receive();
    receive_sync();
    return rows;
  } catch (const Refusal&) {
    skip_to_sync();
    throw;
  }
}

}  // namespace msgq::transport::postgres
