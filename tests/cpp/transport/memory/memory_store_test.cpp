// What only a store in memory does: bounds, and forgetting what is settled. The rest is the
// conformance suite's.
#include "transport/memory/memory_store.h"

#include <gtest/gtest.h>

#include "conformance/harness.h"

namespace msgq::transport::memory {
namespace {

using namespace msgq::test;

class MemoryStoreTest : public ::testing::Test {
 protected:
  void open(std::uint64_t count_max, std::uint64_t bytes_max) {
    Config config;
    config.store_count_max = count_max;
    config.store_bytes_max = bytes_max;
    store_.emplace(config, clock_);
    caller_.process = store_->join();
    caller_.owner = store_->open_owner();
  }
  ExchangeResult exchange(const Exchange& in) {
    ExchangeResult out;
    Graveyard graveyard;
    store_->exchange(caller_, in, out, graveyard);
    return out;
  }
  static Exchange append_of(std::uint32_t count) {
    Exchange in;
    in.appends.push_back({kQueue, block_of(std::vector<std::string>(count, std::string(99, 'x')))});
    return in;
  }
  Claimed claim(std::uint32_t count) {
    Exchange in;
    in.claims.push_back({kQueue, count, 0, 30'000, false, false});
    return exchange(in).claims.at(0).claims.at(0);
  }

  FakeClock clock_;
  std::optional<MemoryStore> store_;
  Caller caller_;
};

TEST_F(MemoryStoreTest, RefusesWhatIsOverTheCountAndDoesNothing) {
  open(10, 0);
  exchange(append_of(7));
  EXPECT_EQ(code_of([&] { exchange(append_of(4)); }), ErrorCode::kStoreFull);
  EXPECT_EQ(store_->depth().at(0).sent, 7u);
  exchange(append_of(3));
  EXPECT_EQ(code_of([&] { exchange(append_of(1)); }), ErrorCode::kStoreFull);
}

// Ids that are remembered for a year grew without a bound.
TEST_F(MemoryStoreTest, DedupIdsWeighUntilTheyAreForgotten) {
  open(0, 1'800);
  const auto send = [&](const std::string& id) {
    Parcel parcel;
    parcel.first_id = draw_ids(1, FakeClock::kWallStartMs);
    parcel.add("x", {}, {}, Once{id, Once::Until::kWindow, 1'000}.encode());
    std::vector<Parcel> parcels;
    parcels.push_back(std::move(parcel));
    Exchange in;
    in.appends.push_back({kQueue, Block::build(std::move(parcels), 1)});
    exchange(in);
    Exchange ack;
    ack.settles.push_back(ack_all(claim(1)));
    exchange(ack);
  };
  for (const char* id : {"a", "b", "c", "d", "e", "f"}) send(id);
  EXPECT_EQ(code_of([&] { send("g"); }), ErrorCode::kStoreFull);
  clock_.advance(std::chrono::seconds(1));
  send("g");
}

TEST_F(MemoryStoreTest, RefusesWhatIsOverTheBytesAndNamesTheBound) {
  open(0, 1'000);
  exchange(append_of(9));
  const Error error = error_of([&] { exchange(append_of(2)); });
  EXPECT_EQ(error.code(), ErrorCode::kStoreFull);
  EXPECT_NE(std::string(error.what()).find("1100 bytes, at most 1000"), std::string::npos)
      << error.what();
}

TEST_F(MemoryStoreTest, ASettleMakesRoomForTheAppendBesideIt) {
  open(10, 1'000);
  exchange(append_of(10));
  const Claimed claimed = claim(10);
  Exchange in = append_of(10);
  in.settles.push_back(ack_all(claimed));
  exchange(in);
  EXPECT_EQ(store_->depth().at(0).waiting, 10u);
}

TEST_F(MemoryStoreTest, ALostSettleMakesNoRoom) {
  open(10, 0);
  exchange(append_of(10));
  const Claimed claimed = claim(10);
  Exchange in = append_of(1);
  in.settles.push_back(ack_all(claimed));
  ++in.settles[0].claim.gen;
  EXPECT_EQ(code_of([&] { exchange(in); }), ErrorCode::kStoreFull);
}

TEST_F(MemoryStoreTest, BytesReturnToZeroHoweverMessagesLeave) {
  open(0, 0);
  exchange(append_of(100));
  Exchange in;
  in.settles.push_back(ack_some(claim(60), {0, 3}));
  exchange(in);
  Claimed claimed = claim(30);
  in.settles = {ack_some(claimed, {})};
  add_back(in.settles[0], claimed, 1, SettleOrder::Return::kRetry, clock_.wall_ms());
  add_dead(in.settles[0], claimed, 2, "no");
  in.settles[0].gives_back = true;
  in.promote_max = 10;
  exchange(in);
  EXPECT_GT(store_->bytes(), 0u);
  store_->redrive(kQueue, {});
  clock_.advance(std::chrono::seconds(31));
  in = Exchange();
  in.reclaims = true;
  exchange(in);
  for (std::uint32_t left = 98; left > 0;) {
    in = Exchange();
    in.claims.push_back({kQueue, 7, 0, 30'000, false, false});
    const ExchangeResult out = exchange(in);
    for (const auto& each : out.claims.at(0).claims) {
      left -= each.count() - each.done.count();
      Exchange settle;
      settle.settles.push_back(ack_all(each));
      exchange(settle);
    }
  }
  EXPECT_EQ(store_->bytes(), 0u);
  EXPECT_EQ(store_->depth().at(0).done, 100u);
}

TEST_F(MemoryStoreTest, PurgeAndDeleteReturnEveryByte) {
  open(0, 0);
  exchange(append_of(50));
  claim(20);
  Exchange in;
  in.parks.push_back({kQueue, 0, StoredMessage::copy(block_of({"parked"})->view(0))});
  exchange(in);
  store_->purge(kQueue);
  EXPECT_EQ(store_->bytes(), 0u);
  exchange(append_of(5));
  store_->delete_queue(kQueue);
  EXPECT_EQ(store_->bytes(), 0u);
}

TEST_F(MemoryStoreTest, ASettledBlockIsFreedAtOnce) {
  open(0, 0);
  Exchange in = append_of(10);
  const std::weak_ptr<const Block> block = in.appends[0].block;
  exchange(in);
  in = Exchange();
  EXPECT_FALSE(block.expired());
  in.settles.push_back(ack_all(claim(10)));
  exchange(in);
  EXPECT_TRUE(block.expired());
}

TEST_F(MemoryStoreTest, AKilledProcessIsRefused) {
  open(0, 0);
  store_->test_only_kill(caller_.process);
  EXPECT_EQ(code_of([&] { exchange(append_of(1)); }), ErrorCode::kClosed);
}

}  // namespace
}  // namespace msgq::transport::memory
