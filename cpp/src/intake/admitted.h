// A parcel on its way in. Once its bytes went into a block, only the figures are left.
//
// Threads: one owner at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "model/traffic.h"
#include "msgq/message.h"
#include "msgq/receipt.h"

namespace msgq {

struct Bundle;

struct Admitted {
  Parcel parcel;
  ReceiptPtr receipt;  // null: nobody asks, it was settled when it was admitted
  Traffic* traffic = nullptr;
  Nanos admitted_at{0};
  std::uint32_t count = 0;
  std::uint64_t bytes = 0;
  std::uint64_t order = 0;  // among those with keys, of all threads
  std::uint32_t known = 0;  // of `count`: duplicates, as the store last said
  bool is_loose = false;    // as of its parcel
  Parcel::OnDuplicate on_duplicate = Parcel::OnDuplicate::kReturn;
  std::vector<Receipt::Duplicate> duplicates;  // once it was stored
  bool has_once = false;
  bool is_bundled = false;         // then its bundle has its room
  std::shared_ptr<Bundle> bundle;  // while in a flush
  std::optional<Error> refusal;    // why its receipt fails, as some are

  // Takes the messages from `from` on out. REQUIRES: it has its parcel; it is not bundled;
  // 0 < from < count.
  Admitted cut(std::uint32_t from) {
    Admitted rest;
    rest.parcel = parcel.cut(from);
    if (receipt) rest.receipt = receipt->cut(from);
    rest.traffic = traffic;
    rest.admitted_at = admitted_at;
    rest.count = count - from;
    rest.bytes = bytes * rest.count / count;
    rest.order = order;
    rest.is_loose = is_loose;
    rest.on_duplicate = on_duplicate;
    rest.has_once = has_once;
    count = from;
    bytes -= rest.bytes;
    return rest;
  }
};

}  // namespace msgq
