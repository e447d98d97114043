// Promise: a transport does what its capability record says, and refuses the rest by name.
#include "conformance/harness.h"
#include "support/temp_dir.h"

namespace msgq::test {
namespace {

class CapabilityConformance : public ConformanceTest {
 protected:
  static const transport::Capability& record_of(Process& process) {
    return process.transport().capability();
  }
};

TEST_P(CapabilityConformance, DurableIsWhatHoldsBytesAndSharedWhatWakesOthers) {
  Process& process = join();
  EXPECT_EQ(record_of(process).is_durable, GetParam().holds_bytes);
  EXPECT_EQ(record_of(process).is_shared, process.transport().wake() != nullptr);
}

TEST_P(CapabilityConformance, ABackupIsMadeOrRefusedByName) {
  Process& process = join();
  const TempDir dir;
  process.append({"x"});
  const auto backup = [&] { process.look().backup(dir.file("copy")); };
  if (record_of(process).can_backup) {
    EXPECT_NO_THROW(backup());
    return;
  }
  const Error error = error_of(backup);
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_EQ(std::string(error.what()).find(record_of(process).scheme), 0u) << error.what();
}

TEST_P(CapabilityConformance, WhoCanLookShowsAMessageAndClaimsNone) {
  Process& process = join();
  process.append({"x"});
  ASSERT_TRUE(record_of(process).can_look);
  EXPECT_EQ(process.look().peek(kQueue, {}, 10).size(), 1u);
  EXPECT_EQ(depth().waiting, 1u);
}

TEST_P(CapabilityConformance, WhoCanDelayHoldsAMessageUntilItIsDue) {
  Process& process = join();
  ASSERT_TRUE(record_of(process).can_delay);
  process.park("x", wall_ms() + 1'000);
  EXPECT_EQ(process.promote(), 0u);
  clock().advance(std::chrono::seconds(2));
  EXPECT_EQ(process.promote(), 1u);
}

TEST_P(CapabilityConformance, WhoCanExtendMovesTheEndOfALease) {
  Process& process = join();
  ASSERT_TRUE(record_of(process).can_extend);
  process.append({"x"});
  EXPECT_TRUE(process.extend(process.claim_one(1), clock().boot_ms() + 90'000));
  clock().advance(std::chrono::seconds(60));
  EXPECT_EQ(process.reclaim(), 0u);
}

TEST_P(CapabilityConformance, WhoHasPrioritiesHandsOutTheMoreUrgentFirst) {
  Process& process = join();
  ASSERT_TRUE(record_of(process).has_priorities);
  process.append({"normal"});
  Exchange in;
  in.appends.push_back({kQueue, block_of({"urgent"}), 9});
  process.exchange(in);
  EXPECT_EQ(drain(process), (std::vector<std::string>{"urgent", "normal"}));
}

TEST_P(CapabilityConformance, WhoCanExpireCountsWhatWasNotRun) {
  Process& process = join();
  ASSERT_TRUE(record_of(process).can_expire);
  process.append({"x"});
  SettleOrder order = ack_all(process.claim_one(1));
  std::swap(order.acked, order.expired);
  EXPECT_TRUE(process.settle(order));
  EXPECT_EQ(depth().expired, 1u);
}

TEST_P(CapabilityConformance, WhoCanCancelCallsParkedMessagesOff) {
  Process& process = join();
  ASSERT_TRUE(record_of(process).can_cancel);
  process.park("x", wall_ms() + 1'000);
  const MessageId id = observer().peek(kQueue, {}, 1).at(0).message.id;
  EXPECT_EQ(observer().cancel(kQueue, {id}), 1u);
}

TEST_P(CapabilityConformance, WhoCanPauseGivesNothingOut) {
  Process& process = join();
  ASSERT_TRUE(record_of(process).can_pause);
  process.append({"x"});
  QueueChange change;
  change.is_paused = true;
  observer().alter(kQueue, change);
  EXPECT_TRUE(process.claim(1).claims.empty());
}

TEST_P(CapabilityConformance, WhoHasSubscriptionsGivesEachEveryMessage) {
  Process& process = join();
  ASSERT_TRUE(record_of(process).has_subscriptions);
  EXPECT_TRUE(observer().subscribe(kQueue, "audit", {}));
  process.append({"x"});
  EXPECT_EQ(drain(process), drain(process, subscription_name(kQueue, "audit")));
}

TEST_P(CapabilityConformance, WhoCanBoundRefusesWhatIsMore) {
  Process& process = join();
  ASSERT_TRUE(record_of(process).can_bound);
  QueueChange change;
  change.creates = true;
  change.length_max = 1;
  observer().alter(kQueue, change);
  process.append({"x"});
  EXPECT_THROW(process.append({"y"}), transport::QueueFull);
}

TEST_P(CapabilityConformance, OnlyWhoCanProveDeathBlamesAMessageForIt) {
  Process& other = join();
  ASSERT_EQ(record_of(other).can_prove_death, !GetParam().is_pooled);
  other.append({"x"});
  for (std::uint32_t deaths = 1; deaths <= 5; ++deaths) {
    Process& victim = join();
    victim.claim_one(1);
    victim.kill();
    EXPECT_EQ(other.reclaim(), 1u);
    const auto found = other.claim(1);
    EXPECT_EQ(found.suspects_waiting, record_of(other).can_prove_death);
    if (record_of(other).can_prove_death) return;
    ASSERT_EQ(found.claims.size(), 1u);
    EXPECT_FALSE(found.claims[0].is_suspect);
    EXPECT_EQ(found.claims[0].crashes, 0u);
    EXPECT_TRUE(other.settle(give_back(found.claims[0])));
  }
  EXPECT_EQ(drain(other), std::vector<std::string>{"x"});
}

MSGQ_CONFORMANCE(CapabilityConformance);

}  // namespace
}  // namespace msgq::test
