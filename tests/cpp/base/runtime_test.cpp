#include "base/runtime.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>

namespace msgq {
namespace {

// A service whose step is the test's.
class Scripted final : public Service {
 public:
  explicit Scripted(std::function<Nanos()> act) : act_(std::move(act)) {}
  Nanos step() override {
    const Nanos next = act_();
    steps.fetch_add(1);
    done.signal();
    return next;
  }
  const char* name() const override { return "msgq-test"; }
  void await(int count) {
    for (;;) {
      const auto key = done.key();
      if (steps.load() >= count) return;
      done.wait(key, kNever);
    }
  }

  std::atomic<int> steps{0};
  Event done;

 private:
  std::function<Nanos()> act_;
};

TEST(ThreadRuntime, StepsOnceAndThenOnlyWhenPoked) {
  const auto runtime = make_thread_runtime(system_clock());
  Scripted service([] { return kNever; });
  runtime->start(service);
  service.await(1);
  service.poke();
  service.await(2);
  runtime->stop(service);
  EXPECT_GE(service.steps.load(), 2);
}

TEST(ThreadRuntime, RunsAgainAtTheTimeAskedFor) {
  const auto runtime = make_thread_runtime(system_clock());
  Scripted service([] { return system_clock().steady() + std::chrono::microseconds(100); });
  runtime->start(service);
  service.await(20);
  runtime->stop(service);
}

TEST(ThreadRuntime, ZeroMeansAtOnce) {
  const auto runtime = make_thread_runtime(system_clock());
  Scripted service([] { return Nanos::zero(); });
  runtime->start(service);
  service.await(1'000);
  runtime->stop(service);
}

TEST(ThreadRuntime, NothingRunsAfterStop) {
  const auto runtime = make_thread_runtime(system_clock());
  Scripted service([] { return Nanos::zero(); });
  runtime->start(service);
  service.await(1);
  runtime->stop(service);
  const int steps = service.steps.load();
  service.poke();
  runtime->stop(service);  // twice is harmless
  EXPECT_EQ(service.steps.load(), steps);
}

TEST(ThreadRuntime, StopsWhatStillRunsWhenItGoes) {
  Scripted one([] { return kNever; }), two([] { return Nanos::zero(); });
  const auto runtime = make_thread_runtime(system_clock());
  runtime->start(one);
  runtime->start(two);
  one.await(1);
  two.await(1);
}

}  // namespace
}  // namespace msgq
