// Queues and their lanes, remembered between transactions and read again when another process
// changed them. Each queue has one subscription now; its return lane is made when the first message
// returns.
//
// Threads: that of the connection; changes only inside a write transaction.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "transport/sqlite/counter.h"
#include "transport/sqlite/statement.h"

namespace msgq::transport::sqlite {

struct Queue {
  std::int64_t id = 0;
  std::string name;
  std::int64_t subscription = 0;
  std::int64_t main = 0;      // lane that producers append to
  std::int64_t returned = 0;  // lane of messages that were parked or dead; 0: not made yet
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

  // Finds it or makes it with subscription and main lane.
  Queue& make(std::string_view name, Counter& counter);
  std::int64_t make_returned(Queue& queue, Counter& counter);
  // Removes the rows of a queue; what is in its lanes is the caller's.
  void remove(Queue& queue, Counter& counter);

 private:
  std::int64_t make_lane(std::int64_t queue, std::int64_t subscription);
  void index();

  Statement read_, make_queue_, make_subscription_, make_lane_, make_totals_;
  Statement delete_queue_, delete_subscriptions_, delete_lanes_, delete_totals_;
  std::int64_t version_ = -1;
  std::map<std::string, Queue, std::less<>> queues_;
  std::map<std::int64_t, Queue*> by_subscription_;
};

}  // namespace msgq::transport::sqlite
