// What is stored in one exchange or not at all: parcels, and decisions that somebody else adds.
//
// Threads: one owner at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "intake/admitted.h"

namespace msgq {

struct Bundle {
  // While it waits; in a flush they are there.
  std::vector<Admitted> parcels;
  // Called for each exchange that it is to be in: lets what belongs to it go along. Why it cannot.
  std::function<std::optional<Error>()> join;
  ReceiptPtr receipt;                  // of all of it
  std::uint64_t count = 0, bytes = 0;  // of the room that was acquired for it
  Nanos admitted_at{0};
  bool is_patient = false;  // its time is that of leases, not enqueue_timeout
  Nanos retry_at{0};        // a queue of its was full
};

using BundlePtr = std::shared_ptr<Bundle>;

}  // namespace msgq
