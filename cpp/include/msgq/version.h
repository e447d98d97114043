// Version and build facts. Plain constants; any thread.
#pragma once

#include <string>

namespace msgq {

inline constexpr char kVersion[] = "0.1.0";

// What the core was built with, as "name value" lines: asserts, sanitizer, library versions.
std::string build_facts();

// Path of the SQLite library this core is linked with, as the dynamic loader knows it; empty when
// the core was built without SQLite. Two different ones in a process break each other's locks.
std::string sqlite_library();

}  // namespace msgq
