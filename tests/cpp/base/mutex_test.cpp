#include "base/mutex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace msgq {
namespace {

class Account {
 public:
  void add() {
    MutexLock lock(mutex_);
    ++total_;
  }
  int total() {
    MutexLock lock(mutex_);
    return total_;
  }

 private:
  Mutex mutex_;
  int total_ MSGQ_GUARDED_BY(mutex_) = 0;
};

TEST(Mutex, OneAtATime) {
  Account account;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 10'000; ++k) account.add();
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(account.total(), 40'000);
}

}  // namespace
}  // namespace msgq
