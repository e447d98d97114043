// Programmer errors: a broken invariant throws kInternal, which poisons the engine (it refuses all
// further work and lets its leases lapse) instead of aborting somebody's interpreter. Builds with
// MSGQ_ASSERTS stop at once, where the debugger wants to be.
//
// Threads: any.
#pragma once

#include <string>

namespace msgq {

[[noreturn]] void fail_check(const char* condition, const char* file, int line,
                             const std::string& what);

// Lets broken invariants throw also in builds that stop at them: for runs that break the rules on
// purpose.
void test_only_let_checks_throw(bool lets);

}  // namespace msgq

#define MSGQ_CHECK(condition, what)                             \
  do {                                                          \
    if (!(condition)) [[unlikely]]                              \
      ::msgq::fail_check(#condition, __FILE__, __LINE__, what); \
  } while (false)
