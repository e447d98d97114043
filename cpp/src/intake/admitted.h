// A parcel on its way in. Once its bytes went into a block, only the figures are left.
//
// Threads: one owner at a time.
#pragma once

#include <cstdint>
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
  Parcel::OnDuplicate on_duplicate = Parcel::OnDuplicate::kReturn;
  std::vector<Receipt::Duplicate> duplicates;  // once it was stored
  bool has_once = false;
  bool is_bundled = false;         // then its bundle has its room
  std::shared_ptr<Bundle> bundle;  // while in a flush
};

}  // namespace msgq
