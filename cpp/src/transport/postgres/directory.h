// Queues and their lanes as they were last read; read again when the newest number of the schema
// has changed. A process appends to one lane of a queue, and claims from all of them.
//
// Threads: that of the session.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "msgq/message.h"
#include "msgq/queue_settings.h"
#include "transport/postgres/connection.h"

namespace msgq::transport::postgres {

// The lanes of one priority, or of one shard of keys.
struct Band {
  int returned = 0;             // of messages that were parked or dead; 0: not made yet
  std::map<int, int> by_shard;  // that producers append to
};

struct Queue {
  int id = 0;
  std::string name;
  int subscription = 0;
  std::map<std::uint8_t, Band, std::greater<>> bands;
  QueueSettings settings;
  std::string source;  // of a subscription: the queue whose messages it reads; nobody sends to it

  // All that the subscription reads, by band, in each the one of returned messages first.
  std::vector<int> lanes() const { return lanes_in_turn(0); }
  // In the order in which the `turn`-th claim looks at them: those of shards take turns.
  std::vector<int> lanes_in_turn(std::int64_t turn) const;
  bool is_returned(int lane) const;
  bool has_priorities() const {
    return std::count_if(bands.begin(), bands.end(),
                         [](const auto& entry) { return !msgq::is_keyed(entry.first); }) > 1;
  }
  bool has_keys() const { return !bands.empty() && msgq::is_keyed(bands.begin()->first); }
  bool is_keyed(int lane) const;
};

class Directory {
 public:
  // Of which shard the lanes are that are appended to from now on; 0 at first.
  void set_shard(int shard) { shard_ = shard; }
  // Reads everything when it may have changed since the last time.
  void refresh(Connection& connection);
  void note_version(std::int64_t version) { is_stale_ = is_stale_ || version != version_; }
  void forget() { is_stale_ = true; }
  bool is_stale() const { return is_stale_; }
  // Whether there are queues that may not hold any number of messages.
  bool has_bounds() const { return has_bounds_; }
  // Whether a queue keeps what it is sent for subscriptions.
  bool has_logs() const { return has_logs_; }
  // Whether messages with keys were ever sent, as far as it knows.
  bool has_keys() const;
  // nullptr when there is none. Pointers hold until the next refresh.
  const Queue* find(std::string_view name) const;
  // The same, and nullptr for a queue that gives nothing out.
  const Queue* find_giving(std::string_view name) const {
    const Queue* queue = find(name);
    return queue == nullptr || queue->settings.is_paused ? nullptr : queue;
  }
  const Queue* of_subscription(int subscription) const;
  const Queue* of_id(int queue) const;
  const std::map<std::string, Queue, std::less<>>& all() const { return queues_; }
  // The queue with a lane to append to, made where it is not there; throws kNotFound when
  // `is_strict`.
  const Queue& make(Connection& connection, std::string_view name, bool is_strict,
                    std::uint8_t band = kPriorityNormal);
  // The queue with some lane of this band, for what has no producer here.
  const Queue& make_any(Connection& connection, std::string_view name, std::uint8_t band);
  static int any_lane_of(const Queue& queue, std::uint8_t band) {
    return queue.bands.at(band).by_shard.begin()->second;
  }
  // Whether it is there and has a lane of this process's shard.
  bool can_append(std::string_view name, std::uint8_t band = kPriorityNormal) const;
  int lane_of(const Queue& queue, std::uint8_t band = kPriorityNormal) const {
    return queue.bands.at(band).by_shard.at(shard_of(band));
  }

 private:
  // Keys have shards of their own, the same for every process.
  int shard_of(std::uint8_t band) const { return is_keyed(band) ? 0 : shard_; }

  int shard_ = 0;
  bool is_stale_ = true;
  bool has_bounds_ = false;
  bool has_logs_ = false;
  std::int64_t version_ = 0;
  std::map<std::string, Queue, std::less<>> queues_;
};

}  // namespace msgq::transport::postgres
