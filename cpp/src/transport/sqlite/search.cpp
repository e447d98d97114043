#include "transport/sqlite/search.h"

#include <algorithm>
#include <tuple>

#include "transport/bookmark.h"
#include "transport/sqlite/headers.h"
#include "transport/sqlite/subscriptions.h"

namespace msgq::transport::sqlite {
namespace {

// Messages of one block in one state.
struct Piece {
  std::int64_t seq = 0;
  std::uint32_t first = 0, count = 0;
  const char* state = "waiting";
  const Bitmap* done = nullptr;  // of the range it is of
  std::uint32_t ordinal = 0;     // of its first message in that range

  bool has(std::uint32_t offset) const { return done == nullptr || !done->has(ordinal + offset); }
};

FoundMessage found_in(const Queue& queue, std::int64_t lane, const Piece& piece, const Block& block,
                      std::uint32_t offset) {
  const std::uint32_t index = piece.first + offset;
  FoundMessage out;
  out.queue = queue.name;
  out.state = piece.state;
  out.message = StoredMessage::copy(block.view(index));
  out.cursor =
      Bookmark{static_cast<std::uint64_t>(lane), static_cast<std::uint64_t>(piece.seq), index, 'm'}
          .text();
  return out;
}

FoundMessage found_parked(const Queue& queue, ParkedRow row) {
  FoundMessage out;
  out.queue = queue.name;
  out.state = "parked";
  out.due_ms = row.due_ms;
  out.changed_ms = row.parked_ms;
  out.cursor =
      Bookmark{row.message.id.high, row.message.id.low, static_cast<std::uint64_t>(row.number), 'p'}
          .text();
  out.message = std::move(row.message);
  return out;
}

FoundMessage found_dead(Store& store, DeadRow row) {
  const Queue* queue = store.directory.of_id(row.queue);
  FoundMessage out;
  out.queue = queue != nullptr ? queue->name : "";
  out.state = "dead";
  out.reason = std::move(row.reason);
  out.changed_ms = row.died_ms;
  out.cursor = Bookmark{static_cast<std::uint64_t>(row.number), 0, 0, 'd'}.text();
  out.message = std::move(row.message);
  return out;
}

// One lane as a reader sees it: what is claimed or lapsed, then what lies behind the position.
class LaneView {
 public:
  LaneView(Store& store, const Queue& queue, std::int64_t lane)
      : store_(store),
        queue_(queue),
        lane_(lane),
        position_(store.claims.read_newest(queue.subscription, lane).position),
        rows_(store.claims.read_of_lane(queue.subscription, lane)) {
    for (const ClaimRow& row : rows_) add_pieces(row);
    std::sort(pieces_.begin(), pieces_.end(), [](const Piece& a, const Piece& b) {
      return std::tie(a.seq, a.first) < std::tie(b.seq, b.first);
    });
  }

  // Appends up to `limit` messages in all behind `after`.
  void list(Place after, std::uint32_t limit, std::vector<FoundMessage>& out) {
    for (const Piece& piece : pieces_)
      if (out.size() < limit) add(piece, after, limit, out);
    auto scan = store_.blocks.scan(lane_, std::max(position_.seq, after.seq));
    while (out.size() < limit && scan.next())
      add(waiting(scan.seq(), scan.count()), after, limit, out);
  }

  std::optional<FoundMessage> find_in(std::int64_t seq, std::uint32_t count, MessageId id) {
    for (const Piece& piece : pieces_)
      if (piece.seq == seq)
        if (auto found = find_in(piece, id)) return found;
    return seq >= position_.seq ? find_in(waiting(seq, count), id) : std::nullopt;
  }

  // When the oldest message that waits was enqueued; 0: none waits.
  std::int64_t oldest_ms() {
    std::int64_t oldest = 0;
    const auto look = [&](const std::vector<FoundMessage>& found) {
      if (found.empty()) return;
      const std::int64_t ms = found.front().message.enqueued_ms;
      if (oldest == 0 || ms < oldest) oldest = ms;
    };
    for (const Piece& piece : pieces_) {
      if (piece.state != kWaiting) continue;
      std::vector<FoundMessage> found;
      add(piece, {}, 1, found);
      look(found);
      if (!found.empty()) break;
    }
    auto scan = store_.blocks.scan(lane_, position_.seq);
    std::vector<FoundMessage> found;
    while (found.empty() && scan.next()) add(waiting(scan.seq(), scan.count()), {}, 1, found);
    look(found);
    return oldest;
  }

 private:
  static constexpr const char* kWaiting = "waiting";

  Piece waiting(std::int64_t seq, std::uint32_t count) const {
    const auto first = seq == position_.seq ? static_cast<std::uint32_t>(position_.index) : 0;
    return {seq, first, count > first ? count - first : 0, kWaiting, nullptr, 0};
  }

