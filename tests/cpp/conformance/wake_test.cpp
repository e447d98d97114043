// Promise: a hint wakes another process soon, stop() ends every wait, and a hint that is lost costs
// time, never a message.
#include <thread>

#include "conformance/harness.h"
#include "support/waits.h"

namespace msgq::test {
namespace {

std::vector<StoreCase> hearing_store_cases() {
  std::vector<StoreCase> out = durable_store_cases();
  std::erase_if(out, [](const StoreCase& each) { return each.is_pooled; });
  return out;
}

class WakeConformance : public ConformanceTest {};
class HintConformance : public ConformanceTest {};

TEST_P(HintConformance, AHintEndsTheWaitOfAnotherProcess) {
  transport::Wake& teller = *join().transport().wake();
  transport::Wake& sleeper = *join().transport().wake();
  sleeper.listen();
  std::atomic<bool> is_awake{false};
  std::thread thread([&] {
    while (!sleeper.wait(kLong)) continue;
    is_awake.store(true);
  });
  while (!is_awake.load()) {  // the first hints may come before it sleeps
    teller.hint();
    std::this_thread::yield();
  }
  thread.join();
}

TEST_P(HintConformance, AHintBeforeTheWaitIsNotLost) {
  transport::Wake& teller = *join().transport().wake();
  transport::Wake& sleeper = *join().transport().wake();
  sleeper.listen();
  sleeper.wait(Nanos(1));
  teller.hint();
  EXPECT_TRUE(sleeper.wait(kLong));
}

TEST_P(WakeConformance, ATimeoutIsNoHint) {
  transport::Wake& sleeper = *join().transport().wake();
  sleeper.listen();
  sleeper.wait(Nanos(1));
  EXPECT_FALSE(sleeper.wait(std::chrono::milliseconds(1)));
}

TEST_P(WakeConformance, StopEndsTheWaitNowAndFromNowOn) {
  transport::Wake& sleeper = *join().transport().wake();
  std::thread thread([&] {
    while (sleeper.wait(kLong)) continue;
  });
  sleeper.stop();
  thread.join();
  sleeper.wait(kLong);
}

INSTANTIATE_TEST_SUITE_P(Stores, WakeConformance, ::testing::ValuesIn(durable_store_cases()),
                         store_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(WakeConformance);
INSTANTIATE_TEST_SUITE_P(Stores, HintConformance, ::testing::ValuesIn(hearing_store_cases()),
                         store_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(HintConformance);

}  // namespace
}  // namespace msgq::test
