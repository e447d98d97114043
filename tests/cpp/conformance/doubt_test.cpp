// Promise: when a reply is lost it is found out whether the exchange happened; nothing is done
// twice, nothing is forgotten, and a claim nobody heard of costs no attempt.
#include "conformance/harness.h"

namespace msgq::test {
namespace {

class DoubtConformance : public ConformanceTest {
 protected:
  std::shared_ptr<ScriptedPlan> plan_ = std::make_shared<ScriptedPlan>();

  void expect_doubt(Process& process, const Exchange& in) {
    EXPECT_EQ(code_of([&] { process.exchange(in); }), ErrorCode::kStoreInDoubt);
  }
};

TEST_P(DoubtConformance, AnAppendWhoseReplyWasLostIsThereOnce) {
  Process& process = join_with(plan_);
  Exchange in;
  in.appends.push_back({kQueue, block_of(numbered(3))});
  plan_->push(Fault::kDoubtDone);
  expect_doubt(process, in);
  ExchangeResult out;
  EXPECT_TRUE(process.session().resolve(out));
  EXPECT_EQ(drain(process), numbered(3));
  EXPECT_EQ(depth().sent, 3u);
}

TEST_P(DoubtConformance, AnAppendThatWasLostIsSentAgain) {
  Process& process = join_with(plan_);
  Exchange in;
  in.appends.push_back({kQueue, block_of(numbered(3))});
  plan_->push(Fault::kDoubtUndone);
  expect_doubt(process, in);
  ExchangeResult out;
  EXPECT_FALSE(process.session().resolve(out));
  process.exchange(in);
  EXPECT_EQ(drain(process), numbered(3));
  EXPECT_EQ(depth().sent, 3u);
}

TEST_P(DoubtConformance, ASettleWhoseReplyWasLostKeepsItsAnswers) {
  Process& process = join_with(plan_);
  process.append(numbered(2));
  const Claimed good = process.claim_one(1), gone = process.claim_one(1);
  EXPECT_TRUE(process.settle(give_back(gone)));
  Exchange in;
  in.settles = {ack_all(good), ack_all(gone)};
  plan_->push(Fault::kDoubtDone);
  expect_doubt(process, in);
  ExchangeResult out;
  ASSERT_TRUE(process.session().resolve(out));
  EXPECT_EQ(out.settle_lost, (std::vector<bool>{false, true}));
  EXPECT_EQ(depth().done, 1u);
}

TEST_P(DoubtConformance, AClaimWhoseReplyWasLostIsGivenBackUncounted) {
  Process& process = join_with(plan_);
  process.append(numbered(5));
  Exchange in;
  in.claims.push_back({kQueue, 10, 0, 30'000, false, false});
  plan_->push(Fault::kDoubtDone);
  expect_doubt(process, in);
  EXPECT_EQ(depth().leased, 5u);
  ExchangeResult out;
  EXPECT_TRUE(process.session().resolve(out));
  EXPECT_TRUE(out.claims.empty());
  EXPECT_EQ(depth().waiting, 5u);
  const Claimed claimed = process.claim_one(10);
  EXPECT_EQ(claimed.attempt, 1u);
  EXPECT_EQ(bodies_of(claimed), numbered(5));
}

TEST_P(DoubtConformance, ClaimsHeardOfBeforeTheDoubtAreSettledAfterIt) {
  Process& process = join_with(plan_);
  process.append(numbered(2));
  const Claimed held = process.claim_one(1);
  Exchange in;
  in.claims.push_back({kQueue, 1, 0, 30'000, false, false});
  plan_->push(Fault::kDoubtDone);
  expect_doubt(process, in);
  ExchangeResult out;
  EXPECT_TRUE(process.session().resolve(out));
  EXPECT_TRUE(process.settle(ack_all(held)));
  EXPECT_EQ(depth().done, 1u);
}

TEST_P(DoubtConformance, CertainFailuresDoNothingAndMayComeAgain) {
  Process& process = join_with(plan_);
  Exchange in;
  in.appends.push_back({kQueue, block_of(numbered(2))});
  plan_->push(Fault::kUnavailable);
  plan_->push(Fault::kFull);
  EXPECT_EQ(code_of([&] { process.exchange(in); }), ErrorCode::kStoreUnavailable);
  EXPECT_EQ(code_of([&] { process.exchange(in); }), ErrorCode::kStoreFull);
  EXPECT_EQ(depth().sent, 0u);
  process.exchange(in);
  EXPECT_EQ(depth().sent, 2u);
}

TEST_P(DoubtConformance, WhatAProcessDidBeforeItCrashedStays) {
  Process& other = join();
  for (const Fault fault : {Fault::kCrashBefore, Fault::kCrashAfter}) {
    Process& process = join_with(plan_);
    Exchange in;
    in.appends.push_back({kQueue, block_of({"x"})});
    plan_->push(fault);
    expect_doubt(process, in);
    ExchangeResult out;
    EXPECT_EQ(code_of([&] { process.session().resolve(out); }), ErrorCode::kStoreUnavailable);
  }
  EXPECT_EQ(drain(other), (std::vector<std::string>{"x"}));
}

MSGQ_CONFORMANCE(DoubtConformance);

}  // namespace
}  // namespace msgq::test
