#include "transport/sqlite/directory.h"

#include "msgq/error.h"
#include "transport/sql_text.h"

namespace msgq::transport::sqlite {
namespace {

// A block's row id is lane << 40 | seq, in 63 bits.
constexpr std::int64_t kLaneBelow = 1ll << 23;

}  // namespace

Directory::Directory(sqlite3* database)
    : read_(database, sql::sqlite::kReadDirectory),
      make_queue_(database, sql::sqlite::kMakeQueue),
      make_subscription_(database, sql::sqlite::kMakeSubscription),
      make_lane_(database, sql::sqlite::kMakeLane),
      make_totals_(database, sql::sqlite::kMakeTotals),
      delete_queue_(database, sql::sqlite::kDeleteQueueRow),
      delete_subscriptions_(database, sql::sqlite::kDeleteSubscriptionRows),
      delete_lanes_(database, sql::sqlite::kDeleteLaneRows),
      delete_totals_(database, sql::sqlite::kDeleteTotals) {}

void Directory::refresh(std::int64_t version) {
  if (version == version_) return;
  queues_.clear();
  Cursor row = read_.query();
  while (row.next()) {
    Queue queue{row.integer(0), row.text(1), row.integer(2), row.integer(3), row.integer(4)};
    std::string name = queue.name;
    queues_.emplace(std::move(name), std::move(queue));
  }
  index();
  version_ = version;
}

void Directory::index() {
  by_subscription_.clear();
  for (auto& [name, queue] : queues_) by_subscription_[queue.subscription] = &queue;
}

Queue* Directory::find(std::string_view name) {
  const auto found = queues_.find(name);
  return found == queues_.end() ? nullptr : &found->second;
}

Queue* Directory::of_subscription(std::int64_t subscription) {
  const auto found = by_subscription_.find(subscription);
  return found == by_subscription_.end() ? nullptr : found->second;
}

Queue* Directory::of_id(std::int64_t id) {
  for (auto& [name, queue] : queues_)
    if (queue.id == id) return &queue;
  return nullptr;
}

Queue& Directory::make(std::string_view name, Counter& counter) {
  if (Queue* known = find(name)) return *known;
  Queue queue;
  queue.name = name;
  {
    Cursor row = make_queue_.query(name);
    row.next();
    queue.id = row.integer(0);
  }
  {
    Cursor row = make_subscription_.query(queue.id);
    row.next();
    queue.subscription = row.integer(0);
  }
  queue.main = make_lane(queue.id, 0);
  make_totals_.run(queue.subscription);
  counter.raise_directory();
  version_ = counter.directory();
  Queue& made = queues_.emplace(std::string(name), std::move(queue)).first->second;
  by_subscription_[made.subscription] = &made;
  return made;
}

std::int64_t Directory::make_returned(Queue& queue, Counter& counter) {
  if (queue.returned != 0) return queue.returned;
  queue.returned = make_lane(queue.id, queue.subscription);
  counter.raise_directory();
  version_ = counter.directory();
  return queue.returned;
}

std::int64_t Directory::make_lane(std::int64_t queue, std::int64_t subscription) {
  Cursor row = make_lane_.query(queue, subscription);
  row.next();
  const std::int64_t lane = row.integer(0);
  if (lane >= kLaneBelow)
    throw Error(ErrorCode::kStoreRejected,
                "the store has used up its lane numbers: move what is left to a new store");
  return lane;
}

void Directory::remove(Queue& queue, Counter& counter) {
  delete_lanes_.run(queue.id);
  delete_subscriptions_.run(queue.id);
  delete_totals_.run(queue.subscription);
  delete_queue_.run(queue.id);
  counter.raise_directory();
  queues_.erase(queues_.find(queue.name));
  index();
  version_ = counter.directory();
}

}  // namespace msgq::transport::sqlite
