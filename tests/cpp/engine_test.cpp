// The whole road in one process, on memory: every accepted message is stored or its receipt says
// why not; every delivery is settled or goes back; close() ends everything, whoever is still at it.
#include "msgq/engine.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <latch>
#include <map>
#include <set>
#include <thread>

#include "engine_parts.h"
#include "support/fake_random.h"
#include "support/outcome.h"
#include "support/road.h"
#include "support/scripted_session.h"
#include "support/waits.h"
#include "transport/memory/memory_transport.h"

namespace msgq {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::code_of;
using test::parcel_of;

Config memory_config() {
  Config config;
  config.scheme = "memory";
  return config;
}

// A transport whose one session follows a script.
class ScriptedTransport final : public transport::Transport {
 public:
  explicit ScriptedTransport(std::shared_ptr<test::Script> script) : script_(std::move(script)) {}
  const transport::Capability& capability() const override {
    static constexpr transport::Capability kDurable{
        .scheme = "scripted",
        .is_durable = true,
        .is_shared = false,
        .has_single_writer = true,
        .can_look = true,
        .can_backup = false,
        .can_delay = true,
        .can_extend = true,
        .has_priorities = true,
        .has_keys = true,
        .has_dedup = true,
        .can_expire = true,
        .can_cancel = true,
        .can_pause = true,
        .has_subscriptions = true,
        .can_bound = true,
        .can_prove_death = true,
    };
    return kDurable;
  }
  std::unique_ptr<transport::Session> open_session() override {
    return std::make_unique<test::ScriptedSession>(script_);
  }
  transport::Look& look() override { return memory_->look(); }
  transport::Wake* wake() override { return nullptr; }

 private:
  const std::shared_ptr<test::Script> script_;
  const std::unique_ptr<transport::Transport> memory_ =
      std::make_unique<transport::MemoryTransport>(
          std::make_shared<transport::memory::MemoryStore>(memory_config(), system_clock()));
};

class EngineTest : public ::testing::Test {
 protected:
  Engine& open(Config config = memory_config()) {
    engine = std::make_unique<Engine>(std::move(config));
    return *engine;
  }
  // An engine on a scripted store, threads and clock being real.
  Engine& open_scripted(Config config = {}) {
    config.scheme = "memory";
    engine = EngineParts::make(std::move(config), World{system_clock(), random, *runtime},
                               std::make_unique<ScriptedTransport>(script));
    return *engine;
  }
  static WorkerSpec spec(std::uint32_t slots = 1, const std::string& queue = "q") {
    WorkerSpec out;
    out.channels.push_back({queue, "*", 0, 0, Nanos(0), false});
    out.slots = slots;
    return out;
  }
  QueueTraffic traffic(const std::string& queue = "q") {
    for (auto& each : engine->stats(false).traffic)
      if (each.queue == queue) return each;
    return {};
  }
  QueueDepth depth(const std::string& queue = "q") {
    for (auto& each : engine->stats().depth)
      if (each.queue == queue) return each;
    return {};
  }

