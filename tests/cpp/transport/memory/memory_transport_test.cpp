#include "transport/memory/memory_transport.h"

#include <gtest/gtest.h>

#include "conformance/harness.h"

namespace msgq::transport {
namespace {

TEST(MemoryTransport, SaysThatEverythingIsLostAtTheEnd) {
  Log log;
  const auto runtime = make_thread_runtime(system_clock());
  const auto transport =
      open_memory(Config(), World{system_clock(), system_random(), *runtime}, log);
  const auto records = log.drain();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_NE(records[0].second.find("all are lost"), std::string::npos);
  EXPECT_STREQ(transport->capability().scheme, "memory");
  EXPECT_FALSE(transport->capability().is_durable);
  EXPECT_EQ(transport->wake(), nullptr);
}

TEST(MemoryTransport, CannotBeBackedUpAndSaysWhatCan) {
  test::FakeClock clock;
  MemoryTransport transport(std::make_shared<memory::MemoryStore>(Config(), clock));
  const Error error = test::error_of([&] { transport.look().backup("/nowhere"); });
  EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  EXPECT_NE(std::string(error.what()).find("sqlite"), std::string::npos);
}

TEST(MemoryTransport, LeavingTwiceIsHarmless) {
  test::FakeClock clock;
  const auto store = std::make_shared<memory::MemoryStore>(Config(), clock);
  auto transport = std::make_unique<MemoryTransport>(store);
  auto session = transport->open_session();
  session->close();
  transport.reset();
  session->close();
}

}  // namespace
}  // namespace msgq::transport
