#include "transport/sqlite/wake.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/temp_dir.h"

namespace msgq::test {
namespace {

using std::chrono::milliseconds;
using transport::sqlite::ProcessLock;
using transport::sqlite::SideFile;
using transport::sqlite::SideWake;

struct Sleeper {
  explicit Sleeper(const std::string& path) : file(path), process(file, system_random()) {}
  SideFile file;
  ProcessLock process;
  SideWake wake{file, process};
};

class WakeTest : public ::testing::Test {
 protected:
  TempDir dir_;
  const std::string path_ = dir_.file("store.db");
};

TEST_F(WakeTest, AHintWakesOthersAndNotOneself) {
  Sleeper one(path_), two(path_), three(path_);
  one.wake.hint();
  EXPECT_TRUE(two.wake.wait(milliseconds(0)));
  EXPECT_TRUE(three.wake.wait(milliseconds(0)));
  EXPECT_FALSE(one.wake.wait(milliseconds(0)));
  EXPECT_FALSE(two.wake.wait(milliseconds(0))) << "told once";
}

TEST_F(WakeTest, ASleeperIsWoken) {
  Sleeper one(path_), two(path_);
  std::thread sleeper([&] { EXPECT_TRUE(two.wake.wait(milliseconds(20'000))); });
  while (two.process.slot()->sleeps.load() == 0) std::this_thread::yield();
  one.wake.hint();
  sleeper.join();
}

TEST_F(WakeTest, StopEndsAWaitNowAndFromNowOn) {
  Sleeper one(path_);
  std::thread sleeper([&] { EXPECT_FALSE(one.wake.wait(milliseconds(20'000))); });
  while (one.process.slot()->sleeps.load() == 0) std::this_thread::yield();
  one.wake.stop();
  sleeper.join();
  EXPECT_FALSE(one.wake.wait(milliseconds(20'000)));
}

}  // namespace
}  // namespace msgq::test
