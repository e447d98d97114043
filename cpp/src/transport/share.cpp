#include "transport/share.h"

#include <algorithm>
#include <array>

namespace msgq::transport {

void Share::look(std::int64_t self, const std::vector<Reader>& readers, std::int64_t now_ms) {
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
  others_ = kAll & ~shards_of(rank, count);
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
