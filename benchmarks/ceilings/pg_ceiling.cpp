// What PostgreSQL itself allows on this machine for a block log: the yardstick of `postgresql://`.
//
// Producers append blocks of N messages (one row, one commit each); consumers settle the previous
// claim (fenced by a row lock on it, its blocks deleted) and claim the next blocks of a lane, in
// one round trip. No row is updated, and the newest claim of a lane is its position, so dead rows
// lie behind every index probe. Bare libpq, binary bodies and results: what is left is the server,
// the disk and the socket. It is no queue: no retry, delay, priority or lapse.
//
//   pg_ceiling DSN [per_block=1000] [bytes=200] [seconds=5] [producers=1] [consumers=1] [blocks=1]
//                  [lanes=producers] [pin=0] [bare=0] [pooled=0]
//
// `blocks` are claimed at once. `pin` holds an old snapshot open for the whole run. `bare` makes
// each append one plain insert of a block's bytes, without lane, lock or function. `pooled` goes
// without prepared statements. Prints one JSON object: messages in and out (whose settle has
// committed) per second, commits. It makes and drops the schema msgq_ceiling. A thread for each
// producer and consumer.
#include <libpq-fe.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "arguments.h"
#include "pg_ceiling_sql.h"

namespace {

// Producers wait while so much is stored and not settled.
constexpr std::int64_t kBacklogMax = 2'000'000;

struct Plan {
  const char* dsn;
  std::int64_t per_block;
  std::int64_t bytes;
  double seconds;
  std::int64_t producers;
  std::int64_t consumers;
  std::int64_t blocks;
  std::int64_t lanes;
  bool pins;
  bool is_bare;
  bool is_pooled;
};

struct Counts {
  std::atomic<std::int64_t> sent{0};
  std::atomic<std::int64_t> settled{0};
  std::atomic<std::int64_t> commits{0};
  std::atomic<bool> stop{false};
};

/// One connection; whatever goes wrong ends the program. One thread.
class Connection {
 public:
  explicit Connection(const char* dsn) : handle_(PQconnectdb(dsn)) {
    if (PQstatus(handle_) != CONNECTION_OK) give_up();
    PQsetNoticeProcessor(
        handle_, [](void*, const char*) {}, nullptr);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { PQfinish(handle_); }

  void run(const std::string& sql) { PQclear(check(PQexec(handle_, sql.c_str()))); }
  /// A pooler hands out another session for each transaction, so that nothing can be prepared.
  void prepare(const char* sql, bool is_pooled) {
    sql_ = sql;
    is_pooled_ = is_pooled;
    if (!is_pooled) PQclear(check(PQprepare(handle_, "it", sql, 0, nullptr)));
  }

  /// Runs what was prepared; the caller clears the binary result.
  PGresult* execute(const std::vector<const char*>& values, const std::vector<int>& lengths,
                    const std::vector<int>& formats) {
    const int count = static_cast<int>(values.size());
    if (is_pooled_) {
      return check(PQexecParams(handle_, sql_, count, nullptr, values.data(), lengths.data(),
                                formats.data(), 1));
    }
    return check(
        PQexecPrepared(handle_, "it", count, values.data(), lengths.data(), formats.data(), 1));
  }

 private:
  [[noreturn]] void give_up() {
    std::fprintf(stderr, "pg_ceiling: %s", PQerrorMessage(handle_));
    std::exit(1);
  }

  PGresult* check(PGresult* result) {
    const auto status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) give_up();
    return result;
  }