  std::unique_ptr<Runtime> runtime = make_thread_runtime(system_clock());
  test::FakeRandom random{7};
  std::shared_ptr<test::Script> script = std::make_shared<test::Script>();
  std::unique_ptr<Engine> engine;
};

TEST_F(EngineTest, AMessageGoesInAndComesOutOnce) {
  Engine& e = open();
  const auto receipt = e.enqueue(parcel_of({"hello"}));
  ASSERT_TRUE(receipt->wait(kLong));
  const auto worker = e.open_worker(spec());
  const auto lot = e.take(worker, kLong);
  ASSERT_TRUE(lot);
  EXPECT_EQ(lot->body(0), "hello");
  EXPECT_EQ(lot->view(0).message.id, receipt->first_id());
  EXPECT_EQ(lot->view(0).attempt, 1U);
  e.settle(lot, {});
  EXPECT_TRUE(e.close(kLong));
  EXPECT_EQ(e.take(worker, Nanos(0)), nullptr);
}

// One slot runs some of a key in a row; nobody need tell the core what was not run.
TEST_F(EngineTest, BehindARetryInARowNothingIsAcknowledged) {
  Config config = memory_config();
  config.prefetch = 100;
  Engine& e = open(config);
  Parcel parcel;
  parcel.queue = "q";
  parcel.band = band_of(kPriorityNormal, "k");
  for (int i = 0; i < 10; ++i) parcel.add(std::to_string(i), {}, "k");
  ASSERT_TRUE(e.enqueue(std::move(parcel))->wait(kLong));
  const auto worker = e.open_worker(spec());
  auto lot = e.take(worker, kLong);
  ASSERT_EQ(lot->size(), 1U) << "its pace is not known";
  e.settle(lot, {});
  lot = e.take(worker, kLong);
  ASSERT_EQ(lot->size(), 9U);
  e.settle(lot, {{2, Verdict::kRetry, 0, {}, {}}});
  EXPECT_TRUE(lot->is_held_up(3) && lot->is_held_up(8));
  std::vector<std::string> again;
  while (again.size() < 7) {
    lot = e.take(worker, kLong);
    for (std::uint32_t i = 0; i < lot->size(); ++i) {
      again.emplace_back(lot->body(i));
      EXPECT_EQ(lot->view(i).attempt, again.size() == 1 ? 2U : 1U);
    }
    e.settle(lot, {});
  }
  EXPECT_EQ(again, (std::vector<std::string>{"3", "4", "5", "6", "7", "8", "9"}));
  EXPECT_TRUE(e.close(kLong));
}

TEST_F(EngineTest, APutWithoutAReceiptIsSettledAtOnceOrLeftAlone) {
  Config config = memory_config();
  config.inflight_count_max = 1;
  Engine& e = open(config);
  Parcel parcel = parcel_of({"a"});
  std::optional<MessageId> id;
  while (!(id = e.try_put(parcel))) std::this_thread::yield();
  const auto lot = e.claim("q", 1, kLong, seconds(30));
  ASSERT_TRUE(lot);
  EXPECT_EQ(lot->view(0).message.id, *id);
  EXPECT_EQ(lot->body(0), "a");
  e.settle(lot, {});
  EXPECT_TRUE(e.close(kLong));
  Parcel late = parcel_of({"b"});
  EXPECT_EQ(code_of([&] { e.try_put(late); }), ErrorCode::kClosed);
  EXPECT_EQ(late.count(), 1U);
}

TEST_F(EngineTest, APutOnAStoreThatAnswersLaterIsLeftToEnqueue) {
  Engine& e = open_scripted();
  Parcel parcel = parcel_of({"a"});
  EXPECT_EQ(e.try_put(parcel), std::nullopt);
  EXPECT_EQ(parcel.count(), 1U);
  EXPECT_TRUE(e.enqueue(std::move(parcel))->wait(kLong));
}

TEST_F(EngineTest, ARetryComesAgainWithItsCounts) {
  Engine& e = open();
  e.enqueue(parcel_of({"x"}));
  const auto worker = e.open_worker(spec());
  for (std::uint32_t attempt = 1; attempt <= 3; ++attempt) {
    const auto lot = e.take(worker, kLong);
    ASSERT_TRUE(lot);
    EXPECT_EQ(lot->view(0).attempt, attempt);
    EXPECT_EQ(lot->view(0).message.counts.failures, attempt - 1);
    e.settle(lot, {{0, Verdict::kRetry, 0, {}, "{}"}});
  }
}

// R3: close() under full load, from producers, workers, raw claimers and people who extend.
TEST_F(EngineTest, CloseUnderFullLoadAnswersEverybody) {
  for (int round = 0; round < 8; ++round) {
    script = std::make_shared<test::Script>();
    Engine& e = round % 2 == 0 ? open() : open_scripted();
    std::atomic<bool> is_over{false};
    std::latch busy{9};
    std::vector<std::thread> threads;
    std::vector<std::vector<ReceiptPtr>> receipts(8);
    for (std::size_t p = 0; p < 6; ++p)
      threads.emplace_back([&, p] {
        for (int i = 0;; ++i) {
          if (i == 20) busy.count_down();
          try {
            receipts[p].push_back(e.enqueue(parcel_of({"x", "y"}, p % 2 ? "q" : "raw")));
          } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::kClosed);
            return;
          }
        }
      });
    threads.emplace_back([&] {
      const auto worker = e.open_worker(spec(1));
      busy.count_down();
      while (!is_over.load()) {
        const auto lot = e.take(worker, milliseconds(5));
        if (lot) e.settle(lot, {});
      }
    });
    for (std::size_t p = 6; p < 8; ++p)
      threads.emplace_back([&, p] {
        busy.count_down();
        while (true) {
          try {
            const auto lot = e.claim("raw", 1, milliseconds(5), seconds(30));
            if (!lot) continue;
            receipts[p].push_back(e.extend(lot, seconds(40)));
            receipts[p].push_back(e.settle_now(lot, {{0, Verdict::kAck, 0, {}, {}}}));
          } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::kClosed);
            return;
          }
        }
      });
    busy.wait();
    e.close(round < 4 ? kLong : Nanos::zero());
    is_over = true;
    for (auto& thread : threads) thread.join();
    for (const auto& list : receipts)
      for (const auto& receipt : list)
        ASSERT_TRUE(receipt->wait(seconds(10))) << "a receipt that nobody answers";
  }
}

