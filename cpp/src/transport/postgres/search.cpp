#include "transport/postgres/search.h"

#include <algorithm>
#include <utility>

#include "msgq/error.h"
#include "transport/block.h"
#include "transport/bookmark.h"

namespace msgq::transport::postgres {
namespace {

struct Place {
  std::int64_t seq = 0, index = 0;
  auto operator<=>(const Place&) const = default;
};

struct Range {
  bool is_open = false;
  Place from, to;
  std::string done;
};

// One lane as a reader sees it: what is held or lapsed, and what lies behind the position.
class LaneView {
 public:
  LaneView(Connection& connection, const Queue& queue, int lane)
      : connection_(connection), queue_(queue), lane_(lane) {
    Params params;
    params.small(queue.subscription).small(lane);
    const Rows rows = connection.call("read_lane", params);
    for (int row = 0; row < rows.size(); ++row) {
      const Place from{rows.integer(row, 1), rows.integer(row, 2)};
      if (rows.integer(row, 0) < 0) {
        position_ = from;
        continue;
      }
      Range& range = ranges_.emplace_back();
      range.is_open = rows.integer(row, 0) == 0;
      range.from = from;
      range.to = {rows.integer(row, 3), rows.integer(row, 4)};
      if (!rows.is_null(row, 6)) range.done = rows.bytes(row, 6);
    }
  }

  // Appends up to `limit` messages in all, from `from` on.
  void list(Place from, std::uint32_t limit, std::vector<FoundMessage>& out) {
    constexpr int kHeadersMax = 256;
    Place start = position_;
    for (const Range& range : ranges_) start = std::min(start, range.from);
    for (std::int64_t seq = start.seq; out.size() < limit;) {
      Params params;
      params.small(lane_).integer(seq).small(kHeadersMax);
      const Rows headers = connection_.call("read_headers", params);
      for (int row = 0; row < headers.size() && out.size() < limit; ++row)
        list_block(headers.integer(row, 0), headers.integer(row, 1), from, limit, out);
      if (headers.size() < kHeadersMax) return;
      seq = headers.integer(headers.size() - 1, 0) + 1;
    }
  }

  std::optional<FoundMessage> find_in(std::int64_t seq, MessageId id) {
    // Ordinals run from the start of a range: its blocks before this one are counted first.
    Place start{seq, 0};
    for (const Range& range : ranges_)
      if (range.from.seq <= seq && seq < range.to.seq + (range.to.index > 0))
        start = std::min(start, range.from);
    Params params;
    params.small(lane_).integer(start.seq).small(static_cast<int>(seq - start.seq + 1));
    const Rows headers = connection_.call("read_headers", params);
    for (int row = 0; row < headers.size() && headers.integer(row, 0) <= seq; ++row) {
      if (headers.integer(row, 0) < seq) {
        count(headers.integer(row, 0), headers.integer(row, 1));
        continue;
      }
      std::vector<FoundMessage> found;
      list_block(seq, headers.integer(row, 1), {seq, 0}, ~0u, found);
      for (FoundMessage& each : found)
        if (each.message.id == id) return std::move(each);
    }
    return std::nullopt;
  }

 private:
  // Adds a block's share to the ordinals of the ranges that it is in.
  void count(std::int64_t seq, std::int64_t n) {
    for (std::size_t i = 0; i < ranges_.size(); ++i)
      if (const auto [first, last] = part(ranges_[i], seq, n); first < last)
        counted(i) += last - first;
  }

  static std::pair<std::int64_t, std::int64_t> part(const Range& range, std::int64_t seq,
                                                    std::int64_t n) {
    if (seq < range.from.seq || seq > range.to.seq) return {0, 0};
    return {seq == range.from.seq ? range.from.index : 0, seq == range.to.seq ? range.to.index : n};
  }

  std::int64_t& counted(std::size_t range) {
    counted_.resize(ranges_.size());
    return counted_[range];
  }

