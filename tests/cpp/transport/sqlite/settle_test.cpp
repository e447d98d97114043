#include "transport/sqlite/settle.h"

#include "conformance/harness.h"
#include "transport/sqlite/append.h"
#include "transport/sqlite/claim.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

class SettleTest : public RawStoreTest {
 protected:
  void append(std::uint32_t count) {
    transport::sqlite::append(store, {kQueue, block_of(numbered(count))});
  }
  Claimed claim(std::uint32_t count) {
    std::vector<ClaimAnswer> out;
    transport::sqlite::claim_all(store, {{kQueue, count, 0, 30'000, false}}, out);
    return out.at(0).claims.at(0);
  }
  std::int64_t blocks() {
    store.claims.finish();
    return store.connection.ask("select count(*) from block");
  }
};

TEST_F(SettleTest, TwoHalvesOfABlockInOneTransactionDeleteIt) {
  append(10);
  const Claimed left = claim(4), right = claim(10);
  EXPECT_TRUE(transport::sqlite::settle(store, ack_all(right)));
  EXPECT_TRUE(transport::sqlite::settle(store, ack_all(left)));
  EXPECT_EQ(blocks(), 0);
}

TEST_F(SettleTest, ASecondSettleInTheSameTransactionIsLost) {
  append(3);
  const Claimed claimed = claim(3);
  EXPECT_TRUE(transport::sqlite::settle(store, ack_all(claimed)));
  EXPECT_FALSE(transport::sqlite::settle(store, ack_all(claimed)));
  EXPECT_FALSE(transport::sqlite::extend(store, {claimed.key, 9}));
}

TEST_F(SettleTest, TenSlowClaimsOfOneBlockKeepItUntilTheLast) {
  append(10);
  std::vector<Claimed> held;
  for (int i = 0; i < 9; ++i) held.push_back(claim(1));
  const Claimed last = claim(1);
  for (const auto& each : held) {
    EXPECT_TRUE(transport::sqlite::settle(store, ack_all(each)));
    EXPECT_EQ(blocks(), 1);
  }
  EXPECT_TRUE(transport::sqlite::settle(store, ack_all(last)));
  EXPECT_EQ(blocks(), 0);
}

TEST_F(SettleTest, GivingBackCountsNoAttemptAndLapsingDoes) {
  append(2);
  auto row = store.claims.read_open(claim(2).key).value();
  transport::sqlite::lapse(store, row, false);
  EXPECT_EQ(claim(2).attempt, 1u);
  row = store.claims.read_of_lane(row.subscription, row.lane).at(0);
  transport::sqlite::lapse(store, row, true);
  EXPECT_EQ(claim(2).attempt, 2u);
}

}  // namespace
}  // namespace msgq::test
