#include "base/check.h"

#include <cstdio>
#include <cstdlib>

#include "msgq/error.h"

namespace msgq {

void fail_check(const char* condition, const char* file, int line, const std::string& what) {
  const std::string text = "broken invariant: " + what + " (" + condition + ", " + file + ":" +
                           std::to_string(line) + "); please report this";
#ifdef MSGQ_ASSERTS
  std::fprintf(stderr, "%s\n", text.c_str());
  std::abort();
#else
  throw Error(ErrorCode::kInternal, text);
#endif
}

}  // namespace msgq
