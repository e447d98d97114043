// Queues and their lanes, remembered between transactions and read again when another process
// changed them. Each queue has one subscription row; lanes are made when the first message of their
// priority is sent, or returns.
//
// Threads: that of the connection; changes only inside a write transaction.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
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

// Ends the name of a log: no name that people give has it.
constexpr char kLogMark = '\x01';

struct Queue {
  std::int64_t id = 0;
  std::string name;
  std::int64_t subscription = 0;
  std::map<std::uint8_t, Band, std::greater<>> bands;  // by priority
  QueueSettings settings;
  std::int64_t log = 0;               // that it writes for its subscriptions; 0: none
  std::int64_t source = 0;            // of a subscription: the log whose main lanes it reads
  std::vector<std::int64_t> readers;  // of a log: its subscriptions

  bool is_log() const { return name.back() == kLogMark; }
  // Of a log: the queue that writes it.
  std::string_view source_name() const { return std::string_view(name).substr(0, name.size() - 1); }
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
  // The log of a queue, made where there is none.
  Queue& make_log(Queue& queue, Counter& counter);
  // A subscription that reads a log. REQUIRES: there is none of that name.
  Queue& make_reader(Queue& log, std::string_view name, Counter& counter);
  // Whether several read the lane: settles delete none of its blocks.
  bool is_shared(std::int64_t lane) const { return log_lanes_.contains(lane); }
  // The lane of a priority, made where there is none.
  std::int64_t make_main(Queue& queue, std::uint8_t priority, Counter& counter);
  std::int64_t make_returned(Queue& queue, std::uint8_t priority, Counter& counter);
  void change(Queue& queue, const QueueSettings& settings, Counter& counter);
  // Everything is forgotten. REQUIRES: there is none of that name.
  void rename(std::int64_t queue, std::string_view name, Counter& counter);
  // Removes the rows of a queue; what is in its lanes is the caller's.
  void remove(Queue& queue, Counter& counter);

 private:
  std::int64_t make_lane(std::int64_t queue, std::int64_t subscription, std::uint8_t priority,
                         bool deletes, Counter& counter);
  Queue& add(std::string_view name, Counter& counter);
  void index();
  void link();

  Statement read_, change_, rename_, link_, make_queue_, make_subscription_, make_lane_,
      make_totals_;
  Statement delete_queue_, delete_subscriptions_, delete_lanes_, delete_totals_;
  std::int64_t version_ = -1;
  std::map<std::string, Queue, std::less<>> queues_;
  std::map<std::int64_t, Queue*> by_subscription_;
  std::set<std::int64_t> log_lanes_;
};

}  // namespace msgq::transport::sqlite
