// Blocks and single messages as the array parameters of the schema's functions: a column an array,
// the bytes of all behind one another with their ends.
//
// Threads: plain values.
#pragma once

#include <string>

#include "transport/postgres/params.h"
#include "transport/transport.h"

namespace msgq::transport::postgres {

// As lanes and parked messages name a band.
inline std::int64_t band_number(std::uint8_t band) { return std::int64_t{band} - kPriorityNormal; }

// One message as a block of its own, as parked and dead messages are kept.
BlockPtr block_of_one(const StoredMessage& message);

// lanes, subscriptions, n, bytes, first and last ids, checksums, ends, frames.
class BlockColumns {
 public:
  void reserve(std::size_t bytes) { frames_.reserve(bytes); }
  void add(int lane, int subscription, const Block& block);
  void put(Params& out);

 private:
  using Type = Array::Type;
  Array lanes_{Type::kInt4}, subscriptions_{Type::kInt4}, counts_{Type::kInt4}, bytes_{Type::kInt4};
  Array first_{Type::kUuid}, last_{Type::kUuid}, checksums_{Type::kInt8}, ends_{Type::kInt4};
  std::string frames_;
};

// ids, bytes, checksums, ends, frames.
class MessageColumns {
 public:
  void add(const StoredMessage& message);
  void put(Params& out);

 private:
  using Type = Array::Type;
  Array ids_{Type::kUuid}, bytes_{Type::kInt4}, checksums_{Type::kInt8}, ends_{Type::kInt4};
  std::string frames_;
};

}  // namespace msgq::transport::postgres
