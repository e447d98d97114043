// Finds blocks by what their headers say, without reading their frames: by time, halving the lane,
// then by the ids they span.
//
// Threads: that of the connection.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "msgq/message.h"
#include "transport/sqlite/statement.h"

namespace msgq::transport::sqlite {

struct Candidate {
  std::int64_t seq = 0;
  std::uint32_t count = 0;
};

class Headers {
 public:
  explicit Headers(sqlite3* database);

  // Blocks of a lane that may hold `id`, of those that were written about when it was made.
  std::vector<Candidate> about(std::int64_t lane, MessageId id);
  // The same by walking all headers: for lanes whose ids are in no order.
  std::vector<Candidate> all_with(std::int64_t lane, MessageId id);
  // When the first block of a lane from `seq` on was written, Unix ms.
  std::optional<std::int64_t> written_from(std::int64_t lane, std::int64_t seq);

  struct Header {
    Candidate block;
    MessageId first, last;
    std::int64_t at_ms = 0;
    bool spans(MessageId id) const { return first <= id && id <= last; }
  };
  std::optional<Header> newest(std::int64_t lane);
  // The seq of the first block written at `at_ms` or later. REQUIRES: `newest_seq` was.
  std::int64_t first_written_after(std::int64_t lane, std::int64_t at_ms, std::int64_t newest_seq);

 private:
  static Header read(const Cursor& row);
  std::optional<Header> first_from(std::int64_t lane, std::int64_t seq);

  Statement forward_, back_;
};

}  // namespace msgq::transport::sqlite
