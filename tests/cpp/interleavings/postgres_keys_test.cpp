// Promise: whoever meets, no key waits for what is no more: what goes behind a parked message while
// that is called off comes back, if not at once, then within seconds.
#include <thread>

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using Return = SettleOrder::Return;
using Bodies = std::vector<std::string>;

constexpr char kKey[] = "user-42";

class PostgresKeysInterleavings : public PostgresRoomTest {
 protected:
  void append(Process& process, const std::string& body) {
    std::vector<Parcel> parcels(1);
    parcels[0].band = band_of(kPriorityNormal, kKey);
    parcels[0].first_id = draw_ids(1, FakeClock::kWallStartMs);
    parcels[0].add(body, {}, kKey);
    Exchange in;
    in.appends.push_back({kQueue,
                          transport::Block::build(std::move(parcels), FakeClock::kWallStartMs),
                          band_of(kPriorityNormal, kKey)});
    process.exchange(in);
  }
  // Parks the one message of a claim.
  static SettleOrder park(const Claimed& claimed, Return kind, std::int64_t due_ms) {
    SettleOrder order = ack_some(claimed, {});
    add_back(order, claimed, 0, kind, due_ms);
    order.backs.back().message.place = {claimed.parts[0].seq, claimed.parts[0].first};
    order.is_whole = true;
    return order;
  }
};

TEST_F(PostgresKeysInterleavings, WhatGoesBehindACalledOffMessageComesBack) {
  Process& process = join();
  append(process, "first");
  const std::int64_t later_ms = clock().wall_ms() + 3'600'000;
  const Claimed first = process.claim_one(1);
  const MessageId id = message_at(first, 0).id;
  EXPECT_TRUE(process.settle(park(first, Return::kRetry, later_ms)));
  append(process, "second");
  const Claimed second = process.claim_one(1);
  ASSERT_TRUE(second.away.has(0));
  EXPECT_EQ(process.promote(), 0u);

  OpenTransaction holder(store().config().schema);
  holder.run("lock table :schema.flushed in share mode");  // stops a settle just before its commit
  std::thread settle([&] { EXPECT_TRUE(process.settle(park(second, Return::kBehind, later_ms))); });
  holder.await_waiters();
  EXPECT_EQ(observer().cancel(kQueue, {id}), 1u) << "it sees nothing behind it";
  holder.run("commit");
  settle.join();

  EXPECT_EQ(process.promote(), 0u);
  clock().advance(std::chrono::seconds(10));
  EXPECT_EQ(process.promote(), 1u);
  EXPECT_EQ(bodies_of(process.claim_one(1)), Bodies{"second"});
}

TEST_F(PostgresKeysInterleavings, WhatRightlyWaitsIsNotWoken) {
  Process& process = join();
  append(process, "first");
  append(process, "second");
  const Claimed first = process.claim_one(1);
  const Claimed second = process.claim_one(1);
  const std::int64_t later_ms = clock().wall_ms() + 60'000;
  EXPECT_TRUE(process.settle(park(first, Return::kRetry, later_ms)));
  EXPECT_TRUE(process.settle(park(second, Return::kBehind, later_ms)));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(process.promote(), 0u);
    clock().advance(std::chrono::seconds(10));
  }
  clock().advance(std::chrono::seconds(10));
  EXPECT_EQ(process.promote(), 2u);
  EXPECT_EQ(drain(process), (Bodies{"first", "second"}));
}

}  // namespace
}  // namespace msgq::test
