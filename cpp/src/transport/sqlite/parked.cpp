#include "transport/sqlite/parked.h"

#include "transport/sql_text.h"

namespace msgq::transport::sqlite {
StoredMessage read_message(const Cursor& row) {
  StoredMessage out;
  out.id = MessageId::from_bytes(row.bytes(1));
  out.type = row.text(2);
  out.content = static_cast<Content>(row.integer(3));
  out.headers = row.text(4);
  out.body = row.text(5);
  out.counts = {row.small(6), row.small(7), row.small(8)};
  out.history = row.text(9);
  out.enqueued_ms = row.integer(10);
  out.priority = static_cast<std::uint8_t>(row.integer(11));
  out.expires_ms = row.integer(12);
  out.key = row.text(13);
  out.place = {static_cast<std::uint64_t>(row.integer(14)), row.small(15)};
  out.once = row.text(16);
  return out;
}

namespace {

template <typename... Rest>
void insert(Statement& statement, std::int64_t number, const StoredMessage& m,
            const Rest&... rest) {
  const std::string id = m.id.to_bytes();
  statement.run(number, Blob{id}, std::string_view(m.type), static_cast<int>(m.content),
                std::string_view(m.headers), Blob{m.body}, m.counts.deliveries, m.counts.failures,
                m.counts.crashes, std::string_view(m.history), m.enqueued_ms, m.priority,
                m.expires_ms, std::string_view(m.key), static_cast<std::int64_t>(m.place.seq),
                m.place.index, Blob{m.once}, rest...);
}

std::vector<ParkedRow> read_parked(std::int64_t queue, Cursor rows) {
  std::vector<ParkedRow> out;
  while (rows.next())
    out.push_back({rows.integer(0), read_message(rows), queue, 0, ParkKind::kDelay,
                   rows.integer(kMessageColumns), rows.integer(kMessageColumns + 1)});
  return out;
}

std::vector<DeadRow> read_dead(Cursor rows) {
  std::vector<DeadRow> out;
  while (rows.next())
    out.push_back({rows.integer(0), read_message(rows), rows.integer(kMessageColumns), 0,
                   rows.text(kMessageColumns + 1), rows.integer(kMessageColumns + 2)});
  return out;
}

}  // namespace

Parked::Parked(sqlite3* database)
    : park_(database, sql::sqlite::kPark),
      read_due_(database, sql::sqlite::kReadDue),
      next_due_(database, sql::sqlite::kReadNextDue),
      unpark_(database, sql::sqlite::kUnpark),
      list_(database, sql::sqlite::kListParked),
      find_(database, sql::sqlite::kFindParked),
      delete_queue_(database, sql::sqlite::kDeleteParkedOfQueue),
      cancel_(database, sql::sqlite::kCancelParked),
      reschedule_(database, sql::sqlite::kRescheduleParked) {}

void Parked::add(const ParkedRow& row) {
  insert(park_, row.number, row.message, row.queue, row.subscription, static_cast<int>(row.kind),
         row.due_ms, row.parked_ms, static_cast<std::int64_t>(hash_of(row.message.key)));
}

std::vector<ParkedRow> Parked::read_due(std::int64_t wall_ms, std::uint32_t limit) {
  std::vector<ParkedRow> out;
  Cursor rows = read_due_.query(wall_ms, limit);
  while (rows.next())
    out.push_back({rows.integer(0), read_message(rows), rows.integer(kMessageColumns),
                   rows.integer(kMessageColumns + 1), ParkKind::kDelay, 0, 0});
  return out;
}

void Parked::remove(std::int64_t number) { unpark_.run(number); }

std::int64_t Parked::next_due_ms() {
  Cursor row = next_due_.query();
  return row.next() && !row.is_null(0) ? row.integer(0) : 0;
}

std::vector<ParkedRow> Parked::list(std::int64_t queue, std::string_view id, std::int64_t number,
                                    std::uint32_t limit) {
  return read_parked(queue, list_.query(queue, Blob{id}, number, limit));
}

std::optional<ParkedRow> Parked::find(std::int64_t queue, MessageId id) {
  const std::string bytes = id.to_bytes();
  auto rows = read_parked(queue, find_.query(queue, Blob{bytes}));
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

void Parked::remove_queue(std::int64_t queue) { delete_queue_.run(queue); }

std::int64_t Parked::cancel(std::int64_t queue, MessageId id) {
  const std::string bytes = id.to_bytes();
  return cancel_.run(queue, Blob{bytes});
}

std::int64_t Parked::reschedule(std::int64_t queue, MessageId id, std::int64_t due_ms) {
  const std::string bytes = id.to_bytes();
  return reschedule_.run(queue, Blob{bytes}, due_ms);
}

Dead::Dead(sqlite3* database)
    : bury_(database, sql::sqlite::kBury),
      list_(database, sql::sqlite::kListDead),
      list_queue_(database, sql::sqlite::kListDeadOfQueue),
      list_old_(database, sql::sqlite::kListOldDead),
      find_(database, sql::sqlite::kFindDead),
      exhume_(database, sql::sqlite::kExhume),
      delete_queue_(database, sql::sqlite::kDeleteDeadOfQueue) {}

void Dead::add(const DeadRow& row) {
  insert(bury_, row.number, row.message, row.queue, row.subscription, std::string_view(row.reason),
         row.died_ms);
}

std::vector<DeadRow> Dead::list(std::int64_t queue, std::int64_t number, std::uint32_t limit) {
  return read_dead(queue == 0 ? list_.query(number, limit)
                              : list_queue_.query(queue, number, limit));
}

std::vector<DeadRow> Dead::find(std::int64_t queue, MessageId id) {
  const std::string bytes = id.to_bytes();
  return read_dead(find_.query(queue, Blob{bytes}));
}

std::vector<std::pair<std::int64_t, std::int64_t>> Dead::list_old(std::int64_t before_ms,
                                                                  std::uint32_t limit) {
  std::vector<std::pair<std::int64_t, std::int64_t>> out;
  Cursor rows = list_old_.query(before_ms, limit);
  while (rows.next()) out.emplace_back(rows.integer(0), rows.integer(1));
  return out;
}

void Dead::remove(std::int64_t number) { exhume_.run(number); }
void Dead::remove_queue(std::int64_t queue) { delete_queue_.run(queue); }

}  // namespace msgq::transport::sqlite
