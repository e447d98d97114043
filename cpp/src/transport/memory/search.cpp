#include "transport/memory/search.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "msgq/error.h"

namespace msgq::transport::memory {
namespace {

// A place among the messages of a queue, by kind: 'm' in a lane (lane, seq, index), 'p' parked
// (high and low half of the id, number), 'd' dead (number).
struct Cursor {
  std::uint64_t a = 0, b = 0, c = 0;
  char kind = 'm';

  std::string text() const {
    return std::string(1, kind) + std::to_string(a) + "." + std::to_string(b) + "." +
           std::to_string(c);
  }
};

Cursor read_cursor(std::string_view text, std::string_view kinds) {
  Cursor cursor{0, 0, 0, text.front()};
  const char* at = text.data() + 1;
  const char* const end = text.data() + text.size();
  bool is_valid = kinds.find(cursor.kind) != std::string_view::npos;
  for (std::uint64_t* number : {&cursor.a, &cursor.b, &cursor.c}) {
    const auto [next, error] = std::from_chars(at, end, *number);
    is_valid = is_valid && error == std::errc();
    at = next != end ? next + 1 : next;
  }
  if (!is_valid)
    throw Error(ErrorCode::kConfigInvalid,
                "'" + std::string(text) + "' is no cursor: pass that of a message seen before");
  return cursor;
}

// Messages of one block in one state.
struct Piece {
  std::uint64_t seq = 0;
  BlockPtr block;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  const char* state = "waiting";
  const Bitmap* done = nullptr;  // of the range it is of
  std::uint32_t ordinal = 0;     // of its first message in that range

  bool has(std::uint32_t offset) const { return done == nullptr || !done->has(ordinal + offset); }
};

void add_pieces(const Range& range, const char* state, std::vector<Piece>& out) {
  std::uint32_t ordinal = 0;
  for (const Part& part : range.parts) {
    out.push_back({part.seq, part.block, part.first, part.count, state, &range.done, ordinal});
    ordinal += part.count;
  }
}

// What of a lane is claimed or lapsed, in the order of the lane. All of it is before what waits.
std::vector<Piece> cut_pieces(const State& state, const Lane& lane) {
  std::vector<Piece> out;
  for (const auto& [gen, claim] : state.open)
    if (claim.lane == &lane) add_pieces(claim.range, "leased", out);
  for (const Range& range : lane.lapsed) add_pieces(range, "waiting", out);
  for (const Range& range : lane.suspects) add_pieces(range, "waiting", out);
  std::sort(out.begin(), out.end(), [](const Piece& a, const Piece& b) {
    return std::tie(a.seq, a.first) < std::tie(b.seq, b.first);
  });
  return out;
}

FoundMessage found_in(const Queue& queue, const Lane& lane, const Piece& piece,
                      std::uint32_t offset) {
  FoundMessage out;
  out.queue = queue.name;
  out.state = piece.state;
  out.message = StoredMessage::copy(piece.block->view(piece.first + offset));
  out.cursor = Cursor{lane.number, piece.seq, piece.first + offset}.text();
  return out;
}

FoundMessage found_parked(const Queue& queue, const Due& due, const Parked& parked) {
  FoundMessage out;
  out.queue = queue.name;
  out.state = "parked";
  out.message = parked.message;
  out.due_ms = due.due_ms;
  out.changed_ms = parked.parked_ms;
  out.cursor = Cursor{parked.message.id.high, parked.message.id.low, due.number, 'p'}.text();
  return out;
}

FoundMessage found_dead(const Queue& queue, std::uint64_t number, const DeadLetter& letter) {
  FoundMessage out;
  out.queue = queue.name;
  out.state = "dead";
  out.message = letter.message;
  out.reason = letter.reason;
  out.changed_ms = letter.died_ms;
  out.cursor = Cursor{number, 0, 0, 'd'}.text();
  return out;
}

// Collects a page of a lane behind (seq, index).
class Page {
 public:
  Page(const Queue& queue, std::uint32_t limit, std::vector<FoundMessage>& out)
      : queue_(queue), limit_(limit), out_(out) {}

  bool is_full() const { return out_.size() >= limit_; }

  void add_lane(const State& state, const Lane& lane, const Cursor* after) {
    for (const Piece& piece : cut_pieces(state, lane)) add(lane, piece, after);
    auto entry = lane.waiting.begin();
    if (after != nullptr)
      entry = std::partition_point(entry, lane.waiting.end(),
                                   [&](const Waiting& w) { return w.seq < after->b; });
    for (; entry != lane.waiting.end() && !is_full(); ++entry)
      add(lane, {entry->seq, entry->block, entry->first, entry->block->count() - entry->first},
          after);
  }

  void add_parked(const State& state, const Cursor* after) {
    auto row = queue_.parked.begin();
    if (after != nullptr) row = queue_.parked.upper_bound({{after->a, after->b}, after->c});
    for (; row != queue_.parked.end() && !is_full(); ++row)
      out_.push_back(found_parked(queue_, row->second, state.parked.at(row->second)));
  }

