// What a worker asks for: the streams of deliveries it handles, how queues take turns, its threads.
//
// Threads: plain values; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace msgq {

// One stream of deliveries to a worker: a handler, or everything of a queue that no channel names.
struct ChannelSpec {
  std::string queue;
  std::string type;  // handler name; "*" takes what no other channel of the queue names
  std::uint32_t concurrency = 0;  // lots at once (messages at once if is_async); 0: no own limit
  std::uint32_t batch_count = 0;  // > 0: a batch handler; up to so many messages a lot
  std::chrono::nanoseconds batch_wait{0};  // how long a batch handler waits for a full lot
  bool is_async = false;                   // its messages run side by side
};

enum class QueueOrder : std::uint8_t { kStrict, kWeighted, kFair };

struct WorkerSpec {
  std::vector<ChannelSpec> channels;
  QueueOrder order = QueueOrder::kFair;
  std::vector<std::pair<std::string, std::uint32_t>> weights;  // by queue, for kWeighted
  std::uint32_t slots = 1;  // threads that take; room is reckoned from it
};

}  // namespace msgq
