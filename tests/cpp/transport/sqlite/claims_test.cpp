#include "transport/sqlite/claims.h"

#include "conformance/harness.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

using transport::sqlite::ClaimRow;
using transport::sqlite::ClaimState;
using transport::sqlite::Place;

class ClaimsTest : public RawStoreTest {
 protected:
  ClaimRow open(Place from, Place to, std::uint32_t n) {
    ClaimRow row;
    row.subscription = 1;
    row.lane = 1;
    row.gen = store.counter.draw();
    row.owner = 77;
    row.from = from;
    row.to = row.position = to;
    row.n = n;
    store.claims.insert(row, store.claims.read_newest(1, 1));
    return row;
  }
  static transport::ClaimKey key(const ClaimRow& row) {
    return {1, 1, static_cast<std::uint64_t>(row.gen), static_cast<std::uint64_t>(row.owner)};
  }
  void end(const ClaimRow& row) { store.claims.end(store.claims.read_open(key(row)).value()); }
  std::int64_t rows() { return store.connection.ask("select count(*) from claim"); }
  std::int64_t blocks() { return store.connection.ask("select count(*) from block"); }
  void append(std::int64_t seq, std::uint32_t count) {
    store.blocks.append(1, seq, block_of(numbered(count)), {}, 0);
  }
};

TEST_F(ClaimsTest, TheNewestRowIsThePositionAndIsOnlyReplaced) {
  const auto first = open({1, 0}, {2, 0}, 3);
  end(first);
  store.claims.finish();
  EXPECT_EQ(rows(), 1);
  EXPECT_EQ(store.claims.read_newest(1, 1).position, (Place{2, 0}));
  open({2, 0}, {3, 0}, 3);
  EXPECT_EQ(rows(), 1) << "the settled row went when a newer one came";
  EXPECT_EQ(store.claims.read_newest(1, 1).position, (Place{3, 0}));
}

TEST_F(ClaimsTest, SixSettlesBeforeFive) {
  const auto five = open({1, 0}, {2, 0}, 1), six = open({2, 0}, {3, 0}, 1);
  end(six);
  store.claims.finish();
  EXPECT_TRUE(store.claims.read_open(key(five)).has_value());
  end(five);
  store.claims.finish();
  EXPECT_EQ(rows(), 1);
  EXPECT_EQ(store.claims.read_newest(1, 1).gen, six.gen);
}

TEST_F(ClaimsTest, AClaimEndsOnceAlsoInsideOneTransaction) {
  const auto row = open({1, 0}, {2, 0}, 1);
  end(row);
  EXPECT_FALSE(store.claims.read_open(key(row)).has_value());
  EXPECT_FALSE(store.claims.extend(key(row), 9));
  EXPECT_EQ(store.claims.count_of_process(1).all, 0);
}

TEST_F(ClaimsTest, AStrangersOwnerIsNoKey) {
  const auto row = open({1, 0}, {2, 0}, 1);
  auto stranger = key(row);
  ++stranger.owner;
  EXPECT_FALSE(store.claims.read_open(stranger).has_value());
  EXPECT_FALSE(store.claims.extend(stranger, 9));
}

TEST_F(ClaimsTest, ABlockGoesWithTheLastOfItsClaims) {
  append(1, 10);
  const auto left = open({1, 0}, {1, 4}, 4);
  end(left);
  store.claims.finish();
  EXPECT_EQ(blocks(), 1) << "the position is still inside";
  const auto right = open({1, 4}, {2, 0}, 6);
  end(right);
  store.claims.finish();
  EXPECT_EQ(blocks(), 0);
}

TEST_F(ClaimsTest, ALapsedHalfKeepsTheBlock) {
  append(1, 10);
  const auto left = open({1, 0}, {1, 4}, 4), right = open({1, 4}, {2, 0}, 6);
  store.claims.lapse(left);
  end(right);
  store.claims.finish();
  EXPECT_EQ(blocks(), 1);
  EXPECT_EQ(store.counter.lapsed(), 1);
  ASSERT_EQ(store.claims.read_lapsed(1, 1).size(), 1u);
}

}  // namespace
}  // namespace msgq::test