  void list_block(std::int64_t seq, std::int64_t n, Place from, std::uint32_t limit,
                  std::vector<FoundMessage>& out) {
    std::vector<const char*> states(static_cast<std::size_t>(n), nullptr);
    for (std::int64_t i = 0; i < n; ++i)
      if (Place{seq, i} >= position_) states[static_cast<std::size_t>(i)] = "waiting";
    for (std::size_t r = 0; r < ranges_.size(); ++r) {
      const auto [first, last] = part(ranges_[r], seq, n);
      for (std::int64_t i = first; i < last; ++i) {
        const auto ordinal = static_cast<std::size_t>(counted(r) + i - first);
        const std::string& done = ranges_[r].done;
        if (ordinal < done.size() && done[ordinal] == '1') continue;
        states[static_cast<std::size_t>(i)] = ranges_[r].is_open ? "leased" : "waiting";
      }
    }
    count(seq, n);
    const bool is_wanted =
        seq >= from.seq &&
        std::any_of(states.begin(), states.end(), [](const char* s) { return s != nullptr; });
    if (is_wanted) add(seq, states, from, limit, out);
  }

  void add(std::int64_t seq, const std::vector<const char*>& states, Place from,
           std::uint32_t limit, std::vector<FoundMessage>& out) {
    Params params;
    params.small(lane_).integer(seq);
    const Rows rows = connection_.call("read_frames", params);
    if (rows.size() == 0) return;  // settled in the meantime
    const BlockPtr block = decode(rows.bytes(0, 0));
    if (block == nullptr || block->count() != states.size()) return;
    for (std::uint32_t i = 0; i < states.size() && out.size() < limit; ++i) {
      if (states[i] == nullptr || Place{seq, i} < from) continue;
      FoundMessage& found = out.emplace_back();
      found.queue = queue_.name;
      found.state = states[i];
      found.message = StoredMessage::copy(block->view(i));
      found.cursor =
          Bookmark{static_cast<std::uint64_t>(lane_), static_cast<std::uint64_t>(seq), i, 'm'}
              .text();
    }
  }

  // nullptr when it is damaged: whoever claims it says so.
  static BlockPtr decode(std::string_view bytes) {
    try {
      return Block::decode(bytes);
    } catch (const Error&) {
      return nullptr;
    }
  }

