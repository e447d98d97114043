// The tables of single messages: parked ones, which wait for their time, and dead letters.
//
// Threads: that of the connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "msgq/message.h"
#include "transport/sqlite/statement.h"

namespace msgq::transport::sqlite {

enum class ParkKind : int { kDelay = 0, kRetry = 1, kSnooze = 2, kBehind = 3 };

// The columns number, id ... place_index, with which every listing begins.
constexpr int kMessageColumns = 17;
StoredMessage read_message(const Cursor& row);

struct ParkedRow {
  std::int64_t number = 0;
  StoredMessage message;
  std::int64_t queue = 0;
  std::int64_t subscription = 0;
  ParkKind kind = ParkKind::kDelay;
  std::int64_t due_ms = 0;
  std::int64_t parked_ms = 0;
};

struct DeadRow {
  std::int64_t number = 0;
  StoredMessage message;
  std::int64_t queue = 0;
  std::int64_t subscription = 0;
  std::string reason;
  std::int64_t died_ms = 0;
};

class Parked {
 public:
  explicit Parked(sqlite3* database);
  void add(const ParkedRow& row);
  // Up to `limit` messages whose time has come, in order of it.
  std::vector<ParkedRow> read_due(std::int64_t wall_ms, std::uint32_t limit);
  void remove(std::int64_t number);
  std::int64_t next_due_ms();  // 0: none
  // Messages of a queue behind (id, number) by id.
  std::vector<ParkedRow> list(std::int64_t queue, std::string_view id, std::int64_t number,
                              std::uint32_t limit);
  std::optional<ParkedRow> find(std::int64_t queue, MessageId id);
  void remove_queue(std::int64_t queue);
  // How many there were with this id.
  std::int64_t cancel(std::int64_t queue, MessageId id);
  std::int64_t reschedule(std::int64_t queue, MessageId id, std::int64_t due_ms);

 private:
  Statement park_, read_due_, next_due_, unpark_, list_, find_, delete_queue_, cancel_, reschedule_;
};

class Dead {
 public:
  explicit Dead(sqlite3* database);
  void add(const DeadRow& row);
  // Dead letters behind `number`, oldest first; of all queues when `queue` is 0.
  std::vector<DeadRow> list(std::int64_t queue, std::int64_t number, std::uint32_t limit);
  std::vector<DeadRow> find(std::int64_t queue, MessageId id);
  // (number, subscription) of the oldest, of those that died before that.
  std::vector<std::pair<std::int64_t, std::int64_t>> list_old(std::int64_t before_ms,
                                                              std::uint32_t limit);
  void remove(std::int64_t number);
  void remove_queue(std::int64_t queue);

 private:
  Statement bury_, list_, list_queue_, list_old_, find_, exhume_, delete_queue_;
};

}  // namespace msgq::transport::sqlite
