#include "transport/sqlite/totals.h"

#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

class TotalsTest : public RawStoreTest {};

TEST_F(TotalsTest, ChangesOfATransactionAreWrittenOnceAndAddUp) {
  const auto subscription = store.directory.make("a", store.counter).subscription;
  for (int i = 0; i < 3; ++i) {
    auto& change = store.totals.change(subscription);
    change.sent += 10;
    change.leased += 4;
    store.totals.save();
    store.totals.save();
  }
  const auto totals = store.totals.read(subscription);
  EXPECT_EQ(totals.sent, 30);
  EXPECT_EQ(totals.leased, 12);
  EXPECT_EQ(totals.waiting(), 18);
}

TEST_F(TotalsTest, WhatIsForgottenIsNotWritten) {
  const auto subscription = store.directory.make("a", store.counter).subscription;
  store.totals.change(subscription).sent = 5;
  store.totals.forget();
  EXPECT_FALSE(store.totals.is_changed());
  store.totals.save();
  EXPECT_EQ(store.totals.read(subscription).sent, 0);
}

}  // namespace
}  // namespace msgq::test
