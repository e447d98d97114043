// Promise: an exchange with a required settle or with strict messages happens as a whole or not at
// all: where a lease was lost or a message is a duplicate, nothing of it is there, and it is told
// which. A crash inside it leaves all of it or nothing.
#include "conformance/harness.h"

namespace msgq::test {
namespace {

using Bodies = std::vector<std::string>;

class BundleConformance : public ConformanceTest {
 protected:
  static Exchange moving(const Claimed& claimed, const Bodies& bodies,
                         const std::string& to = "next") {
    Exchange in;
    SettleOrder order = ack_all(claimed);
    order.is_required = true;
    in.settles.push_back(order);
    in.appends.push_back({to, block_of(bodies)});
    return in;
  }
  static Exchange once(const std::string& body, bool refuses_same) {
    Parcel parcel;
    parcel.queue = kQueue;
    parcel.first_id = draw_ids(1, FakeClock::kWallStartMs);
    parcel.add(body, {}, {}, Once{"x", Once::Until::kWindow, 60'000}.encode());
    std::vector<Parcel> parcels;
    parcels.push_back(std::move(parcel));
    Exchange in;
    in.appends.push_back({"next", block_of({"first"})});
    in.appends.push_back(
        {kQueue, transport::Block::build(std::move(parcels), FakeClock::kWallStartMs)});
    in.stricts.push_back({1, 1, refuses_same});
    return in;
  }
};

TEST_P(BundleConformance, TheEndOfOneAndTheBeginningOfOthersAreOne) {
  Process& process = join();
  process.append({"a"});
  const Claimed claimed = process.claim_one(1);
  Exchange in = moving(claimed, {"b", "c"});
  in.parks.push_back({"later", wall_ms() + 60'000, StoredMessage::copy(block_of({"d"})->view(0))});
  process.exchange(in);
  EXPECT_EQ(depth().done, 1u);
  EXPECT_EQ(drain(process, "next"), (Bodies{"b", "c"}));
  EXPECT_EQ(depth("later").parked, 1u);
}

TEST_P(BundleConformance, WithoutItsLeaseNothingOfItHappens) {
  Process& first = join();
  Process& second = join();
  first.append({"a"});
  const Claimed lost = first.claim_one(1);
  clock().advance(std::chrono::seconds(60));
  second.reclaim();
  first.append({"b"}, "other");
  const Claimed open = first.claim_one(1, "other");
  Exchange in = moving(lost, {"c"});
  in.settles.push_back(ack_all(open));
  try {
    first.exchange(in);
    ADD_FAILURE() << "a lease was lost";
  } catch (const transport::ClaimLost& error) {
    EXPECT_EQ(error.code(), ErrorCode::kLeaseLost);
  }
  EXPECT_EQ(depth("next").sent, 0u);
  EXPECT_EQ(depth("other").done, 0u);
  EXPECT_TRUE(first.settle(ack_all(open)));
}

TEST_P(BundleConformance, AStrictDuplicateLetsNothingHappen) {
  Process& process = join();
  process.exchange(once("a", true));
  EXPECT_EQ(drain(process, "next"), (Bodies{"first"}));
  try {
    process.exchange(once("a", true));
    ADD_FAILURE() << "a duplicate was stored";
  } catch (const transport::DuplicateRefused& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDuplicate);
    EXPECT_EQ(error.number, 1u);
  }
  EXPECT_EQ(process.exchange(once("a", false)).duplicates.size(), 1u);
  EXPECT_EQ(drain(process, "next"), (Bodies{"first"}));
  EXPECT_THROW(process.exchange(once("other", false)), transport::DuplicateRefused);
  EXPECT_EQ(drain(process, "next"), Bodies{});
  EXPECT_EQ(drain(process), (Bodies{"a"}));
}

TEST_P(BundleConformance, InDoubtItIsAllOfItOrNothing) {
  for (const Fault fault : {Fault::kDoubtDone, Fault::kDoubtUndone}) {
    auto plan = std::make_shared<ScriptedPlan>();
    Process& process = join_with(plan);
    process.append({"a"});
    const Claimed claimed = process.claim_one(1);
    const QueueDepth before = depth();
    const std::string to = fault == Fault::kDoubtDone ? "done" : "undone";
    plan->push(fault);
    EXPECT_THROW(process.exchange(moving(claimed, {"b", "c"}, to)), Error);
    ExchangeResult out;
    const bool has_happened = process.session().resolve(out);
    EXPECT_EQ(has_happened, fault == Fault::kDoubtDone);
    EXPECT_EQ(depth().done - before.done, has_happened ? 1u : 0u);
    EXPECT_EQ(depth(to).sent, has_happened ? 2u : 0u);
  }
}

TEST_P(BundleConformance, OfAProcessThatDiesItIsAllOrNothing) {
  for (const Fault fault : {Fault::kCrashAfter, Fault::kCrashBefore}) {
    auto plan = std::make_shared<ScriptedPlan>();
    Process& process = join_with(plan);
    process.append({"a"});
    const Claimed claimed = process.claim_one(1);
    const QueueDepth before = depth();
    const std::string to = fault == Fault::kCrashAfter ? "after" : "before";
    plan->push(fault);
    EXPECT_ANY_THROW(process.exchange(moving(claimed, {"b", "c"}, to)));
    const bool is_there = fault == Fault::kCrashAfter;
    EXPECT_EQ(depth().done - before.done, is_there ? 1u : 0u);
    EXPECT_EQ(depth(to).sent, is_there ? 2u : 0u);
  }
}

MSGQ_CONFORMANCE(BundleConformance);

}  // namespace
}  // namespace msgq::test
