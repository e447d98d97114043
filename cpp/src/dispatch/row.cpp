#include "dispatch/row.h"

#include <utility>

namespace msgq {

std::vector<Decision> with_followers(SpanLot& lot, std::vector<Decision> decisions) {
  if (!lot.has_followers()) return decisions;
  Bitmap left;
  for (const Decision& each : decisions) {
    if (each.verdict == Verdict::kRetry || each.verdict == Verdict::kSnooze)
      lot.hold_up(each.index);
    for (std::uint32_t i = each.index; each.verdict == Verdict::kLeave && lot.follows(++i);)
      left.set(i);
  }
  for (std::uint32_t i = 0; i < lot.size(); ++i)
    if (lot.follows(i) && lot.is_lost_at(i)) left.set(i);
  if (left.empty() && lot.held_up().empty()) return decisions;
  const auto is_held = [&](std::uint32_t i) { return left.has(i) || lot.held_up().has(i); };
  std::erase_if(decisions, [&](const Decision& each) { return is_held(each.index); });
  for (std::uint32_t i = 0; i < lot.size(); ++i)
    if (is_held(i))
      decisions.push_back({i, left.has(i) ? Verdict::kLeave : Verdict::kBehind, 0, {}, {}});
  return decisions;
}

}  // namespace msgq
