// Keeps buffers for use again. Large ones (of blocks), because the allocator hands such sizes back
// to the kernel, and fetching them anew costs a page fault for every 4 KB: half of the time that
// enqueueing 1,000 messages of 200 bytes took. Small ones (of single messages), because producers
// allocate them and the writer frees them, and the two met at the allocator's lock: 130,000 times a
// second.
//
// Threads: any, without locks.
#pragma once

#include <cstddef>
#include <string>

namespace msgq::spares {

// Kept are at most 32 buffers of 64 KB to 1 MB, and 4,096 of up to 512 bytes; others go their way.
inline constexpr std::size_t kCountMax = 32;
inline constexpr std::size_t kBytesMin = std::size_t{64} << 10;
inline constexpr std::size_t kBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kSmallBytes = 512;
inline constexpr std::size_t kSmallCountMax = 4'096;

// An empty buffer with room for `size` bytes.
std::string take(std::size_t size);
// Takes a buffer that nobody needs any more.
void give(std::string&& buffer) noexcept;

}  // namespace msgq::spares
