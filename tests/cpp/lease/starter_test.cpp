#include "lease/starter.h"

#include <gtest/gtest.h>

#include "engine_parts.h"
#include "support/fake_random.h"
#include "support/fault_transport.h"
#include "support/road.h"
#include "transport/memory/memory_transport.h"

namespace msgq {
namespace {

using std::chrono::seconds;
using transport::Exchange;
using transport::ExchangeResult;

TEST(StarterTest, ClaimsAreDeliveredOnceWhatTheyStartIsStored) {
  Starter starter;
  std::vector<int> got;
  starter.hold({{{1, 1, 7, 1}, {MessageId{1, 1}}}}, [&] { got.push_back(1); });
  starter.hold({}, [&] { got.push_back(2); });
  EXPECT_TRUE(got.empty());
  EXPECT_EQ(starter.next_time(Nanos(5)), Nanos(5));
  Exchange out;
  starter.collect(out, Nanos(5));
  ASSERT_EQ(out.starts.size(), 1u);
  EXPECT_EQ(out.starts[0].claim.gen, 7u);
  starter.report(out, ExchangeResult{}, Nanos(5));
  EXPECT_EQ(got, (std::vector{1, 2})) << "in the order in which they were claimed";
  EXPECT_EQ(starter.next_time(Nanos(5)), kNever);
}

TEST(StarterTest, NobodyGetsAnythingOfAStoreThatWasGivenUp) {
  Starter starter;
  starter.hold({}, [] { FAIL(); });
  starter.give_up(Error(ErrorCode::kStoreRejected, "gone"), false);
  EXPECT_FALSE(starter.is_busy());
}

// Does something while a claim is on its way into the store.
class AtAClaim final : public test::FaultPlan {
 public:
  test::Fault choose(const Exchange&) override { return test::Fault::kNone; }
  void before_commit(Exchange& in) override {
    if (!in.claims.empty() && act) std::exchange(act, nullptr)();
  }
  std::function<void()> act;
};

// What was tried again went by the gate while the next of its key was starting: that overtook it.
TEST(StarterTest, WhatIsTriedAgainIsNotOvertakenByWhatIsStarting) {
  const auto runtime = make_thread_runtime(system_clock());
  test::FakeRandom random{7};
  Config config;
  config.scheme = "memory";
  const auto plan = std::make_shared<AtAClaim>();
  auto memory = std::make_unique<transport::MemoryTransport>(
      std::make_shared<transport::memory::MemoryStore>(config, system_clock()));
  const auto engine =
      EngineParts::make(config, World{system_clock(), random, *runtime},
                        std::make_unique<test::FaultTransport>(std::move(memory), plan));
  const auto send = [&](const char* body, const Once& once) {
    Parcel parcel;
    parcel.queue = "q";
    parcel.band = band_of(kPriorityNormal, "k");
    parcel.has_once = !once.empty();
    parcel.add(body, {}, "k", once.encode());
    const ReceiptPtr receipt = engine->enqueue(std::move(parcel));
    EXPECT_TRUE(receipt->wait(seconds(5)));
    EXPECT_EQ(receipt->status(), ReceiptStatus::kPersisted);
  };
  send("first", {});
  const LotPtr first = engine->claim("q", 1, seconds(5), seconds(60));
  ASSERT_TRUE(first);
  send("second", {"id", Once::Until::kStarted, 0});
  ReceiptPtr settled;
  plan->act = [&] { settled = engine->settle_now(first, {{0, Verdict::kRetry, 20, {}, {}}}); };
  const LotPtr next = engine->claim("q", 1, seconds(5), seconds(60));
  ASSERT_TRUE(next);
  EXPECT_EQ(next->body(0), "first");
  EXPECT_TRUE(settled->wait(seconds(5)));
  EXPECT_EQ(settled->status(), ReceiptStatus::kPersisted);
  engine->close(seconds(5));
}

}  // namespace
}  // namespace msgq
