#include "transport/postgres/look.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "msgq/error.h"
#include "transport/bookmark.h"
#include "transport/postgres/columns.h"
#include "transport/postgres/failure.h"
#include "transport/postgres/search.h"

namespace msgq::transport::postgres {
namespace {

constexpr int kDeadPerStep = 1'000;

const Queue& require(const Directory& directory, std::string_view name) {
  if (const Queue* queue = directory.find(name)) return *queue;
  throw Error(ErrorCode::kNotFound, "there is no queue '" + std::string(name) + "'");
}

Array ids_of(const std::vector<MessageId>& ids) {
  Array out(Array::Type::kUuid);
  for (const MessageId id : ids) out.add(id);
  return out;
}

// Calls what takes all claims of a queue, and waits for none while it holds its lanes: when one is
// being settled it gives way, waits with nothing in its hands, and tries again.
Rows take_all(Connection& connection, const char* function, const Params& queue) {
  constexpr int kTries = 10;
  for (int tried = 1;; ++tried) {
    try {
      return connection.call(function, queue);
    } catch (const Refusal& refusal) {
      const bool was_taken = refusal.state() == kLockTaken;
      if ((!was_taken && refusal.state() != kDeadlock) || tried == kTries) throw;
      if (!was_taken) continue;
    }
    connection.call("await_settles", queue);
  }
}

Rows list_dead(Connection& connection, int queue, std::int64_t after, std::uint32_t limit) {
  Params params;
  params.small(queue).integer(after).array(ids_of({})).small(static_cast<int>(limit));
  return connection.call("list_dead", params);
}

// The first `count` dead letters of `rows`, as the edit says.
Params edit_params(const Queue& queue, const Rows& rows, int count, const DeadEdit& edit) {
  Array numbers(Array::Type::kInt8), bands(Array::Type::kInt4);
  MessageColumns messages;
  for (int row = 0; row < count; ++row) {
    StoredMessage message = read_one(rows.bytes(row, 4));
    apply(edit, message);
    bands.add(band_number(message.band()));
    numbers.add(rows.integer(row, 0));
    messages.add(message);
  }
  Params out;
  out.small(queue.id).array(std::move(bands)).array(std::move(numbers));
  messages.put(out);
  return out;
}

// Puts them back, their counts at zero.
Params redrive_params(const Queue& queue, const Rows& rows, int count) {
  DeadEdit edit;
  edit.redrives = true;
  return edit_params(queue, rows, count, edit);
}

Params delete_params(const Queue& queue, const Rows& rows, int count) {
  Array numbers(Array::Type::kInt8);
  for (int row = 0; row < count; ++row) numbers.add(rows.integer(row, 0));
  Params out;
  out.small(queue.id).array(std::move(numbers));
  return out;
}

Array settings_of(const QueueChange& change) {
  Array out(Array::Type::kInt8);
  const auto add = [&](const auto& value) {
    if (value)
      out.add(static_cast<std::int64_t>(*value));
    else
      out.add_null();
  };
  add(change.is_paused);
  add(change.length_max);
  add(change.overflow);
  add(change.overflow_wait_ms);
  add(change.is_topic);
  add(change.retention_ms);
  return out;
}

// What is kept for the subscriptions of a queue.
struct Kept {
  std::vector<int> lanes;
  std::int64_t oldest_ms = 0;  // 0: nothing is
};

Kept describe_log(Connection& connection, const Queue& queue, std::int64_t now_ms) {
  Params params;
  params.small(queue.id);
  const Rows rows = connection.call("describe_log", params);
  Kept out;
  for (int row = 0; row < rows.size(); ++row) {
    out.lanes.push_back(static_cast<int>(rows.integer(row, 0)));
    if (rows.is_null(row, 1)) continue;
    const std::int64_t at_ms = now_ms - rows.integer(row, 1);
    if (out.oldest_ms == 0 || at_ms < out.oldest_ms) out.oldest_ms = at_ms;
  }
  return out;
}

}  // namespace

PostgresLook::PostgresLook(Pool& pool, Clock& clock,
                           std::function<void(Connection&)> test_only_before)
    : pool_(pool), clock_(clock), before_(std::move(test_only_before)), ack_bar_(pool) {}

// Calls `use` with a connection. One that was lost on the way is told as such: looks change
// nothing, or what may be done again.
template <typename Use>
auto PostgresLook::borrow(Use use) {
  try {
    return pool_.with([&](Connection& connection) {
      if (before_) before_(connection);
      return use(connection);
    });
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kStoreInDoubt) throw;
    throw Error(ErrorCode::kStoreUnavailable, error.what());
  }
}

