#include "base/log.h"

#include <gtest/gtest.h>

namespace msgq {
namespace {

TEST(Log, DrainsInOrderOnce) {
  Log log;
  log.write(LogLevel::kInfo, "one");
  log.write(LogLevel::kError, "two");
  const auto records = log.drain();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0], (std::pair<int, std::string>{20, "one"}));
  EXPECT_EQ(records[1], (std::pair<int, std::string>{40, "two"}));
  EXPECT_TRUE(log.drain().empty());
}

TEST(Log, DropsTheOldestAndSaysHowMany) {
  Log log;
  for (int i = 0; i < 1'500; ++i) log.write(LogLevel::kDebug, std::to_string(i));
  const auto records = log.drain();
  ASSERT_EQ(records.size(), 1'001u);
  EXPECT_EQ(records.front().second, "500");
  EXPECT_EQ(records[999].second, "1499");
  EXPECT_NE(records.back().second.find("500 log records were dropped"), std::string::npos);
  EXPECT_TRUE(log.drain().empty());
}

}  // namespace
}  // namespace msgq
