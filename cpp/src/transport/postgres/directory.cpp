#include "transport/postgres/directory.h"

#include <algorithm>

#include "msgq/error.h"

namespace msgq::transport::postgres {

void Directory::refresh(Connection& connection) {
  if (!is_stale_) return;
  const auto version = connection.call("directory_version").integer(0, 0);
  const Rows rows = connection.call("read_directory");
  queues_.clear();
  for (int row = 0; row < rows.size(); ++row) {
    const std::string name(rows.bytes(row, 0));
    Queue& queue = queues_[name];
    queue.name = name;
    queue.id = static_cast<int>(rows.integer(row, 1));
    queue.subscription = static_cast<int>(rows.integer(row, 2));
    if (rows.is_null(row, 3)) continue;
    const int lane = static_cast<int>(rows.integer(row, 3));
    queue.lanes.push_back(lane);
    if (rows.integer(row, 5) == 0) queue.by_shard[static_cast<int>(rows.integer(row, 4))] = lane;
  }
  version_ = version;  // read before the rows: what came in between is read the next time
  is_stale_ = false;
}

std::vector<int> Directory::lanes_in_turn(const Queue& queue, std::int64_t turn) {
  std::vector<int> out = queue.lanes;
  const auto shards = static_cast<std::ptrdiff_t>(queue.by_shard.size());
  if (shards < 2) return out;
  std::rotate(out.end() - shards, out.end() - shards + turn % shards, out.end());
  return out;
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

bool Directory::can_append(std::string_view name) const {
  const Queue* queue = find(name);
  return queue != nullptr && queue->by_shard.count(shard_) > 0;
}

const Queue& Directory::make_any(Connection& connection, std::string_view name) {
  const Queue* queue = find(name);
  return queue != nullptr && !queue->by_shard.empty() ? *queue : make(connection, name, false);
}

const Queue& Directory::make(Connection& connection, std::string_view name, bool is_strict) {
  if (can_append(name)) return *find(name);
  if (is_strict && find(name) == nullptr) {
    forget();
    refresh(connection);
    if (find(name) == nullptr)
      throw Error(ErrorCode::kNotFound, "there is no queue '" + std::string(name) +
                                            "' (strict_queues is on); make it first");
  }
  Params params;
  params.text(name).small(shard_);
  connection.call("open_queue", params);
  forget();
  refresh(connection);
  if (!can_append(name))
    throw Error(ErrorCode::kStoreUnavailable, "a queue vanished as it was made");
  return *find(name);
}

}  // namespace msgq::transport::postgres
