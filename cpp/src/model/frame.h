// How one message lies in a parcel and in a block: a mask byte, the fields it names, the body.
//
//   mask & 1  headers: varint length, JSON text        mask & 4  history: varint length, JSON text
//   mask & 2  counts: three varints (deliveries,       mask & 8  first enqueued: varint of Unix ms
//             failures, crashes)
//   mask & 16 key: varint length, text             mask & 32 place: two varints (seq, index)
//   mask & 64 once: varint length, Once::encode()
//   the high bit is kept for what else a message has of its own; a reader refuses what it does not
//   know. Priority and expiry are a parcel's, and lie beside its type.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "msgq/message.h"

namespace msgq::frame {

struct Fields {
  std::string_view headers, history, body;
  Counts counts;
  std::int64_t enqueued_ms = 0;  // 0: the parcel's
  std::string_view key;
  KeyPlace place;
  std::string_view once;
};

void append(std::string& out, const Fields& fields);
// Throws kStoreRejected when the frame is damaged or from a newer version.
Fields read(std::string_view frame);

void put_varint(std::string& out, std::uint64_t value);
// Takes a varint off the front of `in`; throws kStoreRejected when there is none.
std::uint64_t take_varint(std::string_view& in);
// Takes `size` bytes off the front of `in`; throws kStoreRejected when there are fewer.
std::string_view take_bytes(std::string_view& in, std::uint64_t size);

}  // namespace msgq::frame
