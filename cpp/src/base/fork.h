// Knows whether this process is a fork of the one that opened something.
//
// Threads: any; the child's counter is raised before any of its code runs.
#pragma once

#include <cstdint>

namespace msgq {

// Rises by one in every forked child. Compare with the value kept at opening.
std::uint32_t fork_generation();

}  // namespace msgq
