// What is set of one queue: stored with it, the same for all processes, seen by all within a
// second.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "msgq/config.h"

namespace msgq {

struct QueueSettings {
  bool is_paused = false;                  // takes messages in, gives none out
  std::uint64_t length_max = 0;            // messages that wait, are parked or leased; 0: no bound
  Overflow overflow = Overflow::kBlock;    // what becomes of those beyond it
  std::int64_t overflow_wait_ms = 30'000;  // how long kBlock blocks
  bool is_topic = false;                   // what is sent goes to its subscriptions alone
  std::int64_t retention_ms = 0;           // for so long subscriptions can go back to a message
};

// What is to be changed of them; what is not named stays as it is.
struct QueueChange {
  std::optional<bool> is_paused;
  std::optional<std::uint64_t> length_max;
  std::optional<Overflow> overflow;
  std::optional<std::int64_t> overflow_wait_ms;
  std::optional<bool> is_topic;
  std::optional<std::int64_t> retention_ms;
  bool creates = false;  // makes the queue where there is none

  void apply(QueueSettings& settings) const {
    settings.is_paused = is_paused.value_or(settings.is_paused);
    settings.length_max = length_max.value_or(settings.length_max);
    settings.overflow = overflow.value_or(settings.overflow);
    settings.overflow_wait_ms = overflow_wait_ms.value_or(settings.overflow_wait_ms);
    settings.is_topic = is_topic.value_or(settings.is_topic);
    settings.retention_ms = retention_ms.value_or(settings.retention_ms);
  }
};

}  // namespace msgq
