// What a test asks about the error that something throws.
//
// Threads: any.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "msgq/error.h"

namespace msgq::test {

// The Error that `action` throws; fails the test when it throws none.
template <typename Action>
Error error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return Error(ErrorCode::kInternal, "none");
}

template <typename Action>
ErrorCode code_of(Action action) {
  return error_of(action).code();
}

}  // namespace msgq::test

// Expects that `statement` breaks an invariant whose words hold `what`: builds with checks that
// stop are stopped, others throw kInternal.
#ifdef MSGQ_ASSERTS
#define MSGQ_EXPECT_BUG(statement, what) EXPECT_DEATH(statement, "broken invariant: .*" what)
#else
#define MSGQ_EXPECT_BUG(statement, what)                                          \
  do {                                                                            \
    const ::msgq::Error bug = ::msgq::test::error_of([&] { (void)(statement); }); \
    EXPECT_EQ(bug.code(), ::msgq::ErrorCode::kInternal);                          \
    EXPECT_NE(std::string(bug.what()).find(what), std::string::npos);             \
  } while (false)
#endif
