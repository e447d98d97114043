#include "transport/sqlite/readers.h"

#include "conformance/harness.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

using transport::Share;
using transport::sqlite::Readers;

const Share::OpenOf none = [](std::size_t) { return Share::Open(); };

class SqliteReadersTest : public RawStoreTest {
 protected:
  std::int64_t rows() { return store.connection.ask("select count(*) from reader"); }

  const std::int64_t now_ms = store.now.boot_ms;
  Readers& here = store.readers;
  Readers there{store.connection.handle()};
};

TEST_F(SqliteReadersTest, AloneNothingIsWritten) {
  for (int second = 0; second < 5; ++second) {
    const std::int64_t at_ms = now_ms + second * Share::kLookMs;
    EXPECT_EQ(here.share_of(3, 1, at_ms, none).others(), 0u);
    here.say(3, 1, false, at_ms);
  }
  EXPECT_EQ(rows(), 0);
}

TEST_F(SqliteReadersTest, WhoFindsAShardHeldSaysSoAndIsAnswered) {
  here.share_of(3, 1, now_ms, none);
  there.share_of(3, 2, now_ms, none);
  there.say(3, 2, true, now_ms);
  EXPECT_EQ(here.share_of(3, 1, now_ms, none).others(), 0u) << "it has just looked";
  const std::int64_t later_ms = now_ms + Share::kLookMs;
  const std::uint32_t others = here.share_of(3, 1, later_ms, none).others();
  EXPECT_NE(others, 0u);
  here.say(3, 1, false, later_ms);
  EXPECT_EQ(there.share_of(3, 2, later_ms, none).others() ^ others, 0xffffu)
      << "each shard is of one";
  EXPECT_EQ(here.share_of(4, 1, later_ms, none).others(), 0u) << "of another queue";
}

TEST_F(SqliteReadersTest, ItIsSaidOnceASecondAtMost) {
  here.share_of(3, 1, now_ms, none);
  here.say(3, 1, true, now_ms);
  const std::int64_t changes = store.connection.changes();
  here.say(3, 1, true, now_ms + Share::kLookMs - 1);
  EXPECT_EQ(store.connection.changes(), changes);
  here.say(3, 1, true, now_ms + Share::kLookMs);
  EXPECT_GT(store.connection.changes(), changes);
}

TEST_F(SqliteReadersTest, WhoGoesIsForgotten) {
  here.say(3, 1, true, now_ms);
  there.say(3, 2, true, now_ms);
  there.say(4, 2, true, now_ms);
  here.remove_process(2);
  EXPECT_EQ(rows(), 1);
  here.remove_subscription(3);
  EXPECT_EQ(rows(), 0);
}

}  // namespace
}  // namespace msgq::test
