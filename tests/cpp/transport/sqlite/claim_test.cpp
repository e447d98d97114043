#include "transport/sqlite/claim.h"

#include "conformance/harness.h"
#include "transport/sqlite/append.h"
#include "transport/sqlite/raw_store.h"
#include "transport/sqlite/settle.h"

namespace msgq::test {
namespace {

class ClaimTest : public RawStoreTest {
 protected:
  void append(std::uint32_t count) {
    transport::sqlite::append(store, {kQueue, block_of(numbered(count))});
  }
  ClaimAnswer claim(std::uint32_t count) {
    std::vector<ClaimAnswer> out;
    transport::sqlite::claim_all(store, {{kQueue, count, 0, 30'000, false}}, out);
    return out.at(0);
  }
  void lapse_all() {
    const auto& queue = *store.directory.find(kQueue);
    for (auto& row : store.claims.read_of_lane(queue.subscription, queue.bands.at(5).main))
      if (row.state == transport::sqlite::ClaimState::kOpen)
        transport::sqlite::lapse(store, row, true);
  }
};

TEST_F(ClaimTest, SmallClaimsOfOneBlockShareItsBytes) {
  append(10);
  const auto first = claim(2), second = claim(2);
  EXPECT_EQ(first.claims.at(0).parts.at(0).block, second.claims.at(0).parts.at(0).block);
  EXPECT_TRUE(first.has_more);
}

TEST_F(ClaimTest, AMissingBlockIsReportedOnceAndTheLaneGoesOn) {
  append(3);
  append(3);
  claim(6);
  lapse_all();
  store.connection.run("delete from block where id = (select min(id) from block)");
  store.blocks.forget();
  append(2);
  for (int i = 0; i < 3; ++i)
    for (const auto& claimed : claim(10).claims) EXPECT_EQ(claimed.count(), 2u);
  int reports = 0;
  for (const auto& [level, text] : base.log.drain())
    reports += text.find("is missing") != std::string::npos;
  EXPECT_EQ(reports, 1);
}

TEST_F(ClaimTest, ADamagedBlockInALapsedRangeCostsOnlyItself) {
  for (int i = 0; i < 3; ++i) append(4);
  claim(12);
  lapse_all();
  store.connection.run(
      "update block set frames = zeroblob(9) where id = (select id from block order by id limit 1 "
      "offset 1)");
  store.blocks.forget();
  std::uint32_t seen = 0;
  for (int i = 0; i < 4; ++i)
    for (const auto& claimed : claim(100).claims) seen += claimed.count();
  EXPECT_EQ(seen, 8u);
  store.totals.save();
  EXPECT_EQ(store.totals.read(store.directory.find(kQueue)->subscription).quarantined, 4);
}

TEST_F(ClaimTest, LapsedRowsAreCountedDownAsTheyAreTaken) {
  append(6);
  claim(6);
  lapse_all();
  EXPECT_EQ(store.counter.lapsed(), 1);
  claim(2);
  EXPECT_EQ(store.counter.lapsed(), 1);
  claim(100);
  EXPECT_EQ(store.counter.lapsed(), 0);
}

}  // namespace
}  // namespace msgq::test
