#include <gtest/gtest.h>

#include "msgq/message.h"
#include "support/outcome.h"

namespace msgq {
namespace {

TEST(Once, ComesBackAsItWas) {
  for (const auto until : {Once::Until::kWindow, Once::Until::kDone, Once::Until::kStarted})
    for (const std::int64_t window_ms : {0ll, 127ll, 128ll, 1ll << 45}) {
      const std::string bytes = Once{"order-17", until, window_ms}.encode();
      const Once back = Once::decode(bytes);
      EXPECT_EQ(back.id, "order-17");
      EXPECT_EQ(back.until, until);
      EXPECT_EQ(back.window_ms, window_ms);
    }
}

TEST(Once, NoneIsNoBytes) {
  EXPECT_EQ(Once{}.encode(), "");
  EXPECT_TRUE(Once::decode("").empty());
}

TEST(Once, RefusesWhatANewerVersionWroteAndWhatEndsTooSoon) {
  for (const char* bytes : {"\x03\x01id", "\x01", "\x01\xff"})
    EXPECT_EQ(test::code_of([&] { Once::decode(bytes); }), ErrorCode::kStoreRejected);
}

}  // namespace
}  // namespace msgq
