// Promise: a byte lock is held exactly as long as its process lives, whatever it forked.
#include "transport/sqlite/side_file.h"

#include <sys/stat.h>

#include "support/outcome.h"
#include "support/temp_dir.h"
#include "transport/sqlite/child.h"

namespace msgq::test {
namespace {

using transport::sqlite::SideFile;

class SideFileTest : public ::testing::Test {
 protected:
  TempDir dir_;
  const std::string path_ = dir_.file("store.db");
};

TEST_F(SideFileTest, LocksOfTwoFilesExcludeEachOther) {
  SideFile one(path_), two(path_);
  EXPECT_TRUE(one.try_lock(5'000));
  EXPECT_FALSE(two.try_lock(5'000));
  EXPECT_TRUE(two.is_locked(5'000));
  EXPECT_TRUE(two.try_lock(5'001));
  one.unlock(5'000);
  EXPECT_TRUE(two.try_lock(5'000));
}

TEST_F(SideFileTest, ThePageIsShared) {
  SideFile one(path_), two(path_);
  one.page().slots[3].hint.store(42);
  EXPECT_EQ(two.page().slots[3].hint.load(), 42u);
}

TEST_F(SideFileTest, DroppingFreesEveryLock) {
  SideFile one(path_), two(path_);
  EXPECT_TRUE(one.try_lock(9));
  one.drop();
  EXPECT_FALSE(two.is_locked(9));
}

TEST_F(SideFileTest, ALockDiesWithItsProcess) {
  SideFile mine(path_);
  Child child([this](Child& self) {
    SideFile theirs(path_);
    theirs.try_lock(7'000);
    self.ready();
    self.wait_for_release();
  });
  child.wait_until_ready();
  EXPECT_TRUE(mine.is_locked(7'000));
  child.kill();
  EXPECT_FALSE(mine.is_locked(7'000));
}

TEST_F(SideFileTest, AForkedChildKeepsNoLockAlive) {
  SideFile looker(path_);
  auto held = std::make_unique<SideFile>(path_);
  EXPECT_TRUE(held->try_lock(8'000));
  Child child([](Child& self) {  // inherits everything and lives on
    self.ready();
    self.wait_for_release();
  });
  child.wait_until_ready();
  EXPECT_TRUE(looker.is_locked(8'000)) << "the parent lives";
  held.reset();
  EXPECT_FALSE(looker.is_locked(8'000)) << "the child's copy must not count";
  EXPECT_EQ(child.release(), 0);
}

TEST_F(SideFileTest, IsPrivateAndStays) {
  { SideFile file(path_); }
  struct stat info {};
  ASSERT_EQ(stat((path_ + "-lock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(SideFileTest, AMissingDirectoryIsRefused) {
  EXPECT_EQ(code_of([this] { SideFile file(dir_.file("none/x")); }), ErrorCode::kStoreRejected);
}

}  // namespace
}  // namespace msgq::test
