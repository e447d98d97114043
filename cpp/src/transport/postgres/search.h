// Finds messages in a queue's lanes and tables without claiming them.
//
// Threads: that of the connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "msgq/stats.h"
#include "transport/postgres/connection.h"
#include "transport/postgres/directory.h"

namespace msgq::transport::postgres {

// The message of a block of one.
StoredMessage read_one(std::string_view block);

// Where a message is in a log.
struct LogPlace {
  int lane = 0;
  std::int64_t seq = 0;
  int index = 0;
};

class Search {
 public:
  // `clock` is the caller's: times of the store are told by it.
  Search(Connection& connection, Clock& clock) : connection_(connection), clock_(clock) {}

  std::vector<FoundMessage> peek(const Queue& queue, std::string_view after, std::uint32_t limit);
  std::optional<FoundMessage> find(const Queue& queue, MessageId id);
  // nullopt: it is in none of these lanes, claimed or not.
  std::optional<LogPlace> place_in(const std::vector<int>& lanes, MessageId id);
  // The dead letters of list_dead()'s rows.
  std::vector<FoundMessage> letters(const Rows& rows, const Directory& directory);

 private:
  std::vector<FoundMessage> parked(const Queue& queue, MessageId id, std::int64_t number,
                                   std::uint32_t limit);
  FoundMessage letter(const Rows& rows, int row);

  Connection& connection_;
  Clock& clock_;
};

}  // namespace msgq::transport::postgres
