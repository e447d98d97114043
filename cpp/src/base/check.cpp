#include "base/check.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "msgq/error.h"

namespace msgq {
namespace {

#ifdef MSGQ_ASSERTS
constexpr bool kStops = true;
#else
constexpr bool kStops = false;
#endif
std::atomic<bool> lets_throw{!kStops};

}  // namespace

void test_only_let_checks_throw(bool lets) { lets_throw = lets || !kStops; }

void fail_check(const char* condition, const char* file, int line, const std::string& what) {
  const std::string text = "broken invariant: " + what + " (" + condition + ", " + file + ":" +
                           std::to_string(line) + "); please report this";
  if (!lets_throw) {
    std::fprintf(stderr, "%s\n", text.c_str());
    std::abort();
  }
  throw Error(ErrorCode::kInternal, text);
}

}  // namespace msgq
