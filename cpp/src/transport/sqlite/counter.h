// The numbers that are raised under the write lock and never used twice: seqs, gens, numbers of
// parked and dead messages, all from one. Read when a transaction begins, written back when one was
// drawn.
//
// Threads: that of the connection; valid inside a transaction.
#pragma once

#include <cstdint>

#include "transport/sqlite/statement.h"

namespace msgq::transport::sqlite {

// The two times of one transaction.
struct Now {
  std::int64_t wall_ms = 0;
  std::int64_t boot_ms = 0;
};

enum class OwnerState { kOpen, kClosed, kMissing };

class Counter {
 public:
  explicit Counter(sqlite3* database);

  // Reads the counters; says whether `owner` may go on.
  OwnerState load(std::int64_t owner);
  // Writes them back when they moved.
  void save();
  bool is_changed() const {
    return tick_ != saved_tick_ || directory_ != saved_directory_ || lapsed_ != saved_lapsed_;
  }

  std::int64_t draw() { return ++tick_; }
  std::int64_t last() const { return tick_; }
  std::int64_t directory() const { return directory_; }
  void raise_directory() { ++directory_; }
  // `wall_ms`, or the time of the last append when the clock has stepped back.
  std::int64_t stamp(std::int64_t wall_ms);
  // Claims that are lapsed, in the whole store: when there are none, nobody looks for them.
  std::int64_t lapsed() const { return lapsed_; }
  void add_lapsed(std::int64_t change) { lapsed_ += change; }

 private:
  Statement read_, save_;
  std::int64_t tick_ = 0, directory_ = 0, at_ms_ = 0, lapsed_ = 0;
  std::int64_t saved_tick_ = 0, saved_directory_ = 0, saved_lapsed_ = 0;
};

}  // namespace msgq::transport::sqlite