  Connection& connection_;
  const Queue& queue_;
  const int lane_;
  Place position_;
  std::vector<Range> ranges_;
  std::vector<std::int64_t> counted_;  // messages of each range in the blocks walked so far
};

}  // namespace

StoredMessage read_one(std::string_view block) {
  return StoredMessage::copy(Block::decode(block)->view(0));
}

std::vector<FoundMessage> Search::parked(const Queue& queue, MessageId id, std::int64_t number,
                                         std::uint32_t limit) {
  Params params;
  params.small(queue.id).uuid(id).integer(number).small(static_cast<int>(limit));
  const Rows rows = connection_.call("list_parked", params);
  std::vector<FoundMessage> out;
  for (int row = 0; row < rows.size(); ++row) {
    FoundMessage& found = out.emplace_back();
    found.queue = queue.name;
    found.state = "parked";
    found.message = read_one(rows.bytes(row, 3));
    found.due_ms = clock_.wall_ms() + rows.integer(row, 1);
    found.changed_ms = clock_.wall_ms() - rows.integer(row, 2);
    found.cursor = Bookmark{found.message.id.high, found.message.id.low,
                            static_cast<std::uint64_t>(rows.integer(row, 0)), 'p'}
                       .text();
  }
  return out;
}

std::vector<FoundMessage> Search::peek(const Queue& queue, std::string_view after,
                                       std::uint32_t limit) {
  std::vector<FoundMessage> out;
  std::optional<Bookmark> mark;
  if (!after.empty()) mark = Bookmark::read(after, "mp");
  const bool is_parked = mark && mark->kind == 'p';
  bool is_behind = !mark || is_parked;  // the lane of the mark was seen
  const std::vector<int> lanes = queue.lanes();
  for (auto lane = lanes.rbegin(); lane != lanes.rend() && !is_parked; ++lane) {
    Place from;
    if (!is_behind) {
      if (static_cast<std::int64_t>(mark->a) != *lane) continue;
      is_behind = true;
      from = {static_cast<std::int64_t>(mark->b), static_cast<std::int64_t>(mark->c) + 1};
    }
    if (out.size() < limit) LaneView(connection_, queue, *lane).list(from, limit, out);
  }
  if (out.size() == limit) return out;
  const MessageId id = is_parked ? MessageId{mark->a, mark->b} : MessageId{};
  const std::int64_t number = is_parked ? static_cast<std::int64_t>(mark->c) : 0;
  for (FoundMessage& each :
       parked(queue, id, number, limit - static_cast<std::uint32_t>(out.size())))
    out.push_back(std::move(each));
  return out;
}

std::optional<FoundMessage> Search::find(const Queue& queue, MessageId id) {
  // Behind the id's predecessor comes the id itself, when it is there.
  const MessageId before{id.low == 0 ? id.high - 1 : id.high, id.low - 1};
  for (FoundMessage& each : parked(queue, before, ~0ull >> 1, 1))
    if (each.message.id == id) return std::move(each);
  for (const int lane : queue.lanes()) {
    Params params;
    params.small(lane).uuid(id).integer(id.unix_ms()).flag(queue.is_returned(lane));
    const Rows candidates = connection_.call("find_blocks", params);
    for (int row = 0; row < candidates.size(); ++row)
      if (auto found = LaneView(connection_, queue, lane).find_in(candidates.integer(row, 0), id))
        return found;
  }
  Array ids(Array::Type::kUuid);
  ids.add(id);
  Params params;
  params.small(queue.id).array(std::move(ids));
  const Rows rows = connection_.call("find_dead", params);
  if (rows.size() == 0) return std::nullopt;
  FoundMessage found = letter(rows, 0);
  found.queue = queue.name;
  return found;
}

std::optional<LogPlace> Search::place_in(const std::vector<int>& lanes, MessageId id) {
  for (const int lane : lanes) {
    Params params;
    params.small(lane).uuid(id).integer(id.unix_ms()).flag(false);
    const Rows candidates = connection_.call("find_blocks", params);
    for (int row = 0; row < candidates.size(); ++row) {
      const std::int64_t seq = candidates.integer(row, 0);
      Params which;
      which.small(lane).integer(seq);
      const Rows frames = connection_.call("read_frames", which);
      if (frames.size() == 0) continue;  // swept just now
      const BlockPtr block = Block::decode(frames.bytes(0, 0));
      for (std::uint32_t i = 0; i < block->count(); ++i)
        if (block->view(i).id == id) return LogPlace{lane, seq, static_cast<int>(i)};
    }
  }
  return std::nullopt;
}

FoundMessage Search::letter(const Rows& rows, int row) {
  FoundMessage out;
  out.state = "dead";
  out.reason = rows.bytes(row, 2);
  out.changed_ms = clock_.wall_ms() - rows.integer(row, 3);
  out.message = read_one(rows.bytes(row, 4));
  out.cursor = Bookmark{static_cast<std::uint64_t>(rows.integer(row, 0)), 0, 0, 'd'}.text();
  return out;
}

std::vector<FoundMessage> Search::letters(const Rows& rows, const Directory& directory) {
  std::vector<FoundMessage> out;
  for (int row = 0; row < rows.size(); ++row) {
    out.push_back(letter(rows, row));
    if (const Queue* queue = directory.of_id(static_cast<int>(rows.integer(row, 1))))
      out.back().queue = queue->name;
  }
  return out;
}

}  // namespace msgq::transport::postgres
