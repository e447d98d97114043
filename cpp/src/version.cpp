#include "msgq/version.h"

#if MSGQ_WITH_SQLITE
#include <dlfcn.h>
#include <sqlite3.h>
#endif

namespace msgq {

std::string build_facts() {
  std::string facts = std::string("version ") + kVersion + "\n";
#ifdef MSGQ_ASSERTS
  facts += "asserts on\n";
#else
  facts += "asserts off\n";
#endif
#if MSGQ_WITH_SQLITE
  facts += std::string("sqlite ") + sqlite3_libversion() + "\n";
#else
  facts += "sqlite off\n";
#endif
  facts += std::string("compiler ") + __VERSION__ + "\n";
  return facts;
}

std::string sqlite_library() {
#if MSGQ_WITH_SQLITE
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&sqlite3_libversion_number), &info) != 0 &&
      info.dli_fname)
    return info.dli_fname;
#endif
  return {};
}

}  // namespace msgq
