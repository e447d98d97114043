#include "base/check.h"

#include <gtest/gtest.h>

#include "support/outcome.h"

namespace msgq {
namespace {

TEST(Check, LetsTruthPass) { MSGQ_CHECK(1 + 1 == 2, "arithmetic"); }

#ifdef MSGQ_ASSERTS
TEST(CheckDeathTest, StopsAtOnceWhereADebuggerWantsToBe) {
  EXPECT_DEATH(MSGQ_CHECK(1 + 1 == 3, "arithmetic"), "broken invariant: arithmetic");
}
#else
TEST(Check, ThrowsInternalWithTheConditionAndThePlace) {
  const Error error = test::error_of([] { MSGQ_CHECK(1 + 1 == 3, "arithmetic"); });
  EXPECT_EQ(error.code(), ErrorCode::kInternal);
  const std::string text = error.what();
  EXPECT_NE(text.find("arithmetic"), std::string::npos);
  EXPECT_NE(text.find("1 + 1 == 3"), std::string::npos);
  EXPECT_NE(text.find("check_test.cpp"), std::string::npos);
}
#endif

}  // namespace
}  // namespace msgq
