#include "msgq/message.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace msgq {

std::uint64_t hash_of(std::string_view key) { return XXH3_64bits(key.data(), key.size()); }

std::uint8_t band_of(std::uint8_t priority, std::string_view key) {
  if (key.empty()) return priority;
  return static_cast<std::uint8_t>(kKeyedBand + hash_of(key) % kKeyShards);
}

}  // namespace msgq
