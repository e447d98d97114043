#include "dispatch/raw_claims.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/road.h"
#include "support/waits.h"

namespace msgq {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class RawClaimsTest : public ::testing::Test {
 protected:
  RawClaimsTest() {
    claims.on_moves = [this](const KeyGate::Moves& moves) { pass(moves); };
    claims.on_late = [this](const HeldPtr&, std::int64_t lease_ms) { late.push_back(lease_ms); };
    claims.on_request = [this] { asked.signal(); };
    claims.on_unwanted = [this](std::vector<Span> spans) { unwanted = std::move(spans); };
  }
  // Waits until somebody asks; what they ask for.
  Demand next_demand() {
    while (true) {
      const auto key = asked.key();
      std::vector<Demand> out;
      claims.demands(out, clock.steady());
      if (!out.empty()) return out.front();
      asked.wait(key, kLong);
    }
  }
  LotPtr claim_now(std::string queue, std::uint32_t count, Nanos wait, std::int64_t lease_ms) {
    return claims.begin(std::move(queue), count, wait, lease_ms)->take(kNever);
  }
  HeldPtr claim(std::uint32_t count) {
    return test::held_of(test::claimed_of({test::parcel_of(test::numbers(count))}), traffic,
                         Nanos(0), false);
  }

  HeldPtr keyed_claim(const std::vector<std::pair<std::string, std::string>>& messages) {
    return test::held_of(test::keyed_claim_of(messages, 1), traffic, Nanos(0), false);
  }
  // As the engine does.
  void pass(const KeyGate::Moves& moves) {
    for (const auto& outlet : moves.fed) outlet->on_ready();
  }
  void decide(const HeldPtr& held, std::uint32_t ordinal) {
    KeyGate::Moves moves;
    gate->decide({{{held, ordinal}, Verdict::kAck}}, moves);
    pass(moves);
  }