TEST_F(EngineTest, CloseWritesWhatWasAcceptedAndSaysWhatItCouldNot) {
  Engine& e = open_scripted();
  const auto stored = e.enqueue(parcel_of({"a"}));
  EXPECT_TRUE(e.close(kLong));
  EXPECT_EQ(stored->status(), ReceiptStatus::kPersisted);
  EXPECT_TRUE(script->is_closed);

  script = std::make_shared<test::Script>();
  script->fail(ErrorCode::kStoreUnavailable, 1'000'000);
  Engine& away = open_scripted();
  const auto lost = away.enqueue(parcel_of({"a"}));
  EXPECT_FALSE(away.close(milliseconds(20)));
  ASSERT_EQ(lost->status(), ReceiptStatus::kFailed);
  EXPECT_EQ(lost->error()->code(), ErrorCode::kClosed);
}

// What was sent and not answered is in doubt, not failed: a resend could store it twice.
TEST_F(EngineTest, CloseDuringADoubtSaysInDoubt) {
  for (int i = 0; i < 1'000; ++i)
    script->lines.push_back([](const auto& in, auto& out) {
      if (!in.appends.empty()) throw Error(ErrorCode::kStoreInDoubt, "scripted");
      test::Script::succeed(in, out);
    });
  Engine& e = open_scripted();
  const auto receipt = e.enqueue(parcel_of({"a"}));
  while (e.stats(false).flush_errors == 0) receipt->wait(milliseconds(1));
  EXPECT_FALSE(e.close(milliseconds(20)));
  ASSERT_EQ(receipt->status(), ReceiptStatus::kInDoubt);
  EXPECT_EQ(receipt->error()->code(), ErrorCode::kStoreInDoubt);
}

TEST_F(EngineTest, CloseDoesNotLinger) {
  Config config;
  config.linger = seconds(60);
  Engine& e = open_scripted(config);
  const auto receipt = e.enqueue(parcel_of({"a"}));
  EXPECT_TRUE(e.close(seconds(30)));
  EXPECT_EQ(receipt->status(), ReceiptStatus::kPersisted);
}

TEST_F(EngineTest, CloseFromManyThreadsReturnsOnlyWhenClosed) {
  Engine& e = open_scripted();
  const auto receipt = e.enqueue(parcel_of({"a"}));
  std::vector<std::thread> closers;
  for (int i = 0; i < 4; ++i)
    closers.emplace_back([&] {
      EXPECT_TRUE(e.close(kLong));
      EXPECT_TRUE(receipt->is_done());
    });
  for (auto& closer : closers) closer.join();
  EXPECT_EQ(code_of([&] { e.enqueue(parcel_of({"b"})); }), ErrorCode::kClosed);
  EXPECT_EQ(code_of([&] { e.open_worker(spec()); }), ErrorCode::kClosed);
  EXPECT_EQ(code_of([&] { e.claim("q", 1, Nanos(0), seconds(1)); }), ErrorCode::kClosed);
}

// R6: each policy does exactly what it says when there is no room.
TEST_F(EngineTest, OverflowBlocksRaisesOrDrops) {
  Config config;
  config.inflight_count_max = 2;
  for (const auto policy : {Overflow::kBlock, Overflow::kRaise, Overflow::kDrop}) {
    script = std::make_shared<test::Script>();
    const auto gate = std::make_shared<Event>();
    const auto is_open = std::make_shared<std::atomic<bool>>(false);
    for (int i = 0; i < 1'000; ++i)
      script->lines.push_back([gate, is_open](const auto& in, auto& out) {
        while (!is_open->load()) {
          const auto key = gate->key();
          if (!is_open->load()) gate->wait(key, kNever);
        }
        test::Script::succeed(in, out);
      });
    config.overflow = policy;
    Engine& e = open_scripted(config);
    const auto first = e.enqueue(parcel_of({"1", "2"}));
    auto more = parcel_of({"3"});
    if (policy == Overflow::kBlock) {
      EXPECT_EQ(e.try_enqueue(more), nullptr);
      EXPECT_EQ(more.count(), 1U) << "left untouched";
      EXPECT_EQ(code_of([&] { e.enqueue(parcel_of({"3"}), milliseconds(5)); }),
                ErrorCode::kQueueFull);
    } else if (policy == Overflow::kRaise) {
      EXPECT_EQ(code_of([&] { e.enqueue(parcel_of({"3"})); }), ErrorCode::kQueueFull);
    } else {
      EXPECT_EQ(e.enqueue(parcel_of({"3"}))->status(), ReceiptStatus::kDropped);
      EXPECT_EQ(traffic().dropped, 1U);
    }
    is_open->store(true);
    gate->signal();
    EXPECT_TRUE(first->wait(kLong));
    EXPECT_TRUE(e.enqueue(parcel_of({"4"}), kLong)->wait(kLong));
    e.close(kLong);
  }
}

// R5 and conservation: many producers, many slots, every message handled exactly once.
TEST_F(EngineTest, ManyProducersAndSlotsHandleEachMessageOnce) {
  constexpr int kProducers = 4, kEach = 2'000;
  Engine& e = open();
  const auto worker = e.open_worker(spec(4));
  std::vector<std::thread> threads;
  for (int p = 0; p < kProducers; ++p)
    threads.emplace_back([&, p] {
      for (int i = 0; i < kEach; i += 4)
        e.enqueue(parcel_of(test::numbers(4, static_cast<std::uint32_t>(p * kEach + i))));
    });
  std::atomic<int> handled{0};
  std::vector<std::vector<std::string>> seen(4);
  for (std::size_t s = 0; s < 4; ++s)
    threads.emplace_back([&, s] {
      while (handled.load() < kProducers * kEach) {
        const auto lot = e.take(worker, milliseconds(20));
        if (!lot) continue;
        for (std::uint32_t i = 0; i < lot->size(); ++i) seen[s].emplace_back(lot->body(i));
        handled += static_cast<int>(lot->size());
        e.settle(lot, {});
      }
    });
  for (auto& thread : threads) thread.join();
  std::set<std::string> all;
  for (const auto& list : seen) all.insert(list.begin(), list.end());
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kProducers * kEach));
  EXPECT_EQ(handled.load(), kProducers * kEach);
  EXPECT_TRUE(e.close(kLong));
}

