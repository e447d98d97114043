// A place among the messages of a queue as text, so that a listing can go on behind it.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace msgq::transport {

// By kind: 'm' in a lane (lane, seq, index), 'p' parked (high and low half of the id, number), 'd'
// dead (number).
struct Bookmark {
  std::uint64_t a = 0, b = 0, c = 0;
  char kind = 'm';

  std::string text() const;
  // Throws kConfigInvalid unless `text` is a bookmark of one of `kinds`.
  static Bookmark read(std::string_view text, std::string_view kinds);
};

}  // namespace msgq::transport
