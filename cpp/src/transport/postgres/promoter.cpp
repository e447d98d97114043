#include "transport/postgres/promoter.h"

#include <algorithm>

namespace msgq::transport::postgres {
namespace {

// Between looks from the left lies a second, or fifty times what the last one took, but no more
// than ten: so long may a message lie there.
constexpr Nanos kLeftGap = std::chrono::seconds(1), kLeftGapMax = std::chrono::seconds(10);
constexpr int kLeftShare = 50;
// Taken from there when nobody has asked for any.
constexpr std::uint32_t kUnaskedMost = 1000;
// Between looks for keys that wait for nothing: it takes damage, or two that meet, to make one.
constexpr Nanos kHealGap = std::chrono::seconds(10), kHealGapMax = std::chrono::seconds(100);
constexpr int kHealMost = 200;

}  // namespace

std::uint32_t Promoter::run(Connection& connection, Asker& asker, std::uint32_t most,
                            bool has_keys) {
  const Nanos began = clock_.steady();
  const bool from_left = began >= left_at_;
  if (most == 0 && !from_left) return 0;
  if (most == 0) most = kUnaskedMost;
  Params params;
  params.integer(asker.owner).integer(++asker.request);
  params.small(static_cast<int>(most)).flag(from_left);
  const auto count = static_cast<std::uint32_t>(connection.call("promote", params).integer(0, 0));
  if (count == 0) --asker.request;  // it left nothing to be folded
  const std::uint32_t keyed = has_keys ? run_keys(connection, asker, most, from_left) : 0;
  const Nanos now = clock_.steady();
  if (from_left && count < most)
    left_at_ = now + std::clamp((now - began) * kLeftShare, kLeftGap, kLeftGapMax);
  return count + keyed;
}

void Promoter::heal_keys(Connection& connection) {
  const Nanos began = clock_.steady();
  if (began < heal_at_) return;
  connection.call("free_lost_keys");
  Params params;
  params.small(static_cast<int>(healed_queue_)).integer(healed_hash_).small(kHealMost);
  const Rows last = connection.call("wake_held_back", params);
  const bool is_round_over = last.is_null(0, 0);
  healed_queue_ = is_round_over ? 0 : last.integer(0, 0);
  healed_hash_ = is_round_over ? 0 : last.integer(0, 1);
  const Nanos now = clock_.steady();
  heal_at_ = now + std::clamp((now - began) * kLeftShare, kHealGap, kHealGapMax);
}

std::uint32_t Promoter::run_keys(Connection& connection, Asker& asker, std::uint32_t most,
                                 bool from_left) {
  heal_keys(connection);
  Params params;
  params.integer(asker.owner).integer(++asker.request).small(asker.process);
  params.small(static_cast<int>(most)).small(int{kKeyChunkMax}).flag(from_left);
  const Rows rows = connection.call("promote_keys", params);
  const auto count = static_cast<std::uint32_t>(rows.integer(0, 0));
  if (count == 0) --asker.request;
  return count;
}

}  // namespace msgq::transport::postgres
