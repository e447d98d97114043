// A store on a CrashDisk: the file is in memory and can be cut, filled and failed; the side file
// lies in a directory of its own on the real file system.
//
// Threads: one at a time.
#pragma once

#include <memory>

#include "base/log.h"
#include "support/crash_vfs.h"
#include "support/fake_clock.h"
#include "support/fake_random.h"
#include "support/temp_dir.h"
#include "transport/sqlite/sqlite_transport.h"

namespace msgq::test {

struct CrashStore {
  CrashStore() {
    config.path = dir.file("store.db");
    options.vfs = disk.vfs();
    options.second_look_max = std::chrono::milliseconds(0);
  }
  std::unique_ptr<transport::SqliteTransport> join() {
    return std::make_unique<transport::SqliteTransport>(config, World{clock, random, *runtime}, log,
                                                        options);
  }

  CrashDisk disk;
  TempDir dir;
  FakeClock clock;
  FakeRandom random{7};
  Log log;
  std::unique_ptr<Runtime> runtime = make_thread_runtime(clock);
  Config config;
  transport::SqliteOptions options;
};

}  // namespace msgq::test
