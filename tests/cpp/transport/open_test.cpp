#include "transport/open.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "msgq/error.h"
#include "support/outcome.h"
#include "support/temp_dir.h"

namespace msgq::transport {
namespace {

class Open : public ::testing::Test {
 protected:
  std::unique_ptr<Transport> open(const std::string& scheme) {
    Config config;
    config.scheme = scheme;
    config.path = scheme == "memory" ? "" : dir_.file("queue.db");
    return open_transport(config, {system_clock(), system_random(), *runtime_}, log_);
  }

 private:
  test::TempDir dir_;
  Log log_;
  std::unique_ptr<Runtime> runtime_ = make_thread_runtime(system_clock());
};

TEST_F(Open, EverySchemeOfThisBuildOpensItsTransport) {
  EXPECT_EQ(open("memory")->capability().scheme, std::string("memory"));
#if MSGQ_WITH_SQLITE
  EXPECT_EQ(open("sqlite")->capability().scheme, std::string("sqlite"));
#endif
}

TEST_F(Open, ASchemeThatIsNotBuiltInSaysWhichOptionBuildsIt) {
  std::vector<std::pair<std::string, std::string>> missing = {{"amqp", "transport 'amqp'"}};
#if !MSGQ_WITH_POSTGRES
  missing.emplace_back("postgresql", "MSGQ_WITH_POSTGRES=ON");
#endif
#if !MSGQ_WITH_SQLITE
  missing.emplace_back("sqlite", "MSGQ_WITH_SQLITE=ON");
#endif
  for (const auto& [scheme, option] : missing) {
    const Error error = test::error_of([&, s = scheme] { open(s); });
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << scheme;
    EXPECT_NE(std::string(error.what()).find(option), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace msgq::transport
