#include "transport/sqlite/look.h"

#include <sys/stat.h>

#include <optional>
#include <utility>

#include "msgq/error.h"
#include "transport/sql_text.h"
#include "transport/sqlite/administer.h"
#include "transport/sqlite/backup.h"
#include "transport/sqlite/search.h"
#include "transport/sqlite/subscriptions.h"

namespace msgq::transport::sqlite {
namespace {

// A read transaction: everything inside sees one snapshot.
class Snapshot {
 public:
  explicit Snapshot(Store& store) : store_(store) {
    store_.connection.run(sql::sqlite::kBeginRead);
    store_.counter.load(0);
    store_.directory.refresh(store_.counter.directory());
  }
  ~Snapshot() { store_.connection.rollback(); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

 private:
  Store& store_;
};

std::uint64_t size_of(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

Queue& require_known(Store& store, std::string_view name) {
  if (Queue* queue = store.directory.find(name)) return *queue;
  throw Error(ErrorCode::kNotFound, "there is no queue '" + std::string(name) + "'");
}

}  // namespace

SqliteLook::SqliteLook(ConnectionSpec spec, Clock& clock, Log& log, const Rules& rules, Gate& gate)
    : spec_(std::move(spec)),
      busy_timeout_(spec_.busy_timeout),
      gate_(gate),
      clock_(clock),
      store_(std::make_unique<Store>(spec_, clock, log, rules)) {}

template <typename Read>
auto SqliteLook::read(Read read) {
  const ForkHold hold;
  MutexLock lock(mutex_);
  Snapshot snapshot(*store_);
  return read(*store_);
}

// Without ids `take` is called until nothing is left of what was there at the first step: what dies
// again meanwhile has a higher number.
template <typename Take>
std::uint64_t SqliteLook::step_by_step(const std::vector<MessageId>& ids, Take take) {
  std::uint64_t total = 0, some = 0;
  std::optional<std::int64_t> newest;
  do {
    some = write([&](Store& store) {
      if (!newest) newest = store.counter.last();
      return take(store, *newest);
    });
    total += some;
  } while (some > 0 && ids.empty());
  return total;
}

std::vector<std::string> SqliteLook::queues() {
  return read([](Store& store) {
    std::vector<std::string> out;
    for (const auto& [name, queue] : store.directory.all())
      if (!queue.is_log()) out.push_back(name);
    return out;
  });
}

std::vector<QueueDepth> SqliteLook::depth() {
  return read([](Store& store) {
    std::vector<QueueDepth> out;
    for (const auto& [name, queue] : store.directory.all())
      if (!queue.is_log()) out.push_back(depth_of(store, queue));
    return out;
  });
}

std::vector<FoundMessage> SqliteLook::peek(std::string_view queue, std::string_view after,
                                           std::uint32_t limit) {
  return read(
      [&](Store& store) { return sqlite::peek(store, require_known(store, queue), after, limit); });
}

std::optional<FoundMessage> SqliteLook::find(std::string_view queue, MessageId id) {
  return read([&](Store& store) { return sqlite::find(store, require_known(store, queue), id); });
}

std::vector<FoundMessage> SqliteLook::dead(std::string_view queue, std::string_view after,
                                           std::uint32_t limit) {
  return read([&](Store& store) {
    return list_dead(store, queue.empty() ? nullptr : &require_known(store, queue), after, limit);
  });
}

std::uint64_t SqliteLook::redrive(std::string_view queue, const std::vector<MessageId>& ids) {
  return step_by_step(ids, [&](Store& store, std::int64_t newest) {
    return redrive_some(store, require_known(store, queue), ids, newest);
  });
}

std::uint64_t SqliteLook::delete_dead(std::string_view queue, const std::vector<MessageId>& ids) {
  return step_by_step(ids, [&](Store& store, std::int64_t newest) {
    return delete_dead_some(store, require_known(store, queue), ids, newest);
  });
}

std::uint64_t SqliteLook::edit_dead(std::string_view queue, const DeadEdit& edit) {
  return write(
      [&](Store& store) { return sqlite::edit_dead(store, require_known(store, queue), edit); });
}

std::uint64_t SqliteLook::purge(std::string_view queue) {
  const std::uint64_t count =
      write([&](Store& store) { return sqlite::purge(store, require_known(store, queue)); });
  while (write([&](Store& store) {
    Queue* known = store.directory.find(queue);
    return known != nullptr && sweep_some(store, *known);
  })) {
  }
  return count;
}

std::uint64_t SqliteLook::cancel(std::string_view queue, const std::vector<MessageId>& ids) {
  return write(
      [&](Store& store) { return sqlite::cancel(store, require_known(store, queue), ids); });
}

std::uint64_t SqliteLook::reschedule(std::string_view queue, const std::vector<MessageId>& ids,
                                     std::int64_t due_ms) {
  return write([&](Store& store) {
    return sqlite::reschedule(store, require_known(store, queue), ids, due_ms);
  });
}

QueueSettings SqliteLook::settings(std::string_view queue) {
  return read([&](Store& store) { return require_known(store, queue).settings; });
}

void SqliteLook::alter(std::string_view queue, const QueueChange& change) {
  write([&](Store& store) {
    Queue& known =
        change.creates ? store.directory.make(queue, store.counter) : require_known(store, queue);
    if (known.source != 0) check_change(queue, change, known.settings);
    QueueSettings settings = known.settings;
    change.apply(settings);
    if (settings.retention_ms > 0) open_log(store, known);
    store.directory.change(known, settings, store.counter);
  });
}

void SqliteLook::delete_queue(std::string_view queue) {
  for (const std::string& each : subscriptions(queue)) delete_queue(each);
  purge(queue);
  while (delete_dead(queue, {}) > 0) {
  }
  write([&](Store& store) { remove_queue(store, require_known(store, queue)); });
}

std::vector<std::string> SqliteLook::subscriptions(std::string_view queue) {
  return read([&](Store& store) {
    std::vector<std::string> out;
    const Queue& known = require_known(store, queue);
    const Queue* const log = known.log == 0 ? nullptr : store.directory.of_id(known.log);
    for (const std::int64_t id : log == nullptr ? std::vector<std::int64_t>() : log->readers)
      out.push_back(store.directory.of_id(id)->name);
    return out;
  });
}

void SqliteLook::rename_queue(std::string_view queue, std::string_view name) {
  write([&](Store& store) { sqlite::rename_queue(store, require_known(store, queue), name); });
}

bool SqliteLook::subscribe(std::string_view queue, std::string_view name, const Start& start) {
  return write([&](Store& store) { return sqlite::subscribe(store, queue, name, start); });
}

std::uint64_t SqliteLook::seek(std::string_view subscription, const Start& start) {
  return write(
      [&](Store& store) { return sqlite::seek(store, require_known(store, subscription), start); });
}

void SqliteLook::backup(const std::string& path) {
  const ForkHold hold;
  copy_store(spec_, clock_, path);
}

std::uint64_t SqliteLook::store_bytes() {
  return size_of(spec_.path) + size_of(spec_.path + "-wal") + size_of(spec_.path + "-shm");
}

}  // namespace msgq::transport::sqlite
