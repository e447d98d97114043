#include "transport/sqlite/counter.h"

#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

using transport::sqlite::OwnerState;

class CounterTest : public RawStoreTest {};

TEST_F(CounterTest, NumbersRiseAcrossTransactionsAndAreNeverUsedTwice) {
  const auto first = store.counter.draw();
  EXPECT_EQ(store.counter.draw(), first + 1);
  commit();
  begin();
  EXPECT_EQ(store.counter.draw(), first + 2);
}

TEST_F(CounterTest, ARollbackGivesNumbersBackOnlyWithEverythingElse) {
  const auto first = store.counter.draw();
  store.counter.save();
  store.connection.rollback();
  begin();
  EXPECT_EQ(store.counter.draw(), first);
}

TEST_F(CounterTest, TheStampNeverFalls) {
  EXPECT_EQ(store.counter.stamp(1'000), 1'000);
  EXPECT_EQ(store.counter.stamp(900), 1'000);
  store.counter.draw();
  commit();
  begin();
  EXPECT_EQ(store.counter.stamp(800), 1'000);
}

TEST_F(CounterTest, LoadSaysWhetherTheOwnerMayGoOn) {
  EXPECT_EQ(store.counter.load(5), OwnerState::kMissing);
  store.processes.open_owner(5, 1);
  EXPECT_EQ(store.counter.load(5), OwnerState::kOpen);
  store.processes.close_owner(5);
  EXPECT_EQ(store.counter.load(5), OwnerState::kClosed);
}

}  // namespace
}  // namespace msgq::test