 private:
  void add(const Lane& lane, const Piece& piece, const Cursor* after) {
    for (std::uint32_t i = 0; i < piece.count && !is_full(); ++i) {
      const std::uint64_t index = piece.first + i;
      if (after != nullptr && std::tie(piece.seq, index) <= std::tie(after->b, after->c)) continue;
      if (piece.has(i)) out_.push_back(found_in(queue_, lane, piece, i));
    }
  }

  const Queue& queue_;
  const std::uint32_t limit_;
  std::vector<FoundMessage>& out_;
};

// When the oldest message of a lane that waits was first enqueued; 0: none waits.
std::int64_t oldest_ms(const Lane& lane) {
  std::int64_t oldest = 0;
  const auto look = [&](const Block& block, std::uint32_t index) {
    const std::int64_t ms = block.view(index).enqueued_ms;
    if (oldest == 0 || ms < oldest) oldest = ms;
  };
  if (!lane.waiting.empty()) look(*lane.waiting.front().block, lane.waiting.front().first);
  for (const auto* ranges : {&lane.lapsed, &lane.suspects})
    for (const Range& range : *ranges) {
      std::uint32_t ordinal = 0;
      while (range.done.has(ordinal)) ++ordinal;
      const auto [part, index] = range.locate(ordinal);
      look(*part->block, index);
    }
  return oldest;
}

std::optional<std::uint32_t> offset_of(const Piece& piece, MessageId id) {
  if (id < piece.block->first_id() || id > piece.block->last_id()) return std::nullopt;
  for (std::uint32_t i = 0; i < piece.count; ++i)
    if (piece.has(i) && piece.block->view(piece.first + i).id == id) return i;
  return std::nullopt;
}

std::optional<FoundMessage> find_waiting(const Queue& queue, const Lane& lane, MessageId id) {
  auto entry = std::partition_point(lane.waiting.begin(), lane.waiting.end(),
                                    [&](const Waiting& w) { return w.highest < id; });
  for (; entry != lane.waiting.end(); ++entry) {
    const Piece piece{entry->seq, entry->block, entry->first, entry->block->count() - entry->first};
    if (const auto offset = offset_of(piece, id)) return found_in(queue, lane, piece, *offset);
    if (entry->highest.unix_ms() - lane.disorder_ms > id.unix_ms()) break;
  }
  return std::nullopt;
}

std::optional<FoundMessage> find_in_lane(const State& state, const Queue& queue, const Lane& lane,
                                         MessageId id) {
  for (const Piece& piece : cut_pieces(state, lane))
    if (const auto offset = offset_of(piece, id)) return found_in(queue, lane, piece, *offset);
  return find_waiting(queue, lane, id);
}

}  // namespace

QueueDepth depth_of(const Queue& queue) {
  QueueDepth out = queue.totals;
  for (const Lane* lane : lanes_of(queue))
    if (const std::int64_t ms = oldest_ms(*lane); ms != 0)
      out.oldest_ms = out.oldest_ms == 0 ? ms : std::min(out.oldest_ms, ms);
  return out;
}

std::vector<FoundMessage> peek(const State& state, const Queue& queue, std::string_view after,
                               std::uint32_t limit) {
  std::vector<FoundMessage> out;
  Page page(queue, limit, out);
  std::optional<Cursor> cursor;
  if (!after.empty()) cursor = read_cursor(after, "mp");
  const bool is_parked = cursor && cursor->kind == 'p';
  for (const Lane* lane : lanes_of(queue)) {
    if (is_parked || (cursor && cursor->a > lane->number)) continue;
    page.add_lane(state, *lane, cursor && cursor->a == lane->number ? &*cursor : nullptr);
  }
  page.add_parked(state, is_parked ? &*cursor : nullptr);
  return out;
}

std::optional<FoundMessage> find(const State& state, const Queue& queue, MessageId id) {
  if (const auto row = queue.parked.lower_bound({id, 0});
      row != queue.parked.end() && row->first.first == id)
    return found_parked(queue, row->second, state.parked.at(row->second));
  for (const Lane* lane : lanes_of(queue))
    if (auto found = find_in_lane(state, queue, *lane, id)) return found;
  const auto row = queue.dead_ids.lower_bound({id, 0});
  if (row == queue.dead_ids.end() || row->first != id) return std::nullopt;
  return found_dead(queue, row->second, queue.dead_letters.at(row->second));
}

std::vector<FoundMessage> list_dead(const State& state, const Queue* queue, std::string_view after,
                                    std::uint32_t limit) {
  const std::uint64_t behind = after.empty() ? 0 : read_cursor(after, "d").a;
  std::vector<std::pair<std::uint64_t, const Queue*>> rows;
  for (const auto& [name, each] : state.queues) {
    if (queue != nullptr && queue != each.get()) continue;
    auto row = each->dead_letters.upper_bound(behind);
    for (std::uint32_t i = 0; i < limit && row != each->dead_letters.end(); ++i, ++row)
      rows.emplace_back(row->first, each.get());
  }
  std::sort(rows.begin(), rows.end());
  if (rows.size() > limit) rows.resize(limit);
  std::vector<FoundMessage> out;
  out.reserve(rows.size());
  for (const auto& [number, of] : rows)
    out.push_back(found_dead(*of, number, of->dead_letters.at(number)));
  return out;
}

}  // namespace msgq::transport::memory
