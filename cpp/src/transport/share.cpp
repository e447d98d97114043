#include "transport/share.h"

#include <algorithm>
#include <array>
#include <utility>

namespace msgq::transport {

void Share::look(std::int64_t self, const std::vector<Reader>& readers, std::int64_t now_ms,
                 const OpenOf& open_of) {
  looked_ms_ = now_ms;
  is_alone_ = true;
  std::size_t rank = 0, count = 1;
  for (const Reader& reader : readers) {
    if (reader.process == self) continue;
    is_alone_ = false;
    if (reader.silent_ms < 0 || reader.silent_ms > kSilentMs) continue;
    ++count;
    if (reader.process < self) ++rank;
  }
  constexpr std::uint32_t kAll = (1u << kKeyShards) - 1;
  const std::uint32_t before = std::exchange(parts_, kAll & ~shards_of(rank, count));
  others_ = parts_;
  for (std::size_t shard = 0; shard < kKeyShards; ++shard) {
    const std::uint32_t bit = 1u << shard;
    if ((parts_ & bit) != 0 && is_slow(shard, now_ms, open_of, (before & bit) == 0))
      others_ &= ~bit;
  }
}

// What was claimed since it came back is no reason to go on, or it would never be the other's.
bool Share::is_slow(std::size_t shard, std::int64_t now_ms, const OpenOf& open_of, bool is_new) {
  const Open open = open_of(shard);
  if (is_new) lost_[shard] = {now_ms, open.newest};
  const Lost& lost = lost_[shard];
  return open.oldest != 0 && open.oldest <= lost.newest && now_ms - lost.since_ms >= kSlowMs;
}

std::uint32_t shards_of(std::size_t rank, std::size_t readers) {
  static_assert(kKeyShards <= 16, "they travel in the flags of a wish");
  std::array<std::size_t, kKeyShards> holder{};
  std::array<std::size_t, kKeyShards + 1> held{kKeyShards};
  const std::size_t last = std::min<std::size_t>(readers, kKeyShards);
  for (std::size_t comer = 1; comer < last; ++comer)
    while (held[comer] < kKeyShards / (comer + 1)) {
      const auto fullest = std::max_element(held.begin(), held.begin() + comer);
      const auto most = static_cast<std::size_t>(fullest - held.begin());
      const auto given = std::find(holder.rbegin(), holder.rend(), most);
      *given = comer;
      --held[most];
      ++held[comer];
    }
  std::uint32_t out = 0;
  for (std::size_t shard = 0; shard < kKeyShards; ++shard)
    if (holder[shard] == rank) out |= 1u << shard;
  return out;
}

}  // namespace msgq::transport
