// Promise: an exchange's orders reach the store's functions as they were meant: times as distances,
// bits in order, messages whole.
#include "transport/postgres/order_params.h"

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

class PostgresOrderParamsTest : public PostgresRoomTest {};

TEST_F(PostgresOrderParamsTest, DueTimesAreDistancesFromTheSendersClock) {
  Process& process = join();
  clock().step_wall(std::chrono::hours(5));  // the server's clock stays
  process.park("later", clock().wall_ms() + 10'000);
  process.park("past", clock().wall_ms() - 10'000);
  EXPECT_EQ(process.promote(), 1u) << "the past is now";
  clock().advance(std::chrono::seconds(9));
  EXPECT_EQ(process.promote(), 0u);
  clock().advance(std::chrono::seconds(2));
  EXPECT_EQ(process.promote(), 1u);
}

TEST_F(PostgresOrderParamsTest, BitsOfALongClaimStandAtTheirOrdinals) {
  Process& process = join();
  process.append(numbered(1'000));
  const Claimed claimed = process.claim_one(1'000);
  EXPECT_TRUE(process.settle(ack_some(claimed, {0, 7, 8, 63, 64, 511, 999})));
  EXPECT_EQ(ask("select length(done) || ' ' || length(replace(done::text, '0', '')) || ' ' || "
                "get_bit(done, 511) || get_bit(done, 512) || get_bit(done, 999) "
                "from :schema.claim"),
            "1000 7 101");
}

TEST_F(PostgresOrderParamsTest, EachMessageSetAsideGoesWithItsOwnSettle) {
  Process& process = join();
  process.append({"a", "b"});
  process.append({"c", "d"}, "other");
  const Claimed one = process.claim_one(2), two = process.claim_one(2, "other");
  SettleOrder first = ack_some(one, {0}), second = ack_some(two, {});
  add_back(first, one, 1, SettleOrder::Return::kRetry, clock().wall_ms());
  add_dead(second, two, 0, "why: \"c\"");
  add_back(second, two, 1, SettleOrder::Return::kSnooze, clock().wall_ms());
  first.is_whole = second.is_whole = true;
  Exchange in;
  in.settles = {second, first};
  process.exchange(in);
  EXPECT_EQ(process.promote(), 2u);
  EXPECT_EQ(drain(process), std::vector<std::string>{"b"});
  EXPECT_EQ(drain(process, "other"), std::vector<std::string>{"d"});
  const auto dead = process.look().dead("other", "", 10);
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0].message.body, "c");
  EXPECT_EQ(dead[0].reason, "why: \"c\"");
}

}  // namespace
}  // namespace msgq::test
