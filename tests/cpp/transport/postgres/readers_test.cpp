// Promise: who is alone on the keys of a queue writes nothing of it; who finds others there says
// so, once a second at most, and what it said goes with it.
#include "transport/postgres/readers.h"

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

constexpr char kKey[] = "user-42";

class PostgresReadersTest : public PostgresRoomTest {
 protected:
  void append(Process& process) {
    std::vector<Parcel> parcels(1);
    parcels[0].band = band_of(kPriorityNormal, kKey);
    parcels[0].first_id = draw_ids(1, FakeClock::kWallStartMs);
    parcels[0].add("x", {}, kKey);
    Exchange in;
    in.appends.push_back({kQueue,
                          transport::Block::build(std::move(parcels), FakeClock::kWallStartMs),
                          band_of(kPriorityNormal, kKey)});
    process.exchange(in);
  }
  std::string rows() { return ask("select count(*) from :schema.reader"); }
  std::string writes() {
    return ask("select coalesce(sum(xmin::text::bigint), 0) from :schema.reader");
  }
  void second() { clock().advance(std::chrono::seconds(1)); }
};

TEST_F(PostgresReadersTest, AloneNothingIsWritten) {
  Process& alone = join();
  for (int i = 0; i < 5; ++i) {
    append(alone);
    EXPECT_TRUE(alone.settle(ack_all(alone.claim_one(1))));
    second();
  }
  EXPECT_EQ(rows(), "0");
}

TEST_F(PostgresReadersTest, WhoFindsAShardHeldSaysSoAndIsAnswered) {
  Process& holder = join();
  Process& other = join();
  append(holder);
  const Claimed held = holder.claim_one(1);
  other.claim(1);
  other.claim(1);
  EXPECT_EQ(rows(), "1");
  const std::string before = writes();
  other.claim(1);
  EXPECT_EQ(writes(), before) << "not twice a second";
  second();
  holder.claim(1);
  EXPECT_EQ(rows(), "2");
  EXPECT_TRUE(holder.settle(ack_all(held)));
  leave(other);
  EXPECT_EQ(rows(), "1");
  observer().delete_queue(kQueue);
  EXPECT_EQ(rows(), "0");
}

TEST_F(PostgresReadersTest, WhoFindsNothingToDoIsSilent) {
  Process& holder = join();
  Process& other = join();
  append(holder);
  const Claimed held = holder.claim_one(1);
  other.claim(1);
  other.claim(1);
  EXPECT_TRUE(holder.settle(ack_all(held)));
  const std::string before = writes();
  for (int i = 0; i < 5; ++i) {
    second();
    other.claim(1);
  }
  EXPECT_EQ(writes(), before);
}

}  // namespace
}  // namespace msgq::test
