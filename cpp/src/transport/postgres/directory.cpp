#include "transport/postgres/directory.h"

#include <algorithm>

#include "msgq/error.h"
#include "transport/transport.h"

namespace msgq::transport::postgres {

std::vector<int> Queue::lanes_in_turn(std::int64_t turn) const {
  std::vector<int> out;
  for (const auto& [priority, band] : bands) {
    if (band.returned != 0) out.push_back(band.returned);
    for (const auto& [shard, lane] : band.by_shard) out.push_back(lane);
    const auto shards = static_cast<std::ptrdiff_t>(band.by_shard.size());
    if (shards > 1) std::rotate(out.end() - shards, out.end() - shards + turn % shards, out.end());
  }
  // Of the shards of keys each comes first in its turn.
  const auto lanes_of = [&](const auto& band) {
    return static_cast<std::ptrdiff_t>(band.by_shard.size()) + (band.returned != 0 ? 1 : 0);
  };
  std::ptrdiff_t keyed = 0, ahead = 0;
  std::int64_t number = 0;
  for (const auto& [band, lanes] : bands) {
    if (!msgq::is_keyed(band)) break;
    keyed += lanes_of(lanes);
    if (number++ < turn % kKeyShards) ahead += lanes_of(lanes);
  }
  if (keyed > 0) std::rotate(out.begin(), out.begin() + ahead % keyed, out.begin() + keyed);
  return out;
}

bool Queue::is_returned(int lane) const {
  return std::any_of(bands.begin(), bands.end(),
                     [&](const auto& entry) { return entry.second.returned == lane; });
}

bool Queue::is_keyed(int lane) const {
  return std::any_of(bands.begin(), bands.end(), [&](const auto& entry) {
    const auto& shards = entry.second.by_shard;
    return msgq::is_keyed(entry.first) &&
           (entry.second.returned == lane ||
            std::any_of(shards.begin(), shards.end(),
                        [&](const auto& shard) { return shard.second == lane; }));
  });
}

void Directory::refresh(Connection& connection) {
  if (!is_stale_) return;
  enum Column {
    kName,
    kId,
    kSubscriptionId,
    kLaneId,
    kBand,
    kShard,
    kIsReturned,
    kIsPaused,
    kLengthMax,
    kOverflow,
    kOverflowWait,
    kIsTopic,
    kRetention,
    kSource,
    kHasLog
  };
  const auto version = connection.call("directory_version").integer(0, 0);
  const Rows rows = connection.call("read_lanes");
  queues_.clear();
  has_bounds_ = has_logs_ = false;
  for (int row = 0; row < rows.size(); ++row) {
    const std::string name(rows.bytes(row, kName));
    Queue& queue = queues_[name];
    queue.name = name;
    queue.id = static_cast<int>(rows.integer(row, kId));
    queue.subscription = static_cast<int>(rows.integer(row, kSubscriptionId));
    queue.settings.is_paused = rows.integer(row, kIsPaused) != 0;
    queue.settings.length_max = static_cast<std::uint64_t>(rows.integer(row, kLengthMax));
    has_bounds_ = has_bounds_ || queue.settings.length_max > 0;
    queue.settings.overflow = static_cast<Overflow>(rows.integer(row, kOverflow));
    queue.settings.overflow_wait_ms = rows.integer(row, kOverflowWait);
    queue.settings.is_topic = rows.integer(row, kIsTopic) != 0;
    queue.settings.retention_ms = rows.integer(row, kRetention);
    queue.source = rows.bytes(row, kSource);
    has_logs_ = has_logs_ || rows.integer(row, kHasLog) != 0;
    if (rows.is_null(row, kLaneId)) continue;
    const int lane = static_cast<int>(rows.integer(row, kLaneId));
    Band& band = queue.bands[static_cast<std::uint8_t>(rows.integer(row, kBand) + kPriorityNormal)];
    if (rows.integer(row, kIsReturned) != 0)
      band.returned = lane;
    else
      band.by_shard[static_cast<int>(rows.integer(row, kShard))] = lane;
  }
  version_ = version;  // read before the rows: what came in between is read the next time
  is_stale_ = false;
}

const Queue* Directory::find(std::string_view name) const {
  const auto found = queues_.find(name);
  return found == queues_.end() ? nullptr : &found->second;
}

const Queue* Directory::of_subscription(int subscription) const {
  for (const auto& [name, queue] : queues_)
    if (queue.subscription == subscription) return &queue;
  return nullptr;
}

const Queue* Directory::of_id(int id) const {
  for (const auto& [name, queue] : queues_)
    if (queue.id == id) return &queue;
  return nullptr;
}

bool Directory::has_keys() const {
  return std::any_of(queues_.begin(), queues_.end(),
                     [](const auto& entry) { return entry.second.has_keys(); });
}

bool Directory::can_append(std::string_view name, std::uint8_t number) const {
  const Queue* queue = find(name);
  if (queue == nullptr || !queue->source.empty()) return false;
  const auto band = queue->bands.find(number);
  return band != queue->bands.end() && band->second.by_shard.count(shard_of(number)) > 0;
}

const Queue& Directory::make_any(Connection& connection, std::string_view name,
                                 std::uint8_t number) {
  const Queue* queue = find(name);
  if (queue != nullptr && !queue->source.empty())
    return make_any(connection, std::string(queue->source), number);
  const bool has_lane = queue != nullptr && queue->bands.count(number) > 0 &&
                        !queue->bands.at(number).by_shard.empty();
  return has_lane ? *queue : make(connection, name, false, number);
}

const Queue& Directory::make(Connection& connection, std::string_view name, bool is_strict,
                             std::uint8_t number) {
  if (can_append(name, number)) return *find(name);
  if (const Queue* queue = find(name); queue != nullptr && !queue->source.empty())
    refuse_send(name, queue->source);
  if (is_strict && find(name) == nullptr) {
    forget();
    refresh(connection);
    if (find(name) == nullptr)
      throw Error(ErrorCode::kNotFound, "there is no queue '" + std::string(name) +
                                            "' (strict_queues is on); make it first");
  }
  Params params;
  params.text(name).small(shard_of(number)).small(number - kPriorityNormal);
  connection.call("open_queue", params);
  forget();
  refresh(connection);
  if (!can_append(name, number))
    throw Error(ErrorCode::kStoreUnavailable, "a queue vanished as it was made");
  return *find(name);
}

}  // namespace msgq::transport::postgres
