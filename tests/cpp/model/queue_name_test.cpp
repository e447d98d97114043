#include <gtest/gtest.h>

#include "msgq/message.h"
#include "support/outcome.h"

namespace msgq {
namespace {

TEST(QueueName, AcceptsWhatPeopleWrite) {
  for (const std::string name : {"a", "orders", "Orders-2_b.high", "a b", "...", "a/b", "/a/",
                                 "a/.b", "..a", "'; drop table x --", "%s%n", "sch\xc3\xb6n",
                                 "\xf0\x9f\x90\x87", "\xe6\x97\xa5\xe6\x9c\xac"})
    EXPECT_NO_THROW(validate_queue_name(name)) << name;
  EXPECT_NO_THROW(validate_queue_name(std::string(255, 'q')));
}

struct Bad {
  std::string name;
  std::string why;
};

TEST(QueueName, RefusesTheRestAndSaysWhy) {
  const Bad bad[] = {
      {"", "empty"},
      {std::string(256, 'q'), "256 bytes"},
      {".", "reserved part '.' at byte 0"},
      {"..", "reserved part '..' at byte 0"},
      {"../x", "reserved part '..' at byte 0"},
      {"a/./b", "reserved part '.' at byte 2"},
      {"a/..", "reserved part '..' at byte 2"},
      {"a//../b", "reserved part '..' at byte 3"},
      {std::string("a\0b", 3), "control character at byte 1"},
      {"a\nb", "control"},
      {"\x7f", "control"},
      {"a\xc2\x85", "control"},
      {" a", "begins with a space"},
      {"a ", "ends with a space"},
      {"\xe3\x80\x80"
       "a",
       "begins with a space"},
      {"a\xc2\xa0", "ends with a space"},
      {"a\xe2\x80\xae"
       "b",
       "direction character at byte 1"},
      {"\xe2\x81\xa6"
       "a",
       "direction"},
      {"\xff", "not valid UTF-8 at byte 0"},
      {"a\xc3", "not valid UTF-8"},
      {"\xc0\xaf", "not valid UTF-8"},
      {"\xed\xa0\x80", "not valid UTF-8"},
      {"\xf4\x90\x80\x80", "not valid UTF-8"},
      {"\xe0\x80\xaf", "not valid UTF-8"},
  };
  for (const Bad& each : bad) {
    const Error error = test::error_of([&] { validate_queue_name(each.name); });
    EXPECT_EQ(error.code(), ErrorCode::kConfigInvalid) << each.name;
    EXPECT_NE(std::string(error.what()).find(each.why), std::string::npos)
        << each.why << " is not in: " << error.what();
  }
}

}  // namespace
}  // namespace msgq