TEST_F(EngineTest, StoppingAWorkerGivesBackWhatItDidNotTakeUnspent) {
  Config config = memory_config();
  config.prefetch = 20;
  Engine& e = open(config);
  ASSERT_TRUE(e.enqueue(parcel_of(test::numbers(10)))->wait(kLong));
  const auto worker = e.open_worker(spec());
  const auto lot = e.take(worker, kLong);
  ASSERT_TRUE(lot);
  e.stop_worker(worker);
  EXPECT_TRUE(e.is_stopped(worker));
  e.settle(lot, {});
  const auto next = e.open_worker(spec());
  std::set<std::string> seen;
  while (seen.size() + lot->size() < 10) {
    const auto again = e.take(next, kLong);
    ASSERT_TRUE(again);
    for (std::uint32_t i = 0; i < again->size(); ++i) {
      EXPECT_EQ(again->view(i).attempt, 1U) << "unspent";
      seen.emplace(again->body(i));
    }
    e.settle(again, {});
  }
  EXPECT_FALSE(seen.contains(std::string(lot->body(0))));
  EXPECT_TRUE(e.close(kLong));
}

// A raw claim is for a number of messages: a store may round up what a worker gets, not this.
TEST_F(EngineTest, ARawClaimNeverBringsMoreThanAskedFor) {
  Engine& e = open();
  ASSERT_TRUE(e.enqueue(parcel_of(test::numbers(3)))->wait(kLong));
  const auto lot = e.claim("q", 2, kLong, seconds(30));
  ASSERT_TRUE(lot);
  EXPECT_EQ(lot->size(), 2U);
  const auto done =
      e.settle_now(lot, {{0, Verdict::kAck, 0, {}, {}}, {1, Verdict::kAck, 0, {}, {}}});
  ASSERT_TRUE(done->wait(kLong));
  EXPECT_EQ(done->status(), ReceiptStatus::kPersisted);
  const auto twice = e.settle_now(lot, {{0, Verdict::kReject, 0, {}, {}}});
  ASSERT_TRUE(twice->wait(kLong));
  EXPECT_EQ(twice->error()->code(), ErrorCode::kLeaseLost);
}

