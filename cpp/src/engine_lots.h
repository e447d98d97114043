// Lots as the engine gets them back: whose they are, and what was decided about them by name.
//
// Threads: whoever settles the lot.
#pragma once

#include <utility>
#include <vector>

#include "base/check.h"
#include "dispatch/row.h"
#include "lease/settler.h"

namespace msgq {

inline SpanLot& span_lot(const LotPtr& lot) {
  MSGQ_CHECK(lot != nullptr, "a lot");
  return static_cast<SpanLot&>(*lot);
}

// Names decisions by claim and ordinal; checks each index. `again`: they were named before.
inline std::vector<Settled::Named> name_decisions(SpanLot& lot, std::vector<Decision> decisions,
                                                  bool again = false) {
  if (!again) decisions = with_followers(lot, std::move(decisions));
  std::vector<Settled::Named> named;
  named.reserve(decisions.size());
  for (auto& decision : decisions) {
    const auto [held, ordinal] = lot.locate(decision.index);
    if (!again) lot.note_named(decision.index);
    named.push_back({held, ordinal, std::move(decision)});
  }
  return named;
}

}  // namespace msgq
