#include "transport/memory/range.h"

#include <algorithm>

#include "base/check.h"

namespace msgq::transport::memory {
namespace {

std::uint64_t bytes_of(const Part& part) {
  return part.block->body_bytes(part.first, part.first + part.count);
}

// Ordinals [from, to) of `range` as a range with the same past.
Range slice(const Range& range, std::uint32_t from, std::uint32_t to) {
  Range out;
  std::uint32_t base = 0;
  for (const Part& part : range.parts) {
    const std::uint32_t begin = std::max(base, from);
    const std::uint32_t end = std::min(base + part.count, to);
    if (begin < end) out.add({part.seq, part.block, part.first + (begin - base), end - begin});
    base += part.count;
  }
  out.done = range.done.shifted(from).below(to - from);
  out.left = out.count - out.done.count();
  out.attempt = range.attempt;
  out.crashes = range.crashes;
  out.crashed_ms = range.crashed_ms;
  out.is_suspect = range.is_suspect;
  return out;
}

// The first ordinal behind the messages of `range` that fit into `room`.
std::uint32_t cut_at(const Range& range, const Room& room) {
  std::uint32_t ordinal = 0, count = 0;
  std::uint64_t bytes = 0;
  for (; ordinal < range.count; ++ordinal) {
    if (range.done.has(ordinal)) continue;
    const auto [part, index] = range.locate(ordinal);
    bytes += part->block->body_bytes(index, index + 1);
    const bool is_forced = room.is_first && count == 0;
    if (!is_forced && (count == room.count || bytes > room.bytes)) break;
    ++count;
  }
  return ordinal;
}

}  // namespace

void Range::add(Part part) {
  count += part.count;
  left += part.count;
  bytes += bytes_of(part);
  parts.push_back(std::move(part));
}

std::pair<const Part*, std::uint32_t> Range::locate(std::uint32_t ordinal) const {
  for (const Part& part : parts) {
    if (ordinal < part.count) return {&part, part.first + ordinal};
    ordinal -= part.count;
  }
  MSGQ_CHECK(false, "ordinal inside its claim");
}

Range split_front(Range& range, Room& room) {
  const bool fits = room.has(range.left, range.bytes);
  const std::uint32_t end = fits ? range.count : cut_at(range, room);
  Range front;
  if (end < range.count && slice(range, end, range.count).left > 0) {
    front = slice(range, 0, end);
    range = slice(range, end, range.count);
  } else {
    front = std::move(range);
    range = Range();
  }
  room.spend(front.left, front.bytes);
  return front;
}

std::vector<Range> split_alone(const Range& range) {
  std::vector<Range> out;
  out.reserve(range.left);
  std::uint32_t ordinal = 0;
  for (const Part& part : range.parts) {
    for (std::uint32_t i = 0; i < part.count; ++i, ++ordinal) {
      if (range.done.has(ordinal)) continue;
      Range one;
      one.add({part.seq, part.block, part.first + i, 1});
      one.attempt = range.attempt;
      one.is_suspect = true;
      out.push_back(std::move(one));
    }
  }
  return out;
}

}  // namespace msgq::transport::memory
