// The messages of an exchange that are to be there once: what a store asks of its memory of dedup
// ids, and what is left of the exchange when some were there before.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "transport/transport.h"

namespace msgq::transport {

// What a store remembers of a dedup id.
struct Remembered {
  MessageId message;
  std::uint64_t digest = 0;  // of its body
};

struct OnceWish {
  std::size_t number = 0;  // as of Duplicate
  const std::string* queue = nullptr;
  Once once;  // points into the exchange
  Remembered as;

  // Unix ms; a day of the year 9999 for what is remembered until it is over.
  std::int64_t until_ms(std::int64_t now_ms) const {
    return once.until == Once::Until::kWindow ? now_ms + once.window_ms : kHeldBack;
  }
  Duplicate duplicate_of(const Remembered& earlier) const {
    return {number, earlier.message, earlier.digest == as.digest};
  }
};

// By number. Costs a look at each block where none has a dedup id.
std::vector<OnceWish> once_wishes(const Exchange& in);

// What is to be stored of an exchange, and nothing else of it. `duplicates` by number.
Exchange without(const Exchange& in, const std::vector<Duplicate>& duplicates);

}  // namespace msgq::transport
