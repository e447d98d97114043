#include "msgq/config.h"

#include <gtest/gtest.h>

#include "support/outcome.h"

namespace msgq {
namespace {

Config valid() {
  Config config;
  config.scheme = "memory";
  return config;
}

std::string complaint_of(const Config& config) {
  const Error error = test::error_of([&] { config.validate(); });
  EXPECT_EQ(error.code(), ErrorCode::kConfigInvalid);
  return error.what();
}

TEST(Config, TheDefaultsAreValidButForThePath) {
  EXPECT_NO_THROW(valid().validate());
  EXPECT_NE(complaint_of(Config()).find("path"), std::string::npos);
}

TEST(Config, SaysEverythingThatIsWrongAtOnce) {
  Config config = valid();
  config.scheme = "carrier-pigeon";
  config.path = "x";
  config.batch_count_max = 0;
  config.lease = Config::Millis(1);
  const std::string text = complaint_of(config);
  for (const char* part :
       {"scheme", "batch_count_max is 0, allowed are 1 to 10000", "lease (ms) is 1"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in: " << text;
}

TEST(Config, ChecksHowKnobsFitTogether) {
  Config config = valid();
  config.poll_min = Config::Millis(2'000);
  EXPECT_NE(complaint_of(config).find("poll_min is longer than poll_max"), std::string::npos);
  config = valid();
  config.lease_max = Config::Millis(1'000);
  EXPECT_NE(complaint_of(config).find("lease is longer than lease_max"), std::string::npos);
  config = valid();
  config.inflight_bytes_max = 1 << 20;
  EXPECT_NE(complaint_of(config).find("message_bytes_max is over inflight_bytes_max"),
            std::string::npos);
  config = valid();
  config.pool_size = 3;
  EXPECT_NE(complaint_of(config).find("pool_size is below writers + 2"), std::string::npos);
  config.writers = 1;
  EXPECT_NO_THROW(config.validate());
}

}  // namespace
}  // namespace msgq
