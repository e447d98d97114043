// START HERE for the SQLite transport. One file in WAL mode, many processes; a block is one row, an
// exchange one transaction. See docs/file_format.md and the README of the store protocol.
//
// Threads: as transport.h says.
#pragma once

#include <memory>
#include <string>

#include "base/log.h"
#include "base/runtime.h"
#include "msgq/config.h"
#include "transport/sqlite/file_check.h"
#include "transport/sqlite/gate.h"
#include "transport/sqlite/look.h"
#include "transport/sqlite/open_file.h"
#include "transport/sqlite/process_lock.h"
#include "transport/sqlite/session.h"
#include "transport/sqlite/side_file.h"
#include "transport/sqlite/store.h"
#include "transport/sqlite/wake.h"
#include "transport/transport.h"

namespace msgq::transport {

// What only tests change.
struct SqliteOptions {
  std::string vfs;      // another SQLite VFS; the side file stays on the real file system
  std::string boot_id;  // empty: this machine's
  std::chrono::milliseconds heartbeat{5'000};
  std::chrono::milliseconds second_look_max = sqlite::kSecondLookMax;  // 0: lapse at the first look
};

// Opens or creates the store at config.path. `world` and `log` outlive it. Throws kSchemaMismatch,
// kStoreRejected, kStoreUnavailable, kStoreFull; then a file that was there is as it was.
std::unique_ptr<Transport> open_sqlite(const Config& config, World world, Log& log);

class SqliteTransport final : public Transport {
 public:
  SqliteTransport(const Config& config, World world, Log& log, const SqliteOptions& options);
  ~SqliteTransport() override;

  const Capability& capability() const override;
  std::unique_ptr<Session> open_session() override;
  Look& look() override { return *look_; }
  Wake* wake() override { return &wake_; }
  // As SIGKILL would: its lock is free at once, its rows stay.
  void test_only_kill();

 private:
  void join();
  void leave() noexcept;

  // fixed after construction
  const std::uint32_t fork_generation_;
  World world_;
  Log& log_;
  const sqlite::ConnectionSpec spec_;
  const std::chrono::milliseconds enqueue_timeout_;
  const sqlite::Rules rules_;
  const SqliteOptions options_;
  const std::string boot_id_;
  sqlite::SideFile side_file_;
  sqlite::ProcessLock process_;
  sqlite::Gate gate_;
  sqlite::SideWake wake_;
  std::unique_ptr<sqlite::FileIdentity> identity_;
  std::unique_ptr<sqlite::OpenFile> open_file_;  // outlives every connection
  std::unique_ptr<sqlite::SqliteLook> look_;
  bool is_killed_ = false;
};

}  // namespace msgq::transport