// The same, with the directory as it is now.
template <typename Use>
auto PostgresLook::use(Use use) {
  return borrow([&](Connection& connection) {
    Directory directory;
    directory.refresh(connection);
    return use(connection, directory);
  });
}

// The same, for reading: all of it is of one moment.
template <typename Use>
auto PostgresLook::look(Use use) {
  return borrow([&](Connection& connection) {
    const Snapshot moment(connection);
    Directory directory;
    directory.refresh(connection);
    return use(connection, directory);
  });
}

std::vector<std::string> PostgresLook::queues() {
  return use([&](Connection&, const Directory& directory) {
    std::vector<std::string> out;
    for (const auto& [name, queue] : directory.all()) out.push_back(name);
    return out;
  });
}

std::vector<QueueDepth> PostgresLook::depth() {
  return use([&](Connection& connection, const Directory&) {
    const Rows rows = connection.call("read_depth");
    std::vector<QueueDepth> out;
    for (int row = 0; row < rows.size(); ++row) {
      QueueDepth each;
      each.queue = rows.bytes(row, 0);
      std::uint64_t elsewhere = 0;
      int column = 1;
      for (std::uint64_t* field :
           {&each.sent, &each.parked, &each.leased, &each.done, &each.dead, &each.purged,
            &each.quarantined, &each.expired, &each.cancelled}) {
        *field = static_cast<std::uint64_t>(std::max<std::int64_t>(rows.integer(row, column++), 0));
        if (field != &each.sent) elsewhere += *field;
      }
      each.waiting = each.sent - std::min(each.sent, elsewhere);
      if (each.waiting > 0 && !rows.is_null(row, column))
        each.oldest_ms = rows.integer(row, column);
      each.is_paused = rows.integer(row, column + 1) != 0;
      each.source = rows.bytes(row, column + 2);
      out.push_back(std::move(each));
    }
    return out;
  });
}

std::vector<FoundMessage> PostgresLook::peek(std::string_view queue, std::string_view after,
                                             std::uint32_t limit) {
  return look([&](Connection& connection, const Directory& directory) {
    return Search(connection, clock_).peek(require(directory, queue), after, limit);
  });
}

std::optional<FoundMessage> PostgresLook::find(std::string_view queue, MessageId id) {
  return look([&](Connection& connection, const Directory& directory) {
    return Search(connection, clock_).find(require(directory, queue), id);
  });
}

std::vector<FoundMessage> PostgresLook::dead(std::string_view queue, std::string_view after,
                                             std::uint32_t limit) {
  const std::int64_t behind =
      after.empty() ? 0 : static_cast<std::int64_t>(Bookmark::read(after, "d").a);
  return look([&](Connection& connection, const Directory& directory) {
    const int id = queue.empty() ? 0 : require(directory, queue).id;
    const Rows rows = list_dead(connection, id, behind, limit);
    return Search(connection, clock_).letters(rows, directory);
  });
}

