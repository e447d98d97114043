// The messages of an exchange that are to be there once: what a store asks of its memory of dedup
// ids, and what is left of the exchange when some were there before.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
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

  // Unix ms. What is remembered until it is over has an end, too: an id that nobody freed, as its
  // block was lost, must not be refused for ever. As in remember.sql.
  std::int64_t until_ms(std::int64_t now_ms) const {
    constexpr std::int64_t kLongest = 30ll * 86'400'000;
    return now_ms + (once.until == Once::Until::kWindow ? once.window_ms : kLongest);
  }
  Duplicate duplicate_of(const Remembered& earlier) const {
    return {number, earlier.message, earlier.digest == as.digest};
  }
};

// In the order of their messages' ids, which is that of the calls: of two that have one dedup id
// the first is stored, though it may lie in a later block. Costs a look at each block where none
// has one.
std::vector<OnceWish> once_wishes(const Exchange& in);

// Throws DuplicateRefused when one of them is strict.
void refuse_strict(const Exchange& in, const std::vector<Duplicate>& duplicates);

// The duplicates among them, as stores tell of them.
std::vector<Duplicate> by_number(std::vector<Duplicate> duplicates);

// The dedup id of the message of that number.
std::string_view once_id(const Exchange& in, std::size_t number);

// What is to be stored of an exchange, and nothing else of it. `duplicates` by number.
Exchange without(const Exchange& in, const std::vector<Duplicate>& duplicates);

}  // namespace msgq::transport
