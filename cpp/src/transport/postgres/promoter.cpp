#include "transport/postgres/promoter.h"

#include <algorithm>

namespace msgq::transport::postgres {
namespace {

// How long a message may lie at the left, and the share of the time that looks there may take.
constexpr Nanos kLeftGap = std::chrono::seconds(1);
constexpr int kLeftShare = 50;
// Taken from there when nobody has asked.
constexpr std::uint32_t kLeftMost = 1000;

}  // namespace

std::uint32_t Promoter::run(Connection& connection, Asker& asker, std::uint32_t most) {
  const Nanos began = clock_.steady();
  const bool from_left = began >= left_at_;
  if (most == 0 && !from_left) return 0;
  if (most == 0) most = kLeftMost;
  Params params;
  params.integer(asker.owner).integer(++asker.request);
  params.small(static_cast<int>(most)).flag(from_left);
  const auto count = static_cast<std::uint32_t>(connection.call("promote", params).integer(0, 0));
  const Nanos now = clock_.steady();
  if (from_left && count < most) left_at_ = now + std::max(kLeftGap, (now - began) * kLeftShare);
  return count;
}

}  // namespace msgq::transport::postgres
