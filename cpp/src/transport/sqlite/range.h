// Places in a lane and ranges of them, and the claim row that holds one. A range runs from `from`
// to below `to`; the end of block s is written (s + 1, 0), so that places compare as they lie.
//
// Threads: plain values.
#pragma once

#include <compare>
#include <cstdint>

#include "base/bitmap.h"
#include "transport/transport.h"

namespace msgq::transport::sqlite {

struct Place {
  std::int64_t seq = 0;
  std::int64_t index = 0;
  auto operator<=>(const Place&) const = default;
};

enum class ClaimState : int { kOpen = 0, kSettled = 1, kLapsed = 2 };
enum class ClaimKind : int { kAdvance = 0, kReclaim = 1, kSeek = 2 };

struct ClaimRow {
  std::int64_t subscription = 0, lane = 0, gen = 0, owner = 0;
  Place from, to;
  ClaimKind kind = ClaimKind::kAdvance;
  ClaimState state = ClaimState::kOpen;
  std::uint32_t attempt = 1;
  std::uint32_t crashes = 0;
  std::int64_t crashed_ms = 0;
  bool is_suspect = false;
  std::int64_t until_ms = 0, lease_ms = 0;
  std::uint32_t n = 0;
  Bitmap done;
  Place position;
  std::int64_t prev_gen = 0;
  bool is_newest = true;

  std::uint32_t left() const { return n - done.below(n).count(); }
};

constexpr int kSeqBits = 40;
constexpr std::int64_t kSeqMask = (1ll << kSeqBits) - 1;
constexpr std::int64_t block_id(std::int64_t lane, std::int64_t seq) {
  return lane << kSeqBits | seq;
}
constexpr std::int64_t lane_end(std::int64_t lane) { return (lane + 1) << kSeqBits; }

}  // namespace msgq::transport::sqlite
