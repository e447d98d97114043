// Knows whether this process is a fork of the one that opened something, and keeps a fork from
// coming while a thread of ours is inside a library whose locks the child would inherit held.
//
// Threads: any; the child's counter is raised before any of its code runs.
#pragma once

#include <cstdint>

namespace msgq {

// Rises by one in every forked child. Compare with the value kept at opening.
std::uint32_t fork_generation();

// While one lives, fork() waits, at most 2 s; while fork() runs, making one waits. May be nested.
class ForkHold {
 public:
  ForkHold();
  ~ForkHold();
  ForkHold(const ForkHold&) = delete;
  ForkHold& operator=(const ForkHold&) = delete;
};

// True in a child whose fork waited in vain: what the holds protect is not to be used in it.
bool was_forked_in_hold();

}  // namespace msgq
