// Promise: what was claimed comes as the messages that were written; a block that is damaged or
// gone is named, and nothing of it runs.
#include "transport/postgres/claims.h"

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using transport::postgres::BlockCache;

class PostgresClaimsTest : public PostgresRoomTest {};

TEST_F(PostgresClaimsTest, ADamagedBlockBetweenGoodOnesIsGivenUpAlone) {
  Process& process = join();
  for (const char* body : {"a", "b", "c"}) process.append({body});
  ask("update :schema.block set frames = overlay(frames placing '\\x55aa'::bytea from 5) "
      "where seq = (select min(seq) + 1 from :schema.block)");
  EXPECT_EQ(bodies_of(process.claim_one(10)), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(depth().quarantined, 1u);
  EXPECT_EQ(ask("select count(*) from :schema.quarantine where length(frames) > 0"), "1");
}

TEST_F(PostgresClaimsTest, ABlockOfAnotherLengthThanItsRowSaysIsDamaged) {
  Process& process = join();
  process.append(numbered(3));
  ask("update :schema.block set n = 4");
  EXPECT_TRUE(process.claim(10).claims.empty());
  EXPECT_EQ(depth().quarantined, 4u);
  ask("update :schema.flushed set sent = sent + 1 where part = 1");  // as its row says
}

TEST_F(PostgresClaimsTest, OfAMissingBlockNothingRunsAndItsClaimStaysOpen) {
  Process& process = join();
  process.append({"a"});
  process.append({"b"});
  ask("create rule gone as on insert to :schema.claim do also delete from :schema.block "
      "where seq = (select min(seq) from :schema.block)");
  EXPECT_TRUE(process.claim(10).claims.empty());
  EXPECT_EQ(depth().leased, 2u);
  EXPECT_EQ(depth().done, 0u);
}

TEST_F(PostgresClaimsTest, PartsOfABlockComeFromMemoryAndAreTheSame) {
  Process& process = join();
  process.append(numbered(6));
  std::vector<std::string> got;
  for (int i = 0; i < 3; ++i) {
    const auto answer = process.claim({kQueue, 2, 0, 30'000, false, false, true});
    for (const auto& body : bodies_of(answer.claims.at(0))) got.push_back(body);
    store().damage();  // only who reads it again would see that
  }
  EXPECT_EQ(got, numbered(6));
}

TEST(BlockCacheTest, TheOldestGoFirst) {
  BlockCache cache;
  const auto block = block_of({"x"});
  for (std::int64_t seq = 1; seq <= 40; ++seq) cache.put(seq, block);
  EXPECT_EQ(cache.find(8), nullptr);
  EXPECT_NE(cache.find(9), nullptr);
  EXPECT_NE(cache.find(40), nullptr);
  EXPECT_EQ(cache.known().size(), 32u);
}

}  // namespace
}  // namespace msgq::test
