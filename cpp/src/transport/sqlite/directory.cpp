#include "transport/sqlite/directory.h"

#include <algorithm>

#include "msgq/error.h"
#include "msgq/message.h"
#include "transport/sql_text.h"

namespace msgq::transport::sqlite {
namespace {

// A block's row id is lane << 40 | seq, in 63 bits.
constexpr std::int64_t kLaneBelow = 1ll << 23;

}  // namespace

Directory::Directory(sqlite3* database)
    : read_(database, sql::sqlite::kReadDirectory),
      change_(database, sql::sqlite::kChangeQueue),
      rename_(database, sql::sqlite::kRenameQueue),
      link_(database, sql::sqlite::kLinkQueue),
      make_queue_(database, sql::sqlite::kMakeQueue),
      make_subscription_(database, sql::sqlite::kMakeSubscription),
      make_lane_(database, sql::sqlite::kMakeLane),
      make_totals_(database, sql::sqlite::kMakeTotals),
      delete_queue_(database, sql::sqlite::kDeleteQueueRow),
      delete_subscriptions_(database, sql::sqlite::kDeleteSubscriptionRows),
      delete_lanes_(database, sql::sqlite::kDeleteLaneRows),
      delete_totals_(database, sql::sqlite::kDeleteTotals) {}

std::vector<std::int64_t> Queue::lanes() const {
  std::vector<std::int64_t> out;
  for (const auto& [priority, band] : bands)
    for (const std::int64_t lane : {band.main, band.returned})
      if (lane != 0) out.push_back(lane);
  std::sort(out.begin(), out.end());
  return out;
}

bool Queue::is_main(std::int64_t lane) const {
  return std::any_of(bands.begin(), bands.end(),
                     [&](const auto& entry) { return entry.second.main == lane; });
}

void Directory::refresh(std::int64_t version) {
  if (version == version_) return;
  queues_.clear();
  Cursor row = read_.query();
  while (row.next()) {
    Queue& queue = queues_[row.text(1)];
    queue.id = row.integer(0);
    queue.name = row.text(1);
    queue.subscription = row.integer(2);
    queue.settings.is_paused = row.integer(6) != 0;
    queue.settings.length_max = static_cast<std::uint64_t>(row.integer(7));
    queue.settings.overflow = static_cast<Overflow>(row.integer(8));
    queue.settings.overflow_wait_ms = row.integer(9);
    queue.settings.is_topic = row.integer(10) != 0;
    queue.settings.retention_ms = row.integer(11);
    queue.log = row.integer(12);
    queue.source = row.integer(13);
    if (row.is_null(3)) continue;
    Band& band = queue.bands[static_cast<std::uint8_t>(row.integer(4) + kPriorityNormal)];
    (row.integer(5) != 0 ? band.returned : band.main) = row.integer(3);
  }
  index();
  version_ = version;
}

void Directory::index() {
  by_subscription_.clear();
  for (auto& [name, queue] : queues_) by_subscription_[queue.subscription] = &queue;
  link();
}

// Subscriptions read the main lanes of their log.
void Directory::link() {
  log_lanes_.clear();
  for (auto& [name, queue] : queues_) queue.readers.clear();
  for (auto& [name, queue] : queues_) {
    Queue* const log = queue.source == 0 ? nullptr : of_id(queue.source);
    if (log == nullptr) continue;
    log->readers.push_back(queue.id);
    for (const auto& [number, band] : log->bands) queue.bands[number].main = band.main;
  }
  for (const auto& [name, queue] : queues_)
    for (const auto& [number, band] : queue.bands)
      if (queue.is_log()) log_lanes_.insert(band.main);
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
  Queue* known = find(name);
  return known != nullptr ? *known : add(name, counter);
}

Queue& Directory::make_log(Queue& queue, Counter& counter) {
  if (queue.log != 0) return *of_id(queue.log);
  Queue& log = add(queue.name + kLogMark, counter);
  queue.log = log.id;
  link_.run(queue.id, queue.log, queue.source);
  return log;
}

Queue& Directory::make_reader(Queue& log, std::string_view name, Counter& counter) {
  Queue& made = add(name, counter);
  made.source = log.id;
  link_.run(made.id, made.log, made.source);
  link();
  return made;
}

Queue& Directory::add(std::string_view name, Counter& counter) {
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
  make_totals_.run(queue.subscription);
  counter.raise_directory();
  version_ = counter.directory();
  Queue& made = queues_.emplace(std::string(name), std::move(queue)).first->second;
  by_subscription_[made.subscription] = &made;
  return made;
}

std::int64_t Directory::make_main(Queue& queue, std::uint8_t priority, Counter& counter) {
  Band& band = queue.bands[priority];
  if (band.main != 0) return band.main;
  band.main = make_lane(queue.id, 0, priority, !queue.is_log(), counter);
  if (queue.is_log()) link();
  return band.main;
}

std::int64_t Directory::make_returned(Queue& queue, std::uint8_t priority, Counter& counter) {
  Band& band = queue.bands[priority];
  if (band.returned == 0)
    band.returned = make_lane(queue.id, queue.subscription, priority, true, counter);
  return band.returned;
}

std::int64_t Directory::make_lane(std::int64_t queue, std::int64_t subscription,
                                  std::uint8_t priority, bool deletes, Counter& counter) {
  Cursor row = make_lane_.query(queue, subscription, priority - kPriorityNormal, deletes);
  row.next();
  const std::int64_t lane = row.integer(0);
  if (lane >= kLaneBelow)
    throw Error(ErrorCode::kStoreRejected,
                "the store has used up its lane numbers: move what is left to a new store");
  counter.raise_directory();
  version_ = counter.directory();
  return lane;
}

void Directory::change(Queue& queue, const QueueSettings& settings, Counter& counter) {
  change_.run(queue.id, settings.is_paused ? 1 : 0, static_cast<std::int64_t>(settings.length_max),
              static_cast<int>(settings.overflow), settings.overflow_wait_ms,
              settings.is_topic ? 1 : 0, settings.retention_ms);
  queue.settings = settings;
  counter.raise_directory();
  version_ = counter.directory();
}

void Directory::rename(std::int64_t queue, std::string_view name, Counter& counter) {
  rename_.run(queue, name);
  counter.raise_directory();
  forget();
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
