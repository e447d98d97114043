#include "transport/postgres/outbox.h"

#include <map>
#include <string>
#include <utility>

#include "transport/postgres/columns.h"

namespace msgq::transport::postgres {
namespace {

enum OutboxColumn {
  kMark,
  kNumber,
  kQueue,
  kId,
  kHandler,
  kContent,
  kHeaders,
  kBody,
  kDueMs,
  kAtMs,
  kPriority,
  kExpiresMs
};

StoredMessage read_message(const Rows& rows, int row) {
  StoredMessage out;
  out.id = rows.id(row, kId);
  out.type = rows.bytes(row, kHandler);
  out.content = static_cast<Content>(rows.integer(row, kContent));
  out.headers = rows.bytes(row, kHeaders);
  out.body = rows.bytes(row, kBody);
  out.enqueued_ms = rows.integer(row, kAtMs);
  out.priority = static_cast<std::uint8_t>(rows.integer(row, kPriority));
  out.expires_ms = rows.integer(row, kExpiresMs);
  return out;
}

constexpr std::size_t kBlockBytesMax = 256u << 10;
constexpr std::int64_t kLookBytesMax = 8ll << 20;

// Adds blocks of these messages of one priority, a parcel each, as their ids do not follow one
// another.
void add_blocks(const Queue& queue, const std::vector<StoredMessage>& messages, BlockColumns& out) {
  std::vector<Parcel> parcels;
  std::size_t bytes = 0;
  for (const StoredMessage& message : messages) {
    parcels.push_back(Parcel::like(message.view()));
    parcels.back().add(message.view());
    bytes += message.body.size() + message.headers.size();
    if (bytes < kBlockBytesMax && &message != &messages.back()) continue;
    out.add(Directory::any_lane_of(queue, message.priority), queue.subscription,
            *Block::build(std::exchange(parcels, {}), messages.front().enqueued_ms));
    bytes = 0;
  }
}

}  // namespace

bool Outbox::is_in_use() const { return clock_.steady() - used_at_ < kUseLasts; }

std::uint32_t Outbox::drain(Connection& connection, Asker& asker, Directory& queues,
                            std::uint32_t limit) {
  Params asked;
  asked.integer(mark_).small(static_cast<int>(limit)).integer(kLookBytesMax);
  const Rows rows = connection.call("read_letters", asked);
  const auto count = static_cast<std::uint32_t>(rows.size() - 1);  // the first row is the mark
  std::int64_t bytes = 0;
  for (int row = 1; row < rows.size(); ++row)
    bytes += static_cast<std::int64_t>(rows.bytes(row, kBody).size());
  const bool takes_all = count < limit && bytes < kLookBytesMax;
  if (count > 0) {
    used_at_ = clock_.steady();
    Array numbers(Array::Type::kInt8), ids(Array::Type::kInt4), due(Array::Type::kInt8);
    Array subscriptions(Array::Type::kInt4), bands(Array::Type::kInt4);
    MessageColumns later;
    std::map<std::pair<std::string, std::uint8_t>, std::vector<StoredMessage>> now;
    for (int row = 1; row < rows.size(); ++row) {
      numbers.add(rows.integer(row, kNumber));
      StoredMessage message = read_message(rows, row);
      const Queue& queue = queues.make_any(connection, rows.bytes(row, kQueue), message.priority);
      if (rows.is_null(row, kDueMs)) {
        now[{queue.name, message.priority}].push_back(std::move(message));
        continue;
      }
      ids.add(queue.id);
      subscriptions.add(queue.subscription);
      bands.add(band_number(message.band()));
      due.add(rows.integer(row, kDueMs));
      later.add(message);
    }
    BlockColumns blocks;
    for (const auto& [to, messages] : now) add_blocks(*queues.find(to.first), messages, blocks);
    Params params;
    params.integer(asker.owner).integer(++asker.request).integer(mark_);
    params.array(std::move(numbers));
    blocks.put(params);
    params.array(std::move(ids)).array(std::move(subscriptions)).array(std::move(bands));
    params.array(std::move(due));
    later.put(params);
    if (connection.call("drain_outbox", params).integer(0, 0) == 0) return 0;
  }
  if (takes_all) mark_ = rows.integer(0, kMark);
  return count;
}

}  // namespace msgq::transport::postgres
