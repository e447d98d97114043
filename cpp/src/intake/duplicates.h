// What a receipt is told of messages that were there before, as their dedup ids say.
//
// Threads: the writer's.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "intake/admitted.h"
#include "transport/once.h"

namespace msgq {

// Why a duplicate's receipt fails; empty where it need not. Of many of a call its id says which it
// is.
inline std::optional<Error> refusal_of(const Admitted& a, const transport::Exchange& ex,
                                       const transport::Duplicate& each) {
  using On = Parcel::OnDuplicate;
  const bool is_conflict = a.on_duplicate == On::kReturn && !each.is_same;
  if (!is_conflict && a.on_duplicate != On::kRaise) return std::nullopt;
  const std::string earlier = "message " + each.earlier.to_string() + " has the dedup id '" +
                              std::string(transport::once_id(ex, each.number)) + "'";
  if (is_conflict)
    return Error(ErrorCode::kDedupConflict,
                 earlier + " and another body; this one was not enqueued");
  return Error(ErrorCode::kDuplicate, earlier + "; this one was not enqueued");
}

inline void resolve_duplicates(Admitted& a) {
  if (a.receipt->is_done()) return;  // it was in doubt for too long: who has it may be reading it
  for (const Receipt::Duplicate& each : a.duplicates) a.receipt->note(each);
  const bool is_all = a.duplicates.size() == a.count;
  a.receipt->resolve(is_all ? ReceiptStatus::kDuplicate : ReceiptStatus::kPersisted,
                     std::move(a.refusal));
}

}  // namespace msgq