  Clock& clock = system_clock();
  Event asked;
  Traffic traffic{"q"};
  std::shared_ptr<KeyGate> gate = std::make_shared<KeyGate>();
  std::vector<std::int64_t> late;  // leases
  std::shared_ptr<RawClaims> own = std::make_shared<RawClaims>(clock, gate);
  RawClaims& claims = *own;
  std::vector<Span> unwanted;
};

TEST_F(RawClaimsTest, ARequestIsAskedForOnceWithoutAHintAndNeverRounded) {
  std::thread caller([&] { EXPECT_EQ(claim_now("q", 7, milliseconds(50), 1'000), nullptr); });
  const Demand demand = next_demand();
  EXPECT_EQ(demand.queue, "q");
  EXPECT_EQ(demand.count_max, 7U);
  EXPECT_EQ(demand.lease_ms, 1'000);
  EXPECT_TRUE(demand.is_urgent);
  EXPECT_TRUE(demand.is_exact);
  EXPECT_FALSE(demand.is_renewed);
  claims.answered(demand);
  EXPECT_FALSE(next_demand().is_urgent);
  caller.join();
  std::vector<Demand> out;
  claims.demands(out, clock.steady());
  EXPECT_TRUE(out.empty()) << "its caller has gone";
}

TEST_F(RawClaimsTest, WhatComesIsALotOfWhatIsLeftOfTheClaim) {
  LotPtr lot;
  std::thread caller([&] { lot = claim_now("q", 4, kLong, 1'000); });
  const Demand demand = next_demand();
  auto held = claim(4);
  held->done.set(1);
  EXPECT_TRUE(claims.deliver(demand, held));
  claims.answered(demand);
  caller.join();
  ASSERT_TRUE(lot);
  ASSERT_EQ(lot->size(), 3U);
  EXPECT_EQ(lot->body(0), "0");
  EXPECT_EQ(lot->body(1), "2");
  EXPECT_EQ(lot->body(2), "3");
}

TEST_F(RawClaimsTest, AClaimThatComesTooLateIsRefusedSoThatItGoesBack) {
  std::thread caller([&] { EXPECT_EQ(claim_now("q", 1, milliseconds(1), 1'000), nullptr); });
  const Demand demand = next_demand();
  claims.answered(demand);
  caller.join();
  EXPECT_FALSE(claims.deliver(demand, claim(1)));
}

TEST_F(RawClaimsTest, NotWaitingStillGivesTheStoreOneAnswer) {
  LotPtr lot;
  std::thread caller([&] { lot = claim_now("q", 1, Nanos::zero(), 1'000); });
  const Demand demand = next_demand();
  EXPECT_TRUE(claims.deliver(demand, claim(1)));
  claims.answered(demand);
  caller.join();
  EXPECT_TRUE(lot);
}

TEST_F(RawClaimsTest, CloseEndsEveryWaitAndRefusesWhatComes) {
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] { EXPECT_EQ(claim_now("q", 1, kNever, 1'000), nullptr); });
  const Demand demand = next_demand();
  claims.close();
  for (auto& caller : callers) caller.join();
  EXPECT_FALSE(claims.deliver(demand, claim(1)));
  EXPECT_EQ(claim_now("q", 1, kLong, 1'000), nullptr);
}

TEST_F(RawClaimsTest, AStoreGivenUpIsRaisedToEveryCaller) {
  std::thread caller([&] { EXPECT_THROW(claim_now("q", 1, kLong, 1'000), Error); });
  next_demand();
  claims.give_up(Error(ErrorCode::kStoreRejected, "gone"));
  caller.join();
  EXPECT_THROW(claim_now("q", 1, kLong, 1'000), Error);
}

TEST_F(RawClaimsTest, EachCallerGetsAClaimOfItsOwn) {
  std::atomic<int> got{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i)
    callers.emplace_back([&] { got += claim_now("q", 1, kLong, 1'000) != nullptr; });
  for (int i = 0; i < 8; ++i) {
    const Demand demand = next_demand();
    ASSERT_TRUE(claims.deliver(demand, claim(1)));
    claims.answered(demand);
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(got, 8);
}

// A store that does not answer must not keep its caller from looking for signals.
TEST_F(RawClaimsTest, AWaitInSlicesKeepsItsPlaceAndGetsOneLot) {
  const auto begun = claims.begin("q", 2, kLong, 1'000);
  EXPECT_EQ(begun->take(milliseconds(1)), nullptr);
  EXPECT_EQ(begun->take(milliseconds(1)), nullptr);
  EXPECT_FALSE(begun->is_over());
  const Demand demand = next_demand();
  EXPECT_TRUE(claims.deliver(demand, claim(2)));
  EXPECT_FALSE(begun->is_over());
  EXPECT_EQ(begun->take(Nanos::zero())->size(), 2U);
  EXPECT_TRUE(begun->is_over());
  std::vector<Demand> out;
  claims.demands(out, clock.steady());
  EXPECT_TRUE(out.empty()) << "it was served";
  EXPECT_FALSE(claims.deliver(demand, claim(1)));
}

TEST_F(RawClaimsTest, WhatCameForAWaitThatEndedGoesBack) {
  auto begun = claims.begin("q", 2, kLong, 1'000);
  EXPECT_TRUE(claims.deliver(next_demand(), claim(2)));
  begun.reset();
  ASSERT_EQ(unwanted.size(), 1U);
  EXPECT_EQ(unwanted.front().count(), 2U);
}

TEST_F(RawClaimsTest, OfAKeyACallerGetsOneAndTheNextWhenItIsDecided) {
  const auto first = claims.begin("q", 5, kLong, 1'000), second = claims.begin("q", 5, kLong, 700);
  const auto held = keyed_claim({{"k", "0"}, {"k", "1"}, {"k", "2"}});
  EXPECT_TRUE(claims.deliver(next_demand(), held));
  const LotPtr lot = first->take(kNever);
  ASSERT_EQ(lot->size(), 1u);
  EXPECT_EQ(lot->body(0), "0");
  EXPECT_EQ(second->take(Nanos::zero()), nullptr);
  late.clear();
  decide(held, 0);
  const LotPtr next = second->take(kNever);
  ASSERT_EQ(next->size(), 1u);
  EXPECT_EQ(next->body(0), "1");
  EXPECT_EQ(late, std::vector<std::int64_t>{700}) << "its lease begins now";
  decide(held, 1);
  EXPECT_TRUE(unwanted.empty()) << "2 is there for the next who asks";
  const auto third = claims.begin("q", 5, kLong, 700);
  EXPECT_EQ(third->take(kNever)->body(0), "2");
}

// They would wait for a slow key without an end.
TEST_F(RawClaimsTest, WhileAThousandWaitForTheirKeysNothingIsAskedFor) {
  const auto first = claims.begin("q", 5, kLong, 1'000);
  std::vector<std::pair<std::string, std::string>> slow(1'001, {"slow", "0"});
  EXPECT_TRUE(claims.deliver(next_demand(), keyed_claim(slow)));
  const LotPtr lot = first->take(kNever);
  const auto second = claims.begin("q", 5, kLong, 1'000), other = claims.begin("r", 1, kLong, 9);
  EXPECT_EQ(next_demand().queue, "r");
}

}  // namespace
}  // namespace msgq
