#include "base/log.h"

namespace msgq {

void Log::write(LogLevel level, std::string text) {
  MutexLock lock(mutex_);
  if (records_.size() == kRecordCountMax) {
    records_.pop_front();
    ++dropped_;
  }
  records_.emplace_back(static_cast<int>(level), std::move(text));
}

std::vector<std::pair<int, std::string>> Log::drain() {
  MutexLock lock(mutex_);
  std::vector<std::pair<int, std::string>> out(records_.begin(), records_.end());
  if (dropped_ > 0)
    out.emplace_back(static_cast<int>(LogLevel::kWarning),
                     std::to_string(dropped_) + " log records were dropped: nobody drained them");
  records_.clear();
  dropped_ = 0;
  return out;
}

}  // namespace msgq
