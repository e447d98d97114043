// Waits for hints of other processes and passes them on. A hint that is lost is found by polling.
//
// Threads: a service of its own; it blocks in Wake::wait(), which stop() ends.
#pragma once

#include <functional>

#include "base/runtime.h"

namespace msgq {

class Listener final : public Service {
 public:
  // `wait` blocks for a hint, at most a moment; `on_hint` is called after each.
  Listener(std::function<bool(Nanos)> wait, std::function<void()> on_hint)
      : wait_(std::move(wait)), on_hint_(std::move(on_hint)) {}

  Nanos step() override {
    constexpr Nanos kWaitMax = std::chrono::milliseconds(500);
    if (wait_(kWaitMax)) on_hint_();
    return Nanos::zero();
  }
  const char* name() const override { return "msgq-listener"; }

 private:
  const std::function<bool(Nanos)> wait_;
  const std::function<void()> on_hint_;
};

}  // namespace msgq
