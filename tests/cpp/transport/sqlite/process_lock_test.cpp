#include "transport/sqlite/process_lock.h"

#include "support/fake_random.h"
#include "support/temp_dir.h"
#include "transport/sqlite/child.h"

namespace msgq::test {
namespace {

using transport::sqlite::ProcessLock;
using transport::sqlite::SideFile;
using transport::sqlite::SidePage;

class ProcessLockTest : public ::testing::Test {
 protected:
  TempDir dir_;
  const std::string path_ = dir_.file("store.db");
  FakeRandom random_{1};
};

TEST_F(ProcessLockTest, LivesUntilItEnds) {
  SideFile file(path_), other_file(path_);
  ProcessLock looker(other_file, random_);
  auto process = std::make_unique<ProcessLock>(file, random_);
  const auto id = process->id();
  EXPECT_TRUE(looker.is_alive(id));
  EXPECT_TRUE(looker.is_alive(looker.id()));
  process.reset();
  EXPECT_FALSE(looker.is_alive(id));
}

TEST_F(ProcessLockTest, TwoProcessesNeverHaveOneId) {
  SideFile one(path_), two(path_);
  FakeRandom same{1}, seed{1};
  ProcessLock first(one, same), second(two, seed);
  EXPECT_NE(first.id(), second.id());
  EXPECT_NE(first.slot(), second.slot());
}

TEST_F(ProcessLockTest, TheSlotOfADeadProcessIsUsedAgain) {
  SideFile mine(path_);
  for (int i = 0; i < 3; ++i) {
    Child child([this](Child& self) {
      SideFile theirs(path_);
      ProcessLock lock(theirs, system_random());
      lock.slot()->waits_since.store(1);
      self.ready();
      self.wait_for_release();
    });
    child.wait_until_ready();
    child.kill();
  }
  EXPECT_EQ(mine.page().used.load(), 1u);
  ProcessLock lock(mine, random_);
  EXPECT_EQ(lock.slot(), &mine.page().slots[0]);
  EXPECT_EQ(lock.slot()->waits_since.load(), 0);
}

TEST_F(ProcessLockTest, MoreProcessesThanSlotsGoWithout) {
  SideFile file(path_), holder(path_);
  ProcessLock first(holder, random_);
  for (auto& slot : file.page().slots) slot.process.store(static_cast<std::uint64_t>(first.id()));
  ProcessLock late(file, random_);
  EXPECT_EQ(late.slot(), nullptr);
  EXPECT_TRUE(first.is_alive(late.id()));
}

}  // namespace
}  // namespace msgq::test
