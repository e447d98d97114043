#include "transport/sqlite/reclaim.h"

#include "conformance/harness.h"
#include "transport/sqlite/crash_store.h"

namespace msgq::test {
namespace {

using std::chrono::milliseconds;

class ReclaimTest : public ::testing::Test {
 protected:
  // A process with one claim of `count` messages, and a second process that looks.
  void hold(std::uint32_t count) {
    holder_ = store_.join();
    holding_ = holder_->open_session();
    Exchange in;
    in.appends.push_back({kQueue, block_of(numbered(count))});
    in.claims.push_back({kQueue, count, 0, 30'000, false});
    holding_->exchange(in, out_);
    claimed_ = out_.claims.at(0).claims.at(0);
    looker_ = store_.join();
    looking_ = looker_->open_session();
  }
  std::uint32_t look() {
    Exchange in;
    in.reclaims = true;
    looking_->exchange(in, out_);
    return out_.reclaimed;
  }
  ClaimAnswer claim(bool may_take_suspect) {
    Exchange in;
    in.claims.push_back({kQueue, 10, 0, 30'000, may_take_suspect});
    looking_->exchange(in, out_);
    return out_.claims.at(0);
  }

  CrashStore store_;
  std::unique_ptr<transport::SqliteTransport> holder_, looker_;
  std::unique_ptr<transport::Session> holding_, looking_;
  ExchangeResult out_;
  Claimed claimed_;
};

TEST_F(ReclaimTest, ALivingProcessKeepsAnExpiredClaimUntilTheSecondLook) {
  store_.options.second_look_max = milliseconds(2'000);
  hold(1);
  store_.clock.advance(milliseconds(40'000));  // one long foreign transaction, say
  EXPECT_EQ(look(), 0u);
  Exchange extend;
  extend.extends.push_back({claimed_.key, store_.clock.boot_ms() + 30'000});
  holding_->exchange(extend, out_);
  EXPECT_FALSE(out_.extend_lost.at(0)) << "its turn came in between";
  store_.clock.advance(milliseconds(2'000));
  EXPECT_EQ(look(), 0u);
  store_.clock.advance(milliseconds(30'000));
  EXPECT_EQ(look(), 0u);
  store_.clock.advance(milliseconds(1'000));
  EXPECT_EQ(look(), 0u) << "too soon after the first look";
  store_.clock.advance(milliseconds(1'000));
  EXPECT_EQ(look(), 1u);
}

TEST_F(ReclaimTest, ADeadProcessNeedsOneLook) {
  store_.options.second_look_max = milliseconds(2'000);
  hold(3);
  EXPECT_EQ(look(), 0u);
  holder_->test_only_kill();
  EXPECT_EQ(look(), 1u);
  EXPECT_TRUE(claim(false).suspects_waiting);
}

TEST_F(ReclaimTest, ARebootMakesNoSuspects) {
  store_.options.boot_id = "before";
  hold(3);
  holder_->test_only_kill();
  looking_.reset();
  looker_.reset();
  store_.options.boot_id = "after";
  looker_ = store_.join();
  looking_ = looker_->open_session();
  EXPECT_EQ(look(), 1u);
  const auto answer = claim(false);
  ASSERT_EQ(answer.claims.size(), 1u);
  EXPECT_FALSE(answer.claims[0].is_suspect);
  EXPECT_EQ(answer.claims[0].attempt, 2u);
}

TEST_F(ReclaimTest, TheDeadLeaveNoRows) {
  hold(1);
  holder_->test_only_kill();
  look();
  transport::sqlite::Connection reader({store_.config.path, store_.disk.vfs()}, store_.clock);
  EXPECT_EQ(reader.ask("select count(*) from process"), 1);
  EXPECT_EQ(reader.ask("select count(*) from hot where kind = 1"), 1);
}

}  // namespace
}  // namespace msgq::test
