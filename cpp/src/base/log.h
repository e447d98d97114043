// A bounded ring of log records. The core never prints; whoever embeds it drains the ring.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace msgq {

enum class LogLevel : int { kDebug = 10, kInfo = 20, kWarning = 30, kError = 40 };

class Log {
 public:
  void write(LogLevel level, std::string text);
  std::vector<std::pair<int, std::string>> drain();

 private:
  static constexpr std::size_t kRecordCountMax = 1'000;
  Mutex mutex_;
  std::deque<std::pair<int, std::string>> records_ MSGQ_GUARDED_BY(mutex_);
  std::uint64_t dropped_ MSGQ_GUARDED_BY(mutex_) = 0;
};

}  // namespace msgq
