// A Store on a disk in memory, for tests of the rooms below the session: a transaction is begun
// when the test begins.
//
// Threads: one at a time.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "transport/sqlite/crash_store.h"
#include "transport/sqlite/store.h"

namespace msgq::test {

class RawStoreTest : public ::testing::Test {
 protected:
  RawStoreTest() {
    store.now = {base.clock.wall_ms(), base.clock.boot_ms()};
    store.process = 1;
    store.author = {77, 1};
    begin();
  }
  void begin() {
    store.connection.begin();
    store.counter.load(0);
    store.directory.refresh(store.counter.directory());
  }
  void commit() {
    store.claims.finish();
    store.totals.save();
    store.counter.save();
    store.connection.commit();
  }

  CrashStore base;
  std::unique_ptr<transport::SqliteTransport> process = base.join();
  transport::sqlite::Store store{{base.config.path, base.disk.vfs()}, base.clock, base.log, {}};
};

}  // namespace msgq::test
