// Promise: one at a time, the one that waits longest before those that come back, and nobody who
// was killed or stopped in the wrong moment holds up the rest.
#include "transport/sqlite/gate.h"

#include <atomic>
#include <thread>
#include <vector>

#include "support/fake_random.h"
#include "support/outcome.h"
#include "support/temp_dir.h"
#include "transport/sqlite/child.h"

namespace msgq::test {
namespace {

using std::chrono::milliseconds;
using transport::sqlite::Gate;
using transport::sqlite::ProcessLock;
using transport::sqlite::SideFile;
using transport::sqlite::Turn;

// One process's way to the gate.
struct Visitor {
  explicit Visitor(const std::string& path) : file(path), process(file, system_random()) {}
  SideFile file;
  ProcessLock process;
  Gate gate{file, process, system_clock()};
};

class GateTest : public ::testing::Test {
 protected:
  TempDir dir_;
  const std::string path_ = dir_.file("store.db");
};

TEST_F(GateTest, TwoProcessesAndTwoThreadsAreNeverInsideTogether) {
  Visitor one(path_), two(path_);
  // Atomic: two processes are kept apart by a lock of the file, which ThreadSanitizer cannot see.
  std::atomic<int> inside{0}, total{0};
  std::vector<std::thread> threads;
  for (Gate* gate : {&one.gate, &one.gate, &two.gate, &two.gate})
    threads.emplace_back([&, gate] {
      for (int i = 0; i < 300; ++i) {
        Turn turn(*gate, milliseconds(20'000));
        EXPECT_EQ(++inside, 1);
        ++total;
        --inside;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(total, 1'200);
}

TEST_F(GateTest, WaitsNoLongerThanItsTime) {
  Visitor one(path_), two(path_);
  Turn turn(one.gate, milliseconds(100));
  EXPECT_EQ(code_of([&] { Turn late(two.gate, milliseconds(30)); }), ErrorCode::kStoreUnavailable);
}

TEST_F(GateTest, AKilledHolderLosesItsTurn) {
  Visitor mine(path_);
  Child child([this](Child& self) {
    Visitor theirs(path_);
    Turn turn(theirs.gate, milliseconds(1'000));
    self.ready();
    self.wait_for_release();
  });
  child.wait_until_ready();
  child.kill();
  EXPECT_NO_THROW(Turn turn(mine.gate, milliseconds(5'000)));
}

TEST_F(GateTest, AStaleWaiterHoldsNobodyUp) {
  Visitor mine(path_), stopped(path_);
  stopped.process.slot()->waits_since.store(1);  // since the beginning of time, and it never comes
  const Nanos before = system_clock().steady();
  for (int i = 0; i < 20; ++i) Turn turn(mine.gate, milliseconds(20'000));
  EXPECT_LT(system_clock().steady() - before, milliseconds(5'000));
}

TEST_F(GateTest, WhoComesBackAtOnceLetsTheWaiterGoFirst) {
  Visitor greedy(path_), patient(path_);
  std::atomic<bool> is_over{false};
  std::thread comes_back([&] {
    while (!is_over.load()) Turn turn(greedy.gate, milliseconds(20'000));
  });
  for (int i = 0; i < 50; ++i) {
    Turn turn(patient.gate, milliseconds(20'000));
    EXPECT_LT(turn.waited(), milliseconds(1'000));
  }
  is_over.store(true);
  comes_back.join();
}

TEST_F(GateTest, AForkedChildIsRefused) {
  Visitor mine(path_);
  Child child([&](Child&) {
    const bool is_refused =
        code_of([&] { Turn turn(mine.gate, milliseconds(10)); }) == ErrorCode::kClosed;
    _exit(is_refused ? 0 : 1);
  });
  EXPECT_EQ(child.release(), 0);
}

}  // namespace
}  // namespace msgq::test
