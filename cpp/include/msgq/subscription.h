// Subscriptions: named readers of a queue, each of which gets every message, with its own position,
// retries and dead letters. To whom takes, looks and administers, a subscription is a queue by the
// name `queue@name`; only nobody sends to it.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "msgq/message.h"

namespace msgq {

// Where a subscription begins, or goes on.
struct Start {
  enum class At : std::uint8_t {
    kLatest,    // what is sent from now on
    kEarliest,  // everything that is still there
    kTime,      // what was stored at `time_ms` or later
    kId,        // the message `id`, and what was stored after it
  };
  At at = At::kLatest;
  std::int64_t time_ms = 0;  // Unix ms
  MessageId id = {};
};

inline std::string subscription_name(std::string_view queue, std::string_view name) {
  return std::string(queue) + "@" + std::string(name);
}

}  // namespace msgq
