// Promise: no more connections than allowed, first come first served; who waits too long is told;
// what was lent comes back whatever happened; what is old, idle or dead is not lent.
#include "transport/postgres/pool.h"

#include <poll.h>

#include <thread>

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using std::chrono::milliseconds;
using transport::postgres::Connection;
using transport::postgres::ConnectionSpec;
using transport::postgres::Pool;
using transport::postgres::PoolRules;

class PostgresPoolTest : public PostgresRoomTest {
 protected:
  static PoolRules rules(std::uint32_t looks, milliseconds wait = milliseconds(10'000)) {
    PoolRules out;
    out.reserved = 3;
    out.total = looks + 3;
    out.wait = wait;
    return out;
  }
  Pool& pool(const PoolRules& rules, const ConnectionSpec& how) {
    pool_ = std::make_unique<Pool>(how, rules, system_clock(), store().log);
    return *pool_;
  }
  Pool& pool(const PoolRules& rules) { return pool(rules, spec()); }
  static int backend_of(Pool& pool) {
    return pool.with([](Connection& c) { return PQbackendPID(c.raw()); });
  }
  int warnings() {
    int count = 0;
    for (const auto& [level, text] : store().log.drain())
      count += text.find("pool_size") != text.npos ? 1 : 0;
    return count;
  }

 private:
  std::unique_ptr<Pool> pool_;
};

TEST_F(PostgresPoolTest, ManyThreadsShareAFew) {
  Pool& shared = pool(rules(4));
  std::atomic<int> inside{0}, most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 64; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i)
        shared.with([&](Connection& connection) {
          const int now = ++inside;
          for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
          }
          connection.call("directory_version");
          --inside;
        });
    });
  for (auto& thread : threads) thread.join();
  EXPECT_LE(most, 4);
  const auto figures = shared.figures();
  EXPECT_EQ(figures.borrows, 320u);
  EXPECT_GE(figures.borrow_ns, figures.borrow_ns_max);
  EXPECT_GT(figures.borrow_ns_max, 0u);
  EXPECT_EQ(figures.size, 7u);
  EXPECT_EQ(figures.used, 0u);
  EXPECT_EQ(figures.waiting, 0u);
  EXPECT_LE(figures.connects, 4u);
  EXPECT_EQ(figures.connects, figures.idle);
}

TEST_F(PostgresPoolTest, WhoWaitsTooLongIsToldAndNoConnectionIsMissingAfterwards) {
  Pool& small = pool(rules(1, milliseconds(20)));
  small.with([&](Connection&) {
    EXPECT_EQ(small.figures().used, 1u);
    const Error error = error_of([&] { backend_of(small); });
    EXPECT_EQ(error.code(), ErrorCode::kStoreUnavailable);
    EXPECT_NE(std::string(error.what()).find("pool_wait"), std::string::npos) << error.what();
  });
  EXPECT_GT(backend_of(small), 0);
  EXPECT_EQ(small.figures().waiting, 0u);
}

TEST_F(PostgresPoolTest, WhatFailsInUseOrConnectingGivesItsPlaceBack) {
  Pool& small = pool(rules(1));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(code_of([&] { small.with([](Connection& c) { c.call("no_such"); }); }),
              ErrorCode::kSchemaMismatch);
  Pool& nowhere = pool(rules(1), spec("postgresql://u@127.0.0.1:1/db"));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(code_of([&] { backend_of(nowhere); }), ErrorCode::kStoreUnavailable);
  EXPECT_EQ(nowhere.figures().used, 0u);
}

TEST_F(PostgresPoolTest, IdleConnectionsAreClosed) {
  auto brief = rules(2);
  brief.idle = milliseconds(0);
  Pool& kept = pool(brief);
  backend_of(kept);
  kept.close_idle();
  EXPECT_EQ(kept.figures().idle, 1u) << "0 is never";
  brief.idle = milliseconds(1);
  Pool& closing = pool(brief);
  backend_of(closing);
  while (closing.figures().idle > 0) closing.close_idle();
  // Their backends end a moment later.
  while (ask("select count(*) from pg_stat_activity where application_name like 'msgq % look'") !=
         "0") {
  }
}

TEST_F(PostgresPoolTest, OnceClosedItKeepsNone) {
  Pool& closing = pool(rules(2));
  closing.with([&](Connection&) {
    backend_of(closing);
    closing.close();
    EXPECT_EQ(closing.figures().idle, 0u);
  });
  EXPECT_EQ(closing.figures().idle, 0u);
  EXPECT_EQ(closing.figures().used, 0u);
}

TEST_F(PostgresPoolTest, AnOldConnectionIsMadeAnew) {
  ConnectionSpec old = spec();
  old.max_age = milliseconds(1);
  Pool& aging = pool(rules(1), old);
  const int first = backend_of(aging);
  while (backend_of(aging) == first) {
  }
  EXPECT_EQ(aging.figures().idle, 1u);
  EXPECT_EQ(aging.figures().reconnects, 0u) << "none was lost";
}

TEST_F(PostgresPoolTest, ADeadConnectionIsFoundBeforeUseWhenItIsTried) {
  ConnectionSpec tried = spec();
  tried.health_interval = milliseconds(0);
  Pool& careful = pool(rules(1), tried);
  const int first = backend_of(careful);
  EXPECT_EQ(backend_of(careful), first) << "it answers";
  terminate(first);
  EXPECT_NE(backend_of(careful), first);
  EXPECT_EQ(careful.figures().reconnects, 1u);
}

TEST_F(PostgresPoolTest, WhatTheServerEndedInTheMeantimeIsNotLent) {
  Pool& usual = pool(rules(1));
  const int first = usual.with([&](Connection& lent) {
    const int backend = PQbackendPID(lent.raw());
    terminate(backend);
    pollfd on{PQsocket(lent.raw()), POLLIN, 0};
    EXPECT_EQ(poll(&on, 1, 60'000), 1) << "it is told";
    return backend;
  });
  EXPECT_NE(backend_of(usual), first);
  EXPECT_EQ(usual.figures().reconnects, 1u);
}

TEST_F(PostgresPoolTest, ThatItIsNearlyFullIsSaidOnceAnEpisode) {
  Pool shared(spec(), rules(2), clock(), store().log);
  const auto use_both = [&] { shared.with([&](Connection&) { shared.with([](Connection&) {}); }); };
  shared.with([](Connection&) {});
  EXPECT_EQ(warnings(), 0);
  use_both();
  use_both();
  EXPECT_EQ(warnings(), 1);
  clock().advance(std::chrono::minutes(1));
  use_both();
  EXPECT_EQ(warnings(), 1);
}

TEST_F(PostgresPoolTest, APoolOfOneSaysSoOnlyWhenSomebodyWaits) {
  Pool& single = pool(rules(1, milliseconds(1)));
  single.with([&](Connection&) {
    EXPECT_EQ(warnings(), 0);
    EXPECT_EQ(code_of([&] { backend_of(single); }), ErrorCode::kStoreUnavailable);
  });
  EXPECT_EQ(warnings(), 1);
}

}  // namespace
}  // namespace msgq::test
