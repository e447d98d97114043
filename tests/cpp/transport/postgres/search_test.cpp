// Promise: any message of a queue is found by its id, wherever it is, and pages show each once.
#include "transport/postgres/search.h"

#include <set>

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

class PostgresSearchTest : public PostgresRoomTest {};

TEST_F(PostgresSearchTest, AnIdIsFoundAmongManyBlocks) {
  Process& process = join();
  std::vector<MessageId> ids;
  for (int i = 0; i < 300; ++i) ids.push_back(process.append({std::to_string(i), "second"}));
  for (const std::size_t i : {0u, 1u, 63u, 150u, 298u, 299u}) {
    const auto found = process.look().find(kQueue, ids[i]);
    ASSERT_TRUE(found) << i;
    EXPECT_EQ(found->message.body, std::to_string(i));
    EXPECT_EQ(found->state, "waiting");
  }
  EXPECT_FALSE(process.look().find(kQueue, MessageId{1, 1}));
}

TEST_F(PostgresSearchTest, OneWrittenLongAfterItsIdWasMadeIsFound) {
  Process& process = join();
  process.append({"first"});
  clock().advance(std::chrono::hours(5));  // the ids of tests stay at the start
  for (int i = 0; i < 100; ++i) process.append({"x"});
  const MessageId late = process.append({"late"});
  ASSERT_TRUE(process.look().find(kQueue, late));
}

TEST_F(PostgresSearchTest, EveryStateIsTold) {
  Process& process = join();
  const MessageId leased = process.append({"leased"});
  const Claimed held = process.claim_one(1);
  const MessageId waiting = process.append({"waiting"});
  Exchange park;
  park.parks.push_back(
      {kQueue, clock().wall_ms() + 60'000, StoredMessage::copy(block_of({"parked"})->view(0))});
  process.exchange(park);
  EXPECT_EQ(process.look().find(kQueue, leased)->state, "leased");
  EXPECT_EQ(process.look().find(kQueue, waiting)->state, "waiting");
  const auto parked = process.look().find(kQueue, park.parks[0].message.id);
  EXPECT_EQ(parked->state, "parked");
  EXPECT_EQ(parked->due_ms, clock().wall_ms() + 60'000);
  SettleOrder order = ack_some(held, {});
  add_dead(order, held, 0, "why");
  order.is_whole = true;
  EXPECT_TRUE(process.settle(order));
  EXPECT_EQ(process.look().find(kQueue, leased)->state, "dead");
}

TEST_F(PostgresSearchTest, PagesShowEachMessageOnce) {
  Process& process = join();
  for (int i = 0; i < 5; ++i) process.append(numbered(7, static_cast<std::uint32_t>(i) * 7));
  const Claimed first = process.claim({kQueue, 3, 0, 30'000, false, false, true}).claims.at(0);
  EXPECT_TRUE(process.settle(ack_all(first)));
  for (int i = 0; i < 4; ++i) process.park("p" + std::to_string(i), clock().wall_ms() + 60'000);
  for (const std::uint32_t limit : {1u, 2u, 3u, 7u, 100u}) {
    std::multiset<std::string> seen;
    std::string after;
    for (;;) {
      const auto page = process.look().peek(kQueue, after, limit);
      for (const auto& found : page) seen.insert(found.message.body);
      if (page.empty()) break;
      after = page.back().cursor;
    }
    EXPECT_EQ(seen.size(), 32u + 4) << limit;
    for (const auto& body : seen) EXPECT_EQ(seen.count(body), 1u) << body;
  }
}

TEST_F(PostgresSearchTest, WhatIsDoneInAnOpenClaimIsNotShown) {
  Process& process = join();
  process.append(numbered(2));
  process.append(numbered(2, 2));
  const Claimed claimed = process.claim_one(4);
  EXPECT_TRUE(process.settle(ack_some(claimed, {1, 2})));
  std::vector<std::string> shown;
  for (const auto& found : process.look().peek(kQueue, "", 10)) shown.push_back(found.message.body);
  EXPECT_EQ(shown, (std::vector<std::string>{"0", "3"}));
}

}  // namespace
}  // namespace msgq::test
