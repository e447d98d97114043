// A forked child that does one thing, says when it is ready, and ends when told or killed.
//
// Threads: one at a time.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <functional>

namespace msgq::test {

class Child {
 public:
  // Runs `work` in a child; it calls ready() and then release() to wait for the end.
  explicit Child(const std::function<void(Child&)>& work) {
    EXPECT_EQ(pipe(up_), 0);
    EXPECT_EQ(pipe(down_), 0);
    pid_ = fork();
    if (pid_ != 0) {
      close(up_[1]);
      close(down_[0]);
      return;
    }
    close(up_[0]);
    close(down_[1]);
    int status = 0;
    try {
      work(*this);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "in a child: %s\n", error.what());
      status = 1;
    }
    _exit(status);
  }
  ~Child() {
    kill();
    close(up_[0]);
    if (down_[1] >= 0) close(down_[1]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // In the child.
  void ready() { EXPECT_EQ(write(up_[1], "r", 1), 1); }
  void wait_for_release() {
    char byte = 0;
    while (read(down_[0], &byte, 1) > 0) {
    }
  }
  // In the parent.
  void wait_until_ready() {
    char byte = 0;
    EXPECT_EQ(read(up_[0], &byte, 1), 1) << "the child ended early";
  }
  // Lets it go on; its exit status.
  int release() {
    close(down_[1]);
    down_[1] = -1;
    return wait();
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }
  void stop() { ::kill(pid_, SIGSTOP); }

 private:
  int wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  int up_[2] = {-1, -1}, down_[2] = {-1, -1};
  pid_t pid_ = -1;
};

}  // namespace msgq::test