// A store that is given up ends the wait of every slot with the reason.
TEST_F(EngineTest, ABrokenStoreIsRaisedToProducersAndSlots) {
  script->lines.push_back([](const auto& in, auto& out) { test::Script::succeed(in, out); });
  script->fail(ErrorCode::kInternal, 1'000);
  Engine& e = open_scripted();
  const auto worker = e.open_worker(spec());
  EXPECT_EQ(code_of([&] {
              while (!e.is_closed()) e.take(worker, kLong);
            }),
            ErrorCode::kInternal);
  EXPECT_EQ(code_of([&] { e.enqueue(parcel_of({"a"})); }), ErrorCode::kInternal);
}

// K5: the child of a fork gets an answer from everything, and the parent goes on.
TEST_F(EngineTest, AForkedChildIsToldThatItsEngineIsClosed) {
  Engine& e = open();
  const auto worker = e.open_worker(spec());
  e.enqueue(parcel_of({"a"}));
  const auto lot = e.take(worker, kLong);
  ASSERT_TRUE(lot);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto is_closed = [](const auto& action) {
      try {
        action();
      } catch (const Error& error) {
        return error.code() == ErrorCode::kClosed;
      }
      return false;
    };
    const bool holds = is_closed([&] { e.enqueue(parcel_of({"b"})); }) &&
                       is_closed([&] { e.take(worker, kLong); }) &&
                       is_closed([&] { e.settle(lot, {}); }) && is_closed([&] { e.stats(); }) &&
                       is_closed([&] { e.drain_log(); }) && e.is_closed() && e.close(kLong);
    engine.reset();
    ::_exit(holds ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  e.settle(lot, {});
  EXPECT_TRUE(e.enqueue(parcel_of({"c"}))->wait(kLong));
  const auto next = e.take(worker, kLong);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->body(0), "c");
  e.settle(next, {});
  EXPECT_TRUE(e.close(kLong));
}

}  // namespace
}  // namespace msgq
