// Queues and their lanes, remembered between transactions and read again when another process
// changed them. Each queue has one subscription now; lanes are made when the first message of their
// priority is sent, or returns.
//
// Threads: that of the connection; changes only inside a write transaction.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "msgq/message.h"
#include "msgq/queue_settings.h"
#include "transport/sqlite/counter.h"
#include "transport/sqlite/statement.h"

namespace msgq::transport::sqlite {

// The lanes of one priority; 0: not made yet.
struct Band {
  std::int64_t main = 0;      // that producers append to
  std::int64_t returned = 0;  // of messages that were parked or dead
};

struct Queue {
  std::int64_t id = 0;
  std::string name;
  std::int64_t subscription = 0;
  std::map<std::uint8_t, Band, std::greater<>> bands;  // by priority
  QueueSettings settings;

  // All lanes by their numbers, in which order they are listed.
  std::vector<std::int64_t> lanes() const;
  bool is_main(std::int64_t lane) const;
  bool has_keys() const { return !bands.empty() && is_keyed(bands.begin()->first); }
};

class Directory {
 public:
  explicit Directory(sqlite3* database);

  // Reads everything when `version` is another than the one known.
  void refresh(std::int64_t version);
  // Forgets everything: what was made was rolled back.
  void forget() { version_ = -1; }

  // nullptr when there is none. Pointers hold until the next refresh.
  Queue* find(std::string_view name);
  Queue* of_subscription(std::int64_t subscription);
  Queue* of_id(std::int64_t queue);
  const std::map<std::string, Queue, std::less<>>& all() const { return queues_; }

  // Finds it or makes it with its subscription.
  Queue& make(std::string_view name, Counter& counter);
  // The lane of a priority, made where there is none.
  std::int64_t make_main(Queue& queue, std::uint8_t priority, Counter& counter);
  std::int64_t make_returned(Queue& queue, std::uint8_t priority, Counter& counter);
  void change(Queue& queue, const QueueSettings& settings, Counter& counter);
  // Removes the rows of a queue; what is in its lanes is the caller's.
  void remove(Queue& queue, Counter& counter);

 private:
  std::int64_t make_lane(std::int64_t queue, std::int64_t subscription, std::uint8_t priority,
                         Counter& counter);
  void index();

  Statement read_, change_, make_queue_, make_subscription_, make_lane_, make_totals_;
  Statement delete_queue_, delete_subscriptions_, delete_lanes_, delete_totals_;
  std::int64_t version_ = -1;
  std::map<std::string, Queue, std::less<>> queues_;
  std::map<std::int64_t, Queue*> by_subscription_;
};

}  // namespace msgq::transport::sqlite
