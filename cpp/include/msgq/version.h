// Version and build facts. Plain constants; any thread.
#pragma once

#include <string>

namespace msgq {

inline constexpr char kVersion[] = "0.1.0";

// What the core was built with, as "name value" lines: asserts, sanitizer, library versions.
std::string build_facts();

}  // namespace msgq
