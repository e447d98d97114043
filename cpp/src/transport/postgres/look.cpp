#include "transport/postgres/look.h"

#include <algorithm>
#include <utility>

#include "msgq/error.h"
#include "transport/bookmark.h"
#include "transport/postgres/columns.h"
#include "transport/postgres/search.h"

namespace msgq::transport::postgres {
namespace {

constexpr int kDeadPerStep = 1'000;

const Queue& require(const Directory& directory, std::string_view name) {
  if (const Queue* queue = directory.find(name)) return *queue;
  throw Error(ErrorCode::kNotFound, "there is no queue '" + std::string(name) + "'");
}

ConnectionSpec for_acks(ConnectionSpec spec) {
  spec.role = "acks";
  return spec;
}

Array ids_of(const std::vector<MessageId>& ids) {
  Array out(Array::Type::kUuid);
  for (const MessageId id : ids) out.add(id);
  return out;
}

Rows list_dead(Connection& connection, int queue, std::int64_t after,
               const std::vector<MessageId>& ids, std::uint32_t limit) {
  Params params;
  params.small(queue).integer(after).array(ids_of(ids)).small(static_cast<int>(limit));
  return connection.call("list_dead", params);
}

// Puts the dead letters of `rows` back, their counts at zero.
Params redrive_params(const Queue& queue, const Rows& rows) {
  Array numbers(Array::Type::kInt8);
  MessageColumns messages;
  for (int row = 0; row < rows.size(); ++row) {
    StoredMessage message = read_one(rows.bytes(row, 4));
    message.counts = {};
    numbers.add(rows.integer(row, 0));
    messages.add(message);
  }
  Params out;
  out.small(queue.id).array(std::move(numbers));
  messages.put(out);
  return out;
}

Params delete_params(const Queue& queue, const Rows& rows) {
  Array numbers(Array::Type::kInt8);
  for (int row = 0; row < rows.size(); ++row) numbers.add(rows.integer(row, 0));
  Params out;
  out.small(queue.id).array(std::move(numbers));
  return out;
}

}  // namespace

PostgresLook::PostgresLook(ConnectionSpec spec, Clock& clock, Log& log,
                           std::function<void(Connection&)> test_only_before)
    : spec_(std::move(spec)),
      clock_(clock),
      log_(log),
      before_(std::move(test_only_before)),
      ack_bar_(for_acks(spec_), log) {}

PostgresLook::~PostgresLook() = default;

// Connects when it is not; a connection that was lost on the way is told as such, and made again
// the next time.
template <typename Use>
auto PostgresLook::use(Use use) {
  MutexLock lock(mutex_);
  try {
    if (!connection_ || connection_->is_broken())
      connection_ = std::make_unique<Connection>(spec_, log_);
    if (before_) before_(*connection_);
    directory_.forget();
    directory_.refresh(*connection_);
    return use(*connection_);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kStoreInDoubt) throw;
    throw Error(ErrorCode::kStoreUnavailable, error.what());
  }
}

std::vector<std::string> PostgresLook::queues() {
  return use([&](Connection&) {
    std::vector<std::string> out;
    for (const auto& [name, queue] : directory_.all()) out.push_back(name);
    return out;
  });
}

std::vector<QueueDepth> PostgresLook::depth() {
  return use([&](Connection& connection) {
    const Rows rows = connection.call("depth");
    std::vector<QueueDepth> out;
    for (int row = 0; row < rows.size(); ++row) {
      const auto number = [&](int column) {
        return static_cast<std::uint64_t>(std::max<std::int64_t>(rows.integer(row, column), 0));
      };
      QueueDepth each;
      each.queue = rows.bytes(row, 0);
      each.sent = number(1);
      each.parked = number(2);
      each.leased = number(3);
      each.done = number(4);
      each.dead = number(5);
      each.purged = number(6);
      each.quarantined = number(7);
      const std::uint64_t elsewhere =
          each.parked + each.leased + each.done + each.dead + each.purged + each.quarantined;
      each.waiting = each.sent - std::min(each.sent, elsewhere);
      if (each.waiting > 0 && !rows.is_null(row, 8)) each.oldest_ms = rows.integer(row, 8);
      out.push_back(std::move(each));
    }
    return out;
  });
}

std::vector<FoundMessage> PostgresLook::peek(std::string_view queue, std::string_view after,
                                             std::uint32_t limit) {
  return use([&](Connection& connection) {
    return Search(connection, clock_).peek(require(directory_, queue), after, limit);
  });
}

std::optional<FoundMessage> PostgresLook::find(std::string_view queue, MessageId id) {
  return use([&](Connection& connection) {
    return Search(connection, clock_).find(require(directory_, queue), id);
  });
}

std::vector<FoundMessage> PostgresLook::dead(std::string_view queue, std::string_view after,
                                             std::uint32_t limit) {
  const std::int64_t behind =
      after.empty() ? 0 : static_cast<std::int64_t>(Bookmark::read(after, "d").a);
  return use([&](Connection& connection) {
    const int id = queue.empty() ? 0 : require(directory_, queue).id;
    const Rows rows = list_dead(connection, id, behind, {}, limit);
    return Search(connection, clock_).letters(rows, directory_);
  });
}

// Takes dead letters up step by step, a transaction each.
template <typename Make>
std::uint64_t PostgresLook::take_dead(std::string_view queue, const std::vector<MessageId>& ids,
                                      const char* function, Make make_params) {
  std::uint64_t total = 0;
  for (;;) {
    const auto some = use([&](Connection& connection) {
      const Queue& known = require(directory_, queue);
      const Rows rows = list_dead(connection, known.id, 0, ids, kDeadPerStep);
      if (rows.size() == 0) return std::int64_t{0};
      return connection.call(function, make_params(known, rows)).integer(0, 0);
    });
    total += static_cast<std::uint64_t>(some);
    if (some == 0) return total;
  }
}

std::uint64_t PostgresLook::redrive(std::string_view queue, const std::vector<MessageId>& ids) {
  return take_dead(queue, ids, "redrive", redrive_params);
}

std::uint64_t PostgresLook::delete_dead(std::string_view queue, const std::vector<MessageId>& ids) {
  return take_dead(queue, ids, "delete_dead", delete_params);
}

std::uint64_t PostgresLook::purge(std::string_view queue) {
  return use([&](Connection& connection) {
    const Queue& known = require(directory_, queue);
    Params params;
    params.small(known.id);
    const std::int64_t count = connection.call("purge", params).integer(0, 0);
    for (const int lane : known.lanes) {
      Params sweep;
      sweep.small(known.subscription).small(lane).integer(0);
      connection.call("sweep_lane", sweep);
    }
    return static_cast<std::uint64_t>(count);
  });
}

void PostgresLook::delete_queue(std::string_view queue) {
  use([&](Connection& connection) {
    Params params;
    params.small(require(directory_, queue).id);
    connection.call("delete_queue", params);
  });
}

void PostgresLook::backup(const std::string&) {
  throw Error(ErrorCode::kUnsupported,
              "postgresql makes no backup of its own: use pg_dump, or what the server offers");
}

std::uint64_t PostgresLook::store_bytes() {
  return use([&](Connection& connection) {
    return static_cast<std::uint64_t>(connection.call("store_bytes").integer(0, 0));
  });
}

std::uint64_t PostgresLook::connections() {
  MutexLock lock(mutex_);
  return (connection_ && !connection_->is_broken() ? 1u : 0u) + (ack_bar_.is_connected() ? 1u : 0u);
}

}  // namespace msgq::transport::postgres
