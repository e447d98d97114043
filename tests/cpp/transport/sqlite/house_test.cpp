// Promise (E9): the file shrinks after a backlog was drained, in steps that nobody notices, and the
// log never grows beyond its bound.
#include "transport/sqlite/house.h"

#include "conformance/harness.h"
#include "transport/sqlite/crash_store.h"

namespace msgq::test {
namespace {

class HouseTest : public ::testing::Test {
 protected:
  void fill(int blocks) {
    ExchangeResult out;
    for (int i = 0; i < blocks; ++i) {
      Exchange in;
      in.appends.push_back(
          {kQueue, block_of(std::vector<std::string>(500, std::string(200, 'x')))});
      session_->exchange(in, out);
    }
  }
  void drain() {
    ExchangeResult out;
    std::optional<Claimed> held;
    do {
      Exchange in;
      if (held) in.settles.push_back(ack_all(*held));
      in.claims.push_back({kQueue, 1'000, 0, 30'000, false});
      session_->exchange(in, out);
      held.reset();
      if (!out.claims[0].claims.empty()) held = out.claims[0].claims[0];
    } while (held);
  }
  std::uint64_t file_bytes() { return store_.disk.size_of(store_.config.path); }
  std::uint64_t log_bytes() { return store_.disk.size_of(store_.config.path + "-wal"); }

  CrashStore store_;
  std::unique_ptr<transport::SqliteTransport> process_ = store_.join();
  std::unique_ptr<transport::Session> session_ = process_->open_session();
};

TEST_F(HouseTest, TheFileShrinksInShortSteps) {
  fill(300);
  EXPECT_GT(file_bytes(), 30u << 20);
  drain();
  int steps = 0, long_ones = 0;
  for (bool goes_on = true; goes_on; ++steps) {
    const Nanos before = system_clock().steady();
    goes_on = session_->tidy(std::chrono::milliseconds(0)) != kNever;
    long_ones += system_clock().steady() - before < std::chrono::milliseconds(50) ? 0 : 1;
  }
  EXPECT_GT(steps, 20) << "in steps";
  EXPECT_LE(long_ones, 1) << "a busy machine may stop us once";
  EXPECT_LT(file_bytes(), 10u << 20);
}

TEST_F(HouseTest, FiftyCyclesDoNotGrowTheFile) {
  std::uint64_t largest = 0;
  for (int cycle = 0; cycle < 50; ++cycle) {
    fill(20);
    drain();
    while (session_->tidy(std::chrono::milliseconds(10)) != kNever) {
    }
    if (cycle == 5) largest = file_bytes();
    if (cycle > 5) {
      EXPECT_LE(file_bytes(), largest) << cycle;
    }
  }
}

TEST_F(HouseTest, TheLogIsBounded) {
  constexpr std::size_t kMost = 32u << 20;
  std::size_t most = 0;
  for (int i = 0; i < 10; ++i) {
    fill(100);  // 10 MB
    most = std::max(most, log_bytes());
  }
  EXPECT_LT(most, kMost);
  EXPECT_GT(most, kMost / 2);
}

TEST_F(HouseTest, TidyHasNothingToDoInAQuietStore) {
  EXPECT_EQ(session_->tidy(std::chrono::milliseconds(10)), kNever);
}

}  // namespace
}  // namespace msgq::test
