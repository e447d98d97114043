#include "base/fork.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace msgq {
namespace {

TEST(Fork, OnlyTheChildCountsUp) {
  const std::uint32_t before = fork_generation();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(fork_generation() == before + 1 ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(fork_generation(), before);
}

// Forks, and says what the child answers.
template <typename Ask>
bool in_child(Ask ask) {
  const pid_t child = fork();
  if (child == 0) _exit(ask() ? 0 : 1);
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool is_open(int descriptor) { return fcntl(descriptor, F_GETFD) != -1; }

TEST(Fork, AChildClosesWhatIsTheParentsAlone) {
  const int mine = open("/dev/null", O_RDONLY), shared = open("/dev/null", O_RDONLY);
  ClosedInChild closed(mine);
  EXPECT_TRUE(closed.is_watched());
  EXPECT_TRUE(in_child([&] { return !is_open(mine) && is_open(shared) && !closed.forget(); }));
  EXPECT_TRUE(is_open(mine));
  EXPECT_TRUE(closed.forget());
  EXPECT_TRUE(in_child([&] { return is_open(mine); })) << "forgotten";
  close(mine);
  close(shared);
}

TEST(Fork, ANumberThatMeansAnotherFileByNowStaysOpen) {
  const int number = open("/dev/null", O_RDONLY);
  const ClosedInChild closed(number);
  close(number);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(ends[0], number);
  EXPECT_TRUE(in_child([&] { return is_open(number); }));
  close(ends[0]);
  close(ends[1]);
}

TEST(Fork, WaitsForWhoeverHolds) {
  std::atomic<bool> is_over{false}, has_begun{false};
  std::thread worker([&] {
    for (int i = 0; i < 2'000 || !is_over; ++i) {
      const ForkHold hold;
      const ForkHold nested;
      has_begun = true;
    }
  });
  while (!has_begun) std::this_thread::yield();
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(in_child([] {
      const ForkHold hold;  // would wait for ever, were one inherited
      return !was_forked_in_hold();
    }));
  }
  is_over = true;
  worker.join();
}

TEST(Fork, TheHolderItselfMayFork) {
  const ForkHold hold;
  EXPECT_TRUE(in_child([] {
    const ForkHold nested;
    return !was_forked_in_hold();
  }));
}

TEST(Fork, OfAHoldThatDoesNotEndIsKnownInTheChild) {
  std::atomic<int> step{0};
  std::thread stuck([&] {
    const ForkHold hold;
    step = 1;
    step.notify_all();
    step.wait(1);
  });
  step.wait(0);
  EXPECT_TRUE(in_child([] { return was_forked_in_hold(); }));
  EXPECT_FALSE(was_forked_in_hold());
  step = 2;
  step.notify_all();
  stuck.join();
}

}  // namespace
}  // namespace msgq