  PGconn* handle_;
  const char* sql_ = nullptr;
  bool is_pooled_ = false;
};

/// Letters at random, as no compression likes them; the same in every run.
std::string body_of(std::int64_t bytes) {
  std::string body;
  std::srand(1);
  for (std::int64_t i = 0; i < bytes; ++i) body += static_cast<char>('a' + std::rand() % 26);
  return body;
}

void produce(const Plan& plan, std::int64_t number, const std::string& body, Counts& counts) {
  Connection connection(plan.dsn);
  connection.prepare(plan.is_bare ? ceiling::kInsert : ceiling::kAppend, plan.is_pooled);
  const auto lane = std::to_string(number % plan.lanes);
  const auto sequence = "msgq_ceiling.lane_" + lane;
  const auto n = std::to_string(plan.per_block);
  std::vector<const char*> values{body.data(), lane.c_str(), sequence.c_str(), n.c_str()};
  if (plan.is_bare) values.resize(1);
  const std::vector<int> lengths{static_cast<int>(body.size()), 0, 0, 0};
  const std::vector<int> formats{1, 0, 0, 0};
  while (!counts.stop) {
    if (plan.consumers > 0 && counts.sent - counts.settled > kBacklogMax) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    PQclear(connection.execute(values, lengths, formats));
    counts.sent += plan.per_block;
    ++counts.commits;
  }
}

/// What a consumer was given last and has not settled.
struct Held {
  std::string lane;
  std::string gen;
  std::int64_t messages = 0;
};

std::int64_t big_endian(const char* bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return static_cast<std::int64_t>(value);
}

/// Settles what is held and claims the next blocks of `lane`, in one commit.
Held turn(const Plan& plan, Connection& connection, const Held& held, const std::string& lane) {
  const auto blocks = std::to_string(plan.blocks);
  const bool holds = held.messages > 0;
  PGresult* rows =
      connection.execute({holds ? held.lane.c_str() : nullptr, holds ? held.gen.c_str() : nullptr,
                          lane.c_str(), blocks.c_str()},
                         {0, 0, 0, 0}, {0, 0, 0, 0});
  Held next;
  if (const int count = PQntuples(rows); count > 0) {
    next = {lane, std::to_string(big_endian(PQgetvalue(rows, 0, 0))), plan.per_block * count};
  }
  PQclear(rows);
  return next;
}

void consume(const Plan& plan, std::int64_t number, Counts& counts) {
  Connection connection(plan.dsn);
  connection.prepare(ceiling::kClaim, plan.is_pooled);
  Held held;
  for (std::int64_t lane = number; !counts.stop; ++lane) {
    Held next = turn(plan, connection, held, std::to_string(lane % plan.lanes));
    counts.settled += held.messages;
    ++counts.commits;
    held = std::move(next);
    if (held.messages == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

void measure(const Plan& plan, Counts& counts) {
  using Clock = std::chrono::steady_clock;
  const std::string body = body_of(plan.per_block * plan.bytes);
  std::vector<std::thread> threads;
  for (std::int64_t i = 0; i < plan.producers; ++i) {
    threads.emplace_back([&plan, &body, &counts, i] { produce(plan, i, body, counts); });
  }
  for (std::int64_t i = 0; i < plan.consumers; ++i) {
    threads.emplace_back([&plan, &counts, i] { consume(plan, i, counts); });
  }
  const auto start = Clock::now();
  std::this_thread::sleep_for(std::chrono::duration<double>(plan.seconds));
  counts.stop = true;
  const double took = std::chrono::duration<double>(Clock::now() - start).count();
  const std::int64_t in = counts.sent, out = counts.settled, commits = counts.commits;
  for (auto& thread : threads) thread.join();
  std::printf(
      "{\"per_block\": %lld, \"bytes\": %lld, \"producers\": %lld, \"consumers\": %lld,"
      " \"in_per_s\": %.0f, \"out_per_s\": %.0f, \"commits_per_s\": %.0f}\n",
      static_cast<long long>(plan.per_block), static_cast<long long>(plan.bytes),
      static_cast<long long>(plan.producers), static_cast<long long>(plan.consumers),
      static_cast<double>(in) / took, static_cast<double>(out) / took,
      static_cast<double>(commits) / took);
}

Plan plan_of(const char* dsn, const ceiling::Arguments& given) {
  const std::int64_t producers = given.number("producers", 1);
  return {dsn,
          given.number("per_block", 1000),
          given.number("bytes", 200),
          given.seconds("seconds", 5),
          producers,
          given.number("consumers", 1),
          given.number("blocks", 1),
          given.number("lanes", producers > 0 ? producers : 1),
          given.number("pin", 0) != 0,
          given.number("bare", 0) != 0,
          given.number("pooled", 0) != 0};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: pg_ceiling DSN [name=value ...]\n");
    return 2;
  }
  const Plan plan = plan_of(argv[1], ceiling::Arguments(argc, argv));
  Connection admin(plan.dsn);
  admin.run(ceiling::kSchema);
  for (std::int64_t lane = 0; lane < plan.lanes; ++lane) {
    admin.run("create sequence msgq_ceiling.lane_" + std::to_string(lane));
  }
  Connection witness(plan.dsn);
  if (plan.pins) {
    witness.run("begin isolation level repeatable read");
    witness.run("select count(*) from msgq_ceiling.claim");
  }
  Counts counts;
  measure(plan, counts);
  if (plan.pins) witness.run("rollback");
  admin.run("drop schema msgq_ceiling cascade");
  return 0;
}