// Takes dead letters up step by step, a transaction each: those of `ids`, or all that are there
// when it begins. What dies again meanwhile has a higher number.
template <typename Make>
std::uint64_t PostgresLook::take_dead(std::string_view queue, const std::vector<MessageId>& ids,
                                      const char* function, Make make_params) {
  std::int64_t total = 0;
  const auto take = [&](Connection& connection, const Queue& known, const Rows& rows, int count) {
    if (count > 0)
      total += connection.call(function, make_params(known, rows, count)).integer(0, 0);
  };
  for (auto from = ids.begin(); from != ids.end();) {
    const auto to = from + std::min<std::ptrdiff_t>(ids.end() - from, kDeadPerStep);
    use([&](Connection& connection, const Directory& directory) {
      const Queue& known = require(directory, queue);
      Params params;
      params.small(known.id).array(ids_of({from, to}));
      const Rows rows = connection.call("find_dead", params);
      take(connection, known, rows, rows.size());
    });
    from = to;
  }
  std::optional<std::int64_t> newest;
  for (std::int64_t last = 0; ids.empty() && last < newest.value_or(1);)
    use([&](Connection& connection, const Directory& directory) {
      const Queue& known = require(directory, queue);
      if (!newest) newest = connection.call("newest_dead").integer(0, 0);
      const Rows rows = list_dead(connection, known.id, last, kDeadPerStep);
      int count = rows.size();
      while (count > 0 && rows.integer(count - 1, 0) > *newest) --count;
      last = count == kDeadPerStep ? rows.integer(count - 1, 0) : *newest;
      take(connection, known, rows, count);
    });
  return static_cast<std::uint64_t>(total);
}

std::uint64_t PostgresLook::redrive(std::string_view queue, const std::vector<MessageId>& ids) {
  return take_dead(queue, ids, "redrive", redrive_params);
}

std::uint64_t PostgresLook::delete_dead(std::string_view queue, const std::vector<MessageId>& ids) {
  return take_dead(queue, ids, "delete_dead", delete_params);
}

std::uint64_t PostgresLook::edit_dead(std::string_view queue, const DeadEdit& edit) {
  const auto params = [&](const Queue& known, const Rows& rows, int count) {
    return edit_params(known, rows, count, edit);
  };
  return take_dead(queue, {edit.id}, edit.redrives ? "redrive" : "edit_dead", params);
}

std::uint64_t PostgresLook::purge(std::string_view queue) {
  return use([&](Connection& connection, const Directory& directory) {
    const Queue& known = require(directory, queue);
    Params params;
    params.small(known.id);
    const std::int64_t count = take_all(connection, "purge", params).integer(0, 0);
    for (const int lane : known.lanes()) {
      Params sweep;
      sweep.small(known.subscription).small(lane).integer(0);
      connection.call("sweep_lane", sweep);
    }
    return static_cast<std::uint64_t>(count);
  });
}

std::uint64_t PostgresLook::cancel(std::string_view queue, const std::vector<MessageId>& ids) {
  return use([&](Connection& connection, const Directory& directory) {
    Params params;
    params.small(require(directory, queue).id).array(ids_of(ids));
    return static_cast<std::uint64_t>(connection.call("cancel", params).integer(0, 0));
  });
}

std::uint64_t PostgresLook::reschedule(std::string_view queue, const std::vector<MessageId>& ids,
                                       std::int64_t due_ms) {
  const std::int64_t delay_ms = std::max<std::int64_t>(due_ms - clock_.wall_ms(), 0);
  return use([&](Connection& connection, const Directory& directory) {
    Params params;
    params.small(require(directory, queue).id).array(ids_of(ids)).integer(delay_ms);
    const Rows answer = connection.call("reschedule", params);
    if (!answer.is_null(0, 1)) refuse_due(answer.id(0, 1), answer.integer(0, 2));
    return static_cast<std::uint64_t>(answer.integer(0, 0));
  });
}

QueueSettings PostgresLook::settings(std::string_view queue) {
  return use(
      [&](Connection&, const Directory& directory) { return require(directory, queue).settings; });
}

