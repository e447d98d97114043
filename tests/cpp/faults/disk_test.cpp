// Promise (E4, E5): a full disk refuses new messages and nothing else, and sending resumes when
// there is room; a disk that failed to sync is never trusted again until the store is reopened.
#include <gtest/gtest.h>

#include "conformance/harness.h"
#include "transport/sqlite/crash_store.h"

namespace msgq::test {
namespace {

class Disk : public ::testing::Test {
 protected:
  ExchangeResult exchange(const Exchange& in) {
    ExchangeResult out;
    session_->exchange(in, out);
    return out;
  }
  static Exchange sending(std::uint32_t count, std::size_t bytes) {
    Exchange in;
    in.appends.push_back(
        {kQueue, block_of(std::vector<std::string>(count, std::string(bytes, 'x')))});
    return in;
  }
  // Sends until the disk is full; how many exchanges went in.
  int fill() {
    for (int i = 0; i < 10'000; ++i) try {
        exchange(sending(100, 200));
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kStoreFull) << error.what();
        return i;
      }
    ADD_FAILURE() << "the disk never filled up";
    return 0;
  }

  // Claims and acknowledges everything, one claim an exchange; how many messages.
  std::uint32_t drain() {
    std::uint32_t total = 0;
    std::optional<Claimed> held;
    do {
      Exchange in;
      if (held) in.settles.push_back(ack_all(*held));
      in.claims.push_back({kQueue, 100, 0, 30'000, false});
      auto out = exchange(in);
      EXPECT_FALSE(held && out.settle_lost[0]);
      held.reset();
      if (!out.claims[0].claims.empty()) held = out.claims[0].claims[0];
      total += held ? held->count() : 0;
    } while (held);
    return total;
  }

  CrashStore store_;
  std::unique_ptr<transport::SqliteTransport> process_ = store_.join();
  std::unique_ptr<transport::Session> session_ = process_->open_session();
};

TEST_F(Disk, AFullDiskRefusesSendingAndNothingElse) {
  for (const std::uint64_t room : {6ull << 20, 9ull << 20, 13ull << 20, 20ull << 20, 32ull << 20}) {
    SCOPED_TRACE(room);
    store_.disk.set_room(room);
    const int sent = fill();
    const auto before = process_->look().depth().at(0);
    EXPECT_EQ(drain(), static_cast<std::uint32_t>(100 * sent));
    EXPECT_EQ(process_->look().depth().at(0).done,
              before.done + static_cast<std::uint64_t>(100 * sent));
    EXPECT_NO_THROW(exchange(sending(100, 200))) << "acknowledged messages made room";
    EXPECT_EQ(drain(), 100u);
  }
}

TEST_F(Disk, SendingResumesWhenRoomIsFreed) {
  store_.disk.set_room(8ull << 20);
  fill();
  EXPECT_EQ(code_of([&] { exchange(sending(100, 200)); }), ErrorCode::kStoreFull);
  store_.disk.set_room(64ull << 20);
  EXPECT_NO_THROW(exchange(sending(100, 200)));
}

TEST_F(Disk, AFailedSyncStopsTheStoreUntilItIsReopened) {
  exchange(sending(3, 10));
  store_.disk.fail_syncs(1);
  EXPECT_EQ(code_of([&] { exchange(sending(5, 10)); }), ErrorCode::kStoreInDoubt);
  EXPECT_EQ(code_of([&] { exchange(sending(1, 10)); }), ErrorCode::kStoreInDoubt) << "not before";
  ExchangeResult out;
  const bool has_happened = session_->resolve(out);
  EXPECT_EQ(code_of([&] { exchange(sending(1, 10)); }), ErrorCode::kStoreRejected);
  session_.reset();
  process_.reset();
  store_.disk.power_cycle(3);
  process_ = store_.join();
  session_ = process_->open_session();
  EXPECT_EQ(drain(), has_happened ? 8u : 3u) << "what resolve() said is what the disk holds";
}

TEST_F(Disk, WhatResolveSaysSurvivesAPowerCut) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CrashStore store;
    auto process = store.join();
    auto session = process->open_session();
    ExchangeResult out;
    session->exchange(sending(3, 10), out);
    store.disk.fail_syncs(1);
    EXPECT_EQ(code_of([&] { session->exchange(sending(5, 10), out); }), ErrorCode::kStoreInDoubt);
    const bool has_happened = session->resolve(out);
    store.disk.power_cycle(seed);
    auto again = store.join();
    EXPECT_EQ(again->look().depth().at(0).sent, has_happened ? 8u : 3u) << seed;
  }
}

TEST_F(Disk, AFailedCheckpointStopsTheStoreAndLosesNothing) {
  for (std::uint64_t skipped = 0; skipped < 3; ++skipped) {
    CrashStore store;
    auto process = store.join();
    auto session = process->open_session();
    std::uint64_t sent = 0, doubted = 0;
    ErrorCode code = ErrorCode::kInternal;
    for (int i = 0; code == ErrorCode::kInternal && i < 400; ++i) {
      ExchangeResult out;
      store.disk.fail_syncs_of("store.db", 1);  // only a checkpoint syncs the file itself
      try {
        session->exchange(sending(200, 200), out);
        sent += 200;
      } catch (const Error& error) {
        code = error.code();
        doubted = error.is_in_doubt() ? 200 : 0;
      }
    }
    EXPECT_EQ(code, ErrorCode::kStoreRejected);
    EXPECT_EQ(doubted, 0u);
    session.reset();
    process.reset();
    store.disk.fail_syncs_of("store.db", 0);
    store.disk.power_cycle(skipped);
    EXPECT_EQ(store.join()->look().depth().at(0).sent, sent);
  }
}

}  // namespace
}  // namespace msgq::test
