#include "transport/sqlite/store.h"

#include "conformance/harness.h"
#include "transport/sqlite/append.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

using transport::sqlite::Gate;
using transport::sqlite::ProcessLock;
using transport::sqlite::SideFile;
using transport::sqlite::Transaction;

class StoreTest : public RawStoreTest {
 protected:
  StoreTest() { store.connection.rollback(); }
  SideFile file_{base.config.path};
  ProcessLock lock_{file_, base.random};
  Gate gate_{file_, lock_, base.clock};
  static constexpr Nanos kTimeout{1'000'000'000};
};

TEST_F(StoreTest, WhatIsNotCommittedIsGoneAndForgotten) {
  {
    Transaction transaction(store, gate_, kTimeout);
    transport::sqlite::append(store, {kQueue, block_of({"x"})});
    EXPECT_FALSE(transaction.end_unchanged());
  }
  EXPECT_FALSE(store.totals.is_changed());
  Transaction again(store, gate_, kTimeout);
  EXPECT_EQ(store.directory.find(kQueue), nullptr);
  EXPECT_EQ(store.connection.ask("select count(*) from block"), 0);
}

TEST_F(StoreTest, ATransactionThatChangedNothingEndsWithoutAWrite) {
  const auto before = base.disk.operations();
  {
    Transaction transaction(store, gate_, kTimeout);
    EXPECT_TRUE(transaction.end_unchanged());
  }
  EXPECT_EQ(base.disk.operations(), before);
}

TEST_F(StoreTest, AStrangeOwnerGetsNoTransaction) {
  EXPECT_EQ(code_of([this] { Transaction transaction(store, gate_, kTimeout, 12'345); }),
            ErrorCode::kStoreRejected);
  EXPECT_FALSE(store.connection.is_in_transaction());
}

TEST_F(StoreTest, StrictQueuesAreNotMade) {
  transport::sqlite::Rules rules;
  rules.strict_queues = true;
  transport::sqlite::Store strict{{base.config.path, base.disk.vfs()}, base.clock, base.log, rules};
  Transaction transaction(strict, gate_, kTimeout);
  EXPECT_EQ(code_of([&] { strict.require_queue("none"); }), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace msgq::test
