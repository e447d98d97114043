#include "transport/sqlite/dedup.h"

#include <optional>
#include <string>
#include <utility>

#include "transport/sql_text.h"
#include "transport/sqlite/store.h"

namespace msgq::transport::sqlite {
namespace {

std::optional<Remembered> read(Cursor row) {
  if (!row.next()) return std::nullopt;
  return Remembered{MessageId::from_bytes(row.bytes(0)),
                    static_cast<std::uint64_t>(row.integer(1))};
}

}  // namespace

Dedup::Dedup(sqlite3* database)
    : read_(database, sql::sqlite::kReadDedup),
      remember_(database, sql::sqlite::kRemember),
      forget_(database, sql::sqlite::kForgetDedup),
      forget_old_(database, sql::sqlite::kForgetOldDedup),
      forget_queue_(database, sql::sqlite::kForgetDedupOfQueue) {}

std::vector<Duplicate> Dedup::remember(Store& store, const std::vector<OnceWish>& wishes) {
  std::vector<Duplicate> out;
  const std::int64_t now_ms = store.now.wall_ms;
  for (const OnceWish& wish : wishes) {
    const std::int64_t queue = store.require_queue(*wish.queue).id;
    if (const auto earlier = read(read_.query(queue, wish.once.id, now_ms))) {
      out.push_back(wish.duplicate_of(*earlier));
      continue;
    }
    const std::string message = wish.as.message.to_bytes();
    remember_.run(queue, wish.once.id, Blob{message}, static_cast<std::int64_t>(wish.as.digest),
                  static_cast<int>(wish.once.until), wish.until_ms(now_ms));
  }
  // Twice what comes, so that they never pile up.
  if (!wishes.empty()) forget_old_.run(now_ms, 2 * static_cast<std::int64_t>(wishes.size()));
  return by_number(std::move(out));
}

void Dedup::release(std::int64_t queue, const std::vector<MessageId>& messages) {
  for (const MessageId& each : messages) {
    const std::string message = each.to_bytes();
    forget_.run(queue, Blob{message});
  }
}

void Dedup::release_all(std::int64_t queue) { forget_queue_.run(queue, 1); }
void Dedup::remove_queue(std::int64_t queue) { forget_queue_.run(queue, 0); }

}  // namespace msgq::transport::sqlite
