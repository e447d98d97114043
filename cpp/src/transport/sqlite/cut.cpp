#include "transport/sqlite/cut.h"

#include <algorithm>

namespace msgq::transport::sqlite {

namespace {

// One block's share of the front: appends a part and moves the front's end. False when room ran
// out.
bool take_part(Front& front, const ClaimRow& row, const BlockPtr& block, Place from,
               std::uint32_t until, const Room& room, bool takes_all) {
  const auto first = static_cast<std::uint32_t>(from.index);
  std::uint32_t index = first;
  for (; index < until; ++index) {
    if (row.done.has(front.n + (index - first))) continue;
    const std::uint64_t size = block->body_bytes(index, index + 1);
    const bool is_forced = room.is_first && front.left == 0;
    const bool fits = takes_all || (front.left < room.count && front.bytes + size <= room.bytes);
    if (!is_forced && !fits) break;
    ++front.left;
    front.bytes += size;
  }
  if (index > first)
    front.parts.push_back({block, first, index - first, static_cast<std::uint64_t>(from.seq)});
  front.n += index - first;
  const bool is_end = index == block->count();
  front.to = is_end ? Place{from.seq + 1, 0} : Place{from.seq, index};
  return index == until;
}

}  // namespace

Front cut_front(const ClaimRow& row, Blocks::Scan scan, const Room& room) {
  Front front;
  front.to = row.from;
  const bool takes_all = room.bytes == Room::kAnyBytes && row.left() <= room.count + room.extra;
  while (scan.next()) {
    const std::int64_t seq = scan.seq();
    const Place from{seq, seq == row.from.seq ? row.from.index : 0};
    if (from >= row.to) break;
    const BlockRow found = scan.read();
    if (found.block == nullptr) {
      front.damaged = found;
      break;
    }
    const auto until = seq == row.to.seq ? static_cast<std::uint32_t>(row.to.index) : found.n;
    if (!take_part(front, row, found.block, from, until, room, takes_all)) break;
  }
  return front;
}

}  // namespace msgq::transport::sqlite
