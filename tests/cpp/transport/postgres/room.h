// What the tests of the postgres room share: a store of their own with processes on it, SQL beside
// them, and the law of conservation, checked when every test ends.
//
// Threads: one at a time unless a test says otherwise.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "conformance/harness.h"
#include "support/outcome.h"
#include "support/pg_server.h"
#include "transport/postgres/connection.h"
#include "transport/postgres/postgres_store.h"

namespace msgq::test {

class PostgresRoomTest : public ::testing::Test {
 protected:
  void SetUp() override {
    MSGQ_TEST_NEEDS_POSTGRES();
    store_ = std::make_unique<PostgresStoreUnderTest>(Config());
    set_clock_ = store_->options().before;
    // Tests name a session by the backend that serves it.
    store_->options().before = [this](transport::postgres::Connection& c) {
      set_clock_(c);
      backend_ = PQbackendPID(c.raw());
    };
  }

  void TearDown() override {
    if (!store_) return;
    for (const auto& d : observer().depth())
      EXPECT_EQ(d.sent, d.waiting + d.parked + d.leased + d.done + d.dead + d.purged +
                            d.quarantined + d.expired + d.cancelled)
          << "queue " << d.queue << ": waiting " << d.waiting << " parked " << d.parked
          << " leased " << d.leased << " done " << d.done << " dead " << d.dead << " purged "
          << d.purged;
    processes_.clear();
    observer_.reset();
  }

  PostgresStoreUnderTest& store() { return *store_; }
  FakeClock& clock() { return store_->clock; }
  Process& join() {
    processes_.push_back(std::make_unique<Process>(store(), store().join()));
    return *processes_.back();
  }
  // Leaves as a process does that ends well.
  void leave(Process& process) {
    std::erase_if(processes_, [&](const auto& each) { return each.get() == &process; });
  }
  transport::Look& observer() {
    if (!observer_) observer_ = store().join();
    return observer_->look();
  }
  QueueDepth depth(const std::string& queue = kQueue) {
    for (auto& each : observer().depth())
      if (each.queue == queue) return each;
    return {};
  }
  std::vector<std::string> drain(Process& process, const std::string& queue = kQueue) {
    std::vector<std::string> out;
    for (;;) {
      const auto answer = process.claim_idle(100, queue);
      if (answer.claims.empty()) return out;
      for (const auto& claimed : answer.claims) {
        for (auto& body : bodies_of(claimed)) out.push_back(std::move(body));
        EXPECT_TRUE(process.settle(ack_all(claimed)));
      }
    }
  }

  // The first value that SQL gives; :schema stands for the store's.
  std::string ask(const std::string& sql) {
    return pg_run(transport::postgres::with_schema(sql, store().config().schema));
  }
  // The backend of the session, or of the look, that was used last.
  int backend() const { return backend_; }
  // Ends a session as an administrator would; it is gone afterwards.
  static void terminate(int backend) { terminate(std::to_string(backend)); }
  // The same of several, their numbers between commas. Servers before 14 do not wait themselves.
  static void terminate(const std::string& backends) {
    const std::string those = " from pg_stat_activity where pid in (" + backends + ")";
    pg_run("select pg_terminate_backend(pid)" + those);
    while (pg_run("select count(*)" + those) != "0") {
    }
  }
  transport::postgres::ConnectionSpec spec(const std::string& dsn = pg_url()) {
    transport::postgres::ConnectionSpec out;
    out.dsn = dsn;
    out.schema = store().config().schema;
    out.role = "test";
    return out;
  }
  // A connection whose clock is the test's.
  std::unique_ptr<transport::postgres::Connection> connect() {
    auto out = std::make_unique<transport::postgres::Connection>(spec(), store().log);
    set_clock_(*out);
    return out;
  }

 private:
  std::unique_ptr<PostgresStoreUnderTest> store_;
  std::unique_ptr<transport::Transport> observer_;
  std::vector<std::unique_ptr<Process>> processes_;
  std::function<void(transport::postgres::Connection&)> set_clock_;
  std::atomic<int> backend_{0};
};

// Another program's open transaction.
class OpenTransaction {
 public:
  explicit OpenTransaction(const std::string& schema,
                           const std::string& isolation = "read committed")
      : schema_(schema), connection_(PQconnectdb(pg_url().c_str())) {
    run("begin isolation level " + isolation);
  }
  ~OpenTransaction() { PQfinish(connection_); }
  OpenTransaction(const OpenTransaction&) = delete;
  OpenTransaction& operator=(const OpenTransaction&) = delete;

  void run(const std::string& sql) {
    const transport::postgres::Result result(
        PQexec(connection_, transport::postgres::with_schema(sql, schema_).c_str()));
    const auto status = PQresultStatus(result.get());
    EXPECT_TRUE(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        << PQerrorMessage(connection_);
  }
  // The SQLSTATE with which it is refused; empty when it is not.
  std::string state_of(const std::string& sql) {
    const transport::postgres::Result result(
        PQexec(connection_, transport::postgres::with_schema(sql, schema_).c_str()));
    const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    return state != nullptr ? state : "";
  }
  int backend() const { return PQbackendPID(connection_); }
  // Waits until so many sessions wait for a lock that this one holds.
  void await_waiters(int count = 1) const {
    const std::string sql = "select count(*) from pg_stat_activity where " +
                            std::to_string(backend()) + " = any (pg_blocking_pids(pid))";
    while (std::stoi(pg_run(sql)) < count) {
    }
  }

 private:
  const std::string schema_;
  PGconn* const connection_;
};

}  // namespace msgq::test
