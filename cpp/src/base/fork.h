// Knows whether this process is a fork of the one that opened something, closes in the child what
// only the parent may hold open, and keeps a fork from coming while a thread of ours is inside a
// library whose locks the child would inherit held.
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

// A descriptor that a forked child closes before any of its code runs: a lock, or a session, that
// shall end with the parent although a child lives on. Who made it closes it in the parent.
class ClosedInChild {
 public:
  explicit ClosedInChild(int descriptor);
  ~ClosedInChild() { forget(); }
  ClosedInChild(const ClosedInChild&) = delete;
  ClosedInChild& operator=(const ClosedInChild&) = delete;

  // False when the process has too many of them: the child will keep this one open.
  bool is_watched() const { return place_ >= 0; }
  // False in a child, where it is closed already.
  bool forget();

 private:
  int place_ = -1;
};

}  // namespace msgq