  void add_pieces(const ClaimRow& row) {
    std::uint32_t ordinal = 0;
    auto scan = store_.blocks.scan(lane_, row.from.seq, row.to.seq + (row.to.index > 0 ? 1 : 0));
    while (scan.next()) {
      const auto first =
          scan.seq() == row.from.seq ? static_cast<std::uint32_t>(row.from.index) : 0;
      const auto last =
          scan.seq() == row.to.seq ? static_cast<std::uint32_t>(row.to.index) : scan.count();
      const char* state = row.state == ClaimState::kOpen ? "leased" : kWaiting;
      pieces_.push_back({scan.seq(), first, last - first, state, &row.done, ordinal});
      ordinal += last - first;
    }
  }

  BlockPtr read(std::int64_t seq) { return store_.blocks.read(lane_, seq).block; }

  void add(const Piece& piece, Place after, std::uint32_t limit, std::vector<FoundMessage>& out) {
    if (piece.seq < after.seq || piece.count == 0) return;
    const BlockPtr block = read(piece.seq);
    if (block == nullptr) return;
    for (std::uint32_t i = 0; i < piece.count && out.size() < limit; ++i)
      if (Place{piece.seq, piece.first + i} >= after && piece.has(i))
        out.push_back(found_in(queue_, lane_, piece, *block, i));
  }

  std::optional<FoundMessage> find_in(const Piece& piece, MessageId id) {
    const BlockPtr block = read(piece.seq);
    for (std::uint32_t i = 0; block != nullptr && i < piece.count; ++i)
      if (piece.has(i) && block->view(piece.first + i).id == id)
        return found_in(queue_, lane_, piece, *block, i);
    return std::nullopt;
  }

  Store& store_;
  const Queue& queue_;
  const std::int64_t lane_;
  const Place position_;
  const std::vector<ClaimRow> rows_;
  std::vector<Piece> pieces_;
};

}  // namespace

QueueDepth depth_of(Store& store, const Queue& queue) {
  const Totals totals = totals_of(store, queue);
  const auto number = [](std::int64_t n) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(n, 0));
  };
  QueueDepth out;
  out.queue = queue.name;
  if (queue.source != 0) out.source = store.directory.of_id(queue.source)->source_name();
  out.is_paused = queue.settings.is_paused;
  out.sent = number(totals.sent);
  out.waiting = number(totals.waiting());
  out.parked = number(totals.parked);
  out.leased = number(totals.leased);
  out.done = number(totals.done);
  out.dead = number(totals.dead);
  out.purged = number(totals.purged);
  out.quarantined = number(totals.quarantined);
  out.expired = number(totals.expired);
  out.cancelled = number(totals.cancelled);
  if (out.waiting == 0) return out;
  for (const std::int64_t lane : queue.lanes()) {
    const std::int64_t ms = LaneView(store, queue, lane).oldest_ms();
    if (ms != 0 && (out.oldest_ms == 0 || ms < out.oldest_ms)) out.oldest_ms = ms;
  }
  return out;
}

std::vector<FoundMessage> peek(Store& store, const Queue& queue, std::string_view after,
                               std::uint32_t limit) {
  std::vector<FoundMessage> out;
  std::optional<Bookmark> mark;
  if (!after.empty()) mark = Bookmark::read(after, "mp");
  const bool is_parked = mark && mark->kind == 'p';
  for (const std::int64_t lane : queue.lanes()) {
    if (is_parked || (mark && static_cast<std::int64_t>(mark->a) > lane)) continue;
    Place from;
    if (mark && static_cast<std::int64_t>(mark->a) == lane)
      from = {static_cast<std::int64_t>(mark->b), static_cast<std::int64_t>(mark->c) + 1};
    if (out.size() < limit) LaneView(store, queue, lane).list(from, limit, out);
  }
  if (out.size() == limit) return out;
  const std::string id = is_parked ? MessageId{mark->a, mark->b}.to_bytes() : std::string();
  const auto number = is_parked ? static_cast<std::int64_t>(mark->c) : 0;
  for (ParkedRow& row :
       store.parked.list(queue.id, id, number, limit - static_cast<std::uint32_t>(out.size())))
    out.push_back(found_parked(queue, std::move(row)));
  return out;
}

std::optional<FoundMessage> find(Store& store, const Queue& queue, MessageId id) {
  if (auto row = store.parked.find(queue.id, id)) return found_parked(queue, *std::move(row));
  for (const std::int64_t lane : queue.lanes()) {
    const auto candidates =
        queue.is_main(lane) ? store.headers.about(lane, id) : store.headers.all_with(lane, id);
    if (candidates.empty()) continue;
    LaneView view(store, queue, lane);
    for (const auto& [seq, count] : candidates)
      if (auto found = view.find_in(seq, count, id)) return found;
  }
  auto rows = store.dead.find(queue.id, id);
  if (rows.empty()) return std::nullopt;
  return found_dead(store, std::move(rows.front()));
}

std::vector<FoundMessage> list_dead(Store& store, const Queue* queue, std::string_view after,
                                    std::uint32_t limit) {
  const std::int64_t behind =
      after.empty() ? 0 : static_cast<std::int64_t>(Bookmark::read(after, "d").a);
  std::vector<FoundMessage> out;
  for (DeadRow& row : store.dead.list(queue == nullptr ? 0 : queue->id, behind, limit))
    out.push_back(found_dead(store, std::move(row)));
  return out;
}

}  // namespace msgq::transport::sqlite
