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
