#include "transport/postgres/columns.h"

#include <utility>

namespace msgq::transport::postgres {

BlockPtr block_of_one(const StoredMessage& message) {
  Parcel parcel = Parcel::like(message.view());
  parcel.add(message.view());
  std::vector<Parcel> parcels;
  parcels.push_back(std::move(parcel));
  return Block::build(std::move(parcels), message.enqueued_ms);
}

void BlockColumns::add(int lane, int subscription, const Block& block) {
  lanes_.add(lane);
  subscriptions_.add(subscription);
  counts_.add(block.count());
  bytes_.add(static_cast<std::int64_t>(block.body_bytes(0, block.count())));
  first_.add(block.first_id());
  last_.add(block.last_id());
  checksums_.add(static_cast<std::int64_t>(block.checksum()));
  frames_ += block.bytes();
  ends_.add(static_cast<std::int64_t>(frames_.size()));
}

void BlockColumns::put(Params& out) {
  out.array(std::move(lanes_)).array(std::move(subscriptions_)).array(std::move(counts_));
  out.array(std::move(bytes_)).array(std::move(first_)).array(std::move(last_));
  out.array(std::move(checksums_)).array(std::move(ends_)).bytes(std::move(frames_));
}

void MessageColumns::add(const StoredMessage& message) {
  const BlockPtr block = block_of_one(message);
  ids_.add(message.id);
  bytes_.add(static_cast<std::int64_t>(block->body_bytes(0, 1)));
  checksums_.add(static_cast<std::int64_t>(block->checksum()));
  frames_ += block->bytes();
  ends_.add(static_cast<std::int64_t>(frames_.size()));
}

void MessageColumns::put(Params& out) {
  out.array(std::move(ids_)).array(std::move(bytes_)).array(std::move(checksums_));
  out.array(std::move(ends_)).bytes(std::move(frames_));
}

}  // namespace msgq::transport::postgres
