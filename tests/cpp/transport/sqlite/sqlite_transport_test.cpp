// Promise: many processes share one file: they may make it together, die at any moment, and none
// waits long for its turn.
#include "transport/sqlite/sqlite_transport.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "conformance/harness.h"
#include "transport/sqlite/child.h"
#include "transport/sqlite/crash_store.h"

namespace msgq::test {
namespace {

using transport::SqliteOptions;
using transport::SqliteTransport;

// What a process of its own opens.
struct RealStore {
  explicit RealStore(const std::string& path) {
    config.path = path;
    config.durability = Durability::kOs;
    transport = std::make_unique<SqliteTransport>(
        config, World{system_clock(), system_random(), *runtime}, log, SqliteOptions{});
    session = transport->open_session();
  }
  ExchangeResult exchange(const Exchange& in) {
    ExchangeResult out;
    session->exchange(in, out);
    return out;
  }
  Config config;
  Log log;
  std::unique_ptr<Runtime> runtime = make_thread_runtime(system_clock());
  std::unique_ptr<SqliteTransport> transport;
  std::unique_ptr<transport::Session> session;
};

class SqliteTransportTest : public ::testing::Test {
 protected:
  TempDir dir_;
  const std::string path_ = dir_.file("store.db");
};

TEST_F(SqliteTransportTest, ManyProcessesMakeTheFileTogether) {
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < 6; ++i)
    children.push_back(std::make_unique<Child>([this](Child& self) {
      self.ready();
      RealStore store(path_);
      Exchange in;
      in.appends.push_back({kQueue, block_of({"x"})});
      store.exchange(in);
      store.session->close();
    }));
  for (auto& child : children) child->wait_until_ready();
  for (auto& child : children) EXPECT_EQ(child->release(), 0);
  EXPECT_EQ(RealStore(path_).transport->look().depth().at(0).sent, 6u);
}

TEST_F(SqliteTransportTest, AKilledProcessIsReclaimedAtTheNextLook) {
  Child child([this](Child& self) {
    RealStore theirs(path_);
    Exchange in;
    in.appends.push_back({kQueue, block_of(numbered(5))});
    in.claims.push_back({kQueue, 5, 0, 600'000, false});
    theirs.exchange(in);
    self.ready();
    self.wait_for_release();
  });
  child.wait_until_ready();
  RealStore mine(path_);  // after the fork: a child may not open what its parent has open
  Exchange look;
  look.reclaims = true;
  EXPECT_EQ(mine.exchange(look).reclaimed, 0u);
  child.kill();
  EXPECT_EQ(mine.exchange(look).reclaimed, 1u);
}

TEST_F(SqliteTransportTest, FourProducersAndTwoWorkersShareTheFileFairly) {
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < 5; ++i)
    children.push_back(std::make_unique<Child>([this, is_producer = i < 4](Child& self) {
      RealStore store(path_);
      self.ready();
      const Nanos end = system_clock().steady() + std::chrono::milliseconds(1'500);
      bool is_fair = true;
      while (system_clock().steady() < end) {
        Exchange in;
        if (is_producer) in.appends.push_back({kQueue, block_of(numbered(20))});
        if (!is_producer) in.claims.push_back({kQueue, 20, 0, 600'000, false});
        is_fair = is_fair && store.exchange(in).waited < std::chrono::seconds(1);
      }
      _exit(is_fair ? 0 : 2);
    }));
  for (auto& child : children) child->wait_until_ready();
  RealStore mine(path_);
  const Nanos end = system_clock().steady() + std::chrono::milliseconds(1'500);
  Exchange in;
  in.claims.push_back({kQueue, 20, 0, 600'000, false});
  while (system_clock().steady() < end)
    EXPECT_LT(mine.exchange(in).waited, std::chrono::seconds(1));
  for (auto& child : children) EXPECT_EQ(child->release(), 0) << "somebody waited over a second";
}

TEST_F(SqliteTransportTest, AnotherProgramMayOpenAndCloseTheFileMeanwhile) {
  Exchange in;
  in.appends.push_back({kQueue, block_of(numbered(20))});
  Child child([this](Child& self) {
    self.ready();
    for (int i = 0; i < 100; ++i) {
      sqlite3* database = nullptr;
      if (sqlite3_open(path_.c_str(), &database) != SQLITE_OK) _exit(1);
      sqlite3_exec(database, "select count(*) from block", nullptr, nullptr, nullptr);
      sqlite3_close(database);
    }
  });
  child.wait_until_ready();
  RealStore mine(path_);
  for (int i = 0; i < 100; ++i) mine.exchange(in);
  EXPECT_EQ(child.release(), 0);
  EXPECT_EQ(mine.transport->look().depth().at(0).waiting, 2'000u);
}

TEST_F(SqliteTransportTest, TwoMachinesOnOneFileAreRefused) {
  CrashStore store;
  store.options.boot_id = "one";
  auto mine = store.join();
  store.options.boot_id = "two";
  EXPECT_EQ(code_of([&] { store.join(); }), ErrorCode::kStoreRejected);
  mine.reset();
  EXPECT_NO_THROW(store.join()) << "a reboot";
}

// E7. Root may write anything, so the child is nobody where we are root.
TEST_F(SqliteTransportTest, AFileThatMayOnlyBeReadIsRefused) {
  RealStore(path_).session->close();
  std::filesystem::permissions(dir_.path(), std::filesystem::perms::all);
  std::filesystem::permissions(path_ + "-lock", std::filesystem::perms(0666));
  std::filesystem::permissions(path_, std::filesystem::perms(0444));
  Child child([this](Child& self) {
    constexpr uid_t kNobody = 65'534;
    if (geteuid() == 0 && seteuid(kNobody) != 0) _exit(1);
    self.ready();
    const Error error = error_of([this] { RealStore store(path_); });
    const bool says_so = std::string(error.what()).find("change its mode") != std::string::npos;
    _exit(error.code() == ErrorCode::kStoreRejected && says_so ? 0 : 2);
  });
  child.wait_until_ready();
  EXPECT_EQ(child.release(), 0);
}

TEST_F(SqliteTransportTest, NothingIsLeftBesideAForeignFile) {
  std::ofstream(path_) << std::string(9'000, 'x');
  EXPECT_EQ(code_of([this] { RealStore store(path_); }), ErrorCode::kSchemaMismatch);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_.path()), {}), 1);
}

}  // namespace
}  // namespace msgq::test
