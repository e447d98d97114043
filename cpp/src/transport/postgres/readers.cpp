#include "transport/postgres/readers.h"

#include <optional>
#include <utility>
#include <vector>

namespace msgq::transport::postgres {

std::set<int> Readers::due(const Exchange& in, const Directory& queues,
                           std::int64_t boot_ms) const {
  std::set<int> out;
  for (const ClaimWish& wish : in.claims) {
    const Queue* queue = wish.count_max > 0 ? queues.find(wish.queue) : nullptr;
    if (queue == nullptr || !queue->has_keys()) continue;
    const auto known = shares_.find(queue->subscription);
    if (known == shares_.end() || known->second.is_look_due(boot_ms))
      out.insert(queue->subscription);
  }
  return out;
}

void Readers::look(Connection& connection, const Asker& asker, const std::set<int>& subscriptions) {
  Array asked(Array::Type::kInt4);
  for (const int subscription : subscriptions) asked.add(subscription);
  Params params;
  params.small(asker.process).array(std::move(asked));
  const Rows rows = connection.call("note_readers", params);
  std::map<int, std::vector<Reader>> readers;
  for (int row = 0; row < rows.size(); ++row)
    readers[static_cast<int>(rows.integer(row, 0))].push_back(
        {rows.integer(row, 1), rows.integer(row, 2)});
  std::optional<std::map<std::pair<int, std::size_t>, Share::Open>> open;
  for (const int subscription : subscriptions)
    shares_[subscription].look(
        asker.process, readers[subscription], asker.boot_ms, [&](std::size_t shard) {
          if (!open) open = read_open(connection, params);  // asked where others are, too
          return (*open)[{subscription, shard}];
        });
}

std::map<std::pair<int, std::size_t>, Share::Open> Readers::read_open(Connection& connection,
                                                                      const Params& params) {
  std::map<std::pair<int, std::size_t>, Share::Open> out;
  const Rows rows = connection.call("own_shards", params);
  for (int row = 0; row < rows.size(); ++row)
    out[{static_cast<int>(rows.integer(row, 0)), static_cast<std::size_t>(rows.integer(row, 1))}] =
        {static_cast<std::uint64_t>(rows.integer(row, 2)),
         static_cast<std::uint64_t>(rows.integer(row, 3))};
  return out;
}

std::uint32_t Readers::others_of(int subscription) const {
  const auto found = shares_.find(subscription);
  return found == shares_.end() ? 0 : found->second.others();
}

}  // namespace msgq::transport::postgres