void PostgresLook::alter(std::string_view queue, const QueueChange& change) {
  use([&](Connection& connection, Directory& directory) {
    if (change.creates) directory.make(connection, queue, false);
    const Queue& known = require(directory, queue);
    if (!known.source.empty()) check_change(queue, change, known.settings);
    Params params;
    params.small(known.id).array(settings_of(change));
    connection.call("alter_queue", params);
  });
  if (on_altered) on_altered();
}

void PostgresLook::delete_queue(std::string_view queue) {
  use([&](Connection& connection, const Directory& directory) {
    Params params;
    params.small(require(directory, queue).id);
    take_all(connection, "delete_queue", params);
  });
}

// Calls a function that takes where in the queue's log a subscription is to begin.
Rows PostgresLook::call_with_place(Connection& connection, const char* function, Params params,
                                   const Queue& queue, const Start& start) {
  const std::int64_t now_ms = clock_.wall_ms();
  const Kept kept = describe_log(connection, queue, now_ms);
  LogPlace place;
  if (start.at == Start::At::kId) {
    const auto found = Search(connection, clock_).place_in(kept.lanes, start.id);
    if (!found) refuse_start(queue.name, start, kept.oldest_ms);
    place = *found;
  }
  params.small(static_cast<int>(start.at));
  params.integer(start.at == Start::At::kTime ? now_ms - start.time_ms : 0);
  params.small(place.lane).integer(place.seq).small(place.index);
  try {
    return connection.call(function, params);
  } catch (const Refusal& refusal) {
    if (refusal.state() != kNotKept) throw;
    refuse_start(queue.name, start, describe_log(connection, queue, now_ms).oldest_ms);
  }
}

void PostgresLook::rename_queue(std::string_view queue, std::string_view name) {
  use([&](Connection& connection, const Directory& directory) {
    const Queue& known = require(directory, queue);
    if (!known.source.empty()) refuse_rename(queue);
    for (const auto& [its, each] : directory.all())
      if (each.source == queue) renamed(queue, its, name);  // is a name
    Params params;
    params.small(known.id).text(queue).text(name);
    const Rows rows = connection.call("rename_queue", params);
    if (!rows.is_null(0, 0)) refuse_taken(rows.bytes(0, 0));
  });
  if (on_altered) on_altered();
}

bool PostgresLook::subscribe(std::string_view queue, std::string_view name, const Start& start) {
  const std::string full = subscription_name(queue, name);
  const bool is_new = use([&](Connection& connection, Directory& directory) {
    if (directory.find(queue) == nullptr) directory.make(connection, queue, false);
    const Queue& source = require(directory, queue);
    if (!source.source.empty()) refuse_subscribe(queue, source.source);
    const Queue* const known = directory.find(full);
    if (known != nullptr && known->source == queue) return false;  // wherever it began
    Params params;
    params.small(source.id).text(full);
    return !call_with_place(connection, "subscribe", std::move(params), source, start)
                .is_null(0, 0);
  });
  if (on_altered) on_altered();
  return is_new;
}

std::uint64_t PostgresLook::seek(std::string_view subscription, const Start& start) {
  return use([&](Connection& connection, const Directory& directory) {
    const Queue& known = require(directory, subscription);
    if (known.source.empty()) refuse_seek(subscription);
    Params params;
    params.small(known.id);
    const Rows rows = call_with_place(connection, "seek", std::move(params),
                                      require(directory, known.source), start);
    return static_cast<std::uint64_t>(rows.integer(0, 0));
  });
}

void PostgresLook::backup(const std::string&) {
  throw Error(ErrorCode::kUnsupported,
              "postgresql makes no backup of its own: use pg_dump, or what the server offers");
}

std::uint64_t PostgresLook::store_bytes() {
  return use([&](Connection& connection, const Directory&) {
    return static_cast<std::uint64_t>(connection.call("store_bytes").integer(0, 0));
  });
}

}  // namespace msgq::transport::postgres
