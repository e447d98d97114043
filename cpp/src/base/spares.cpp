#include "base/spares.h"

#include <array>
#include <atomic>
#include <memory>
#include <utility>

namespace msgq::spares {
namespace {

// Each place is empty or owns its buffer; whoever exchanges it owns what was there.
std::array<std::atomic<std::string*>, kCountMax> places;

void put(std::unique_ptr<std::string> buffer) {
  for (auto& place : places) {
    std::string* nobody = nullptr;
    if (place.load(std::memory_order_relaxed) == nullptr &&
        place.compare_exchange_strong(nobody, buffer.get(), std::memory_order_acq_rel)) {
      static_cast<void>(buffer.release());
      return;
    }
  }
}

}  // namespace

std::string take(std::size_t size) {
  std::string out;
  if (size >= kBytesMin && size <= kBytesMax) {
    for (auto& place : places) {
      if (place.load(std::memory_order_relaxed) == nullptr) continue;
      std::unique_ptr<std::string> found(place.exchange(nullptr, std::memory_order_acq_rel));
      if (found == nullptr) continue;
      if (found->capacity() < size) continue;  // a small one makes room for one that fits
      out = std::move(*found);
      out.clear();
      return out;
    }
  }
  out.reserve(size);
  return out;
}

void give(std::string&& buffer) noexcept {
  if (buffer.capacity() < kBytesMin || buffer.capacity() > kBytesMax) return;
  try {
    put(std::make_unique<std::string>(std::move(buffer)));
  } catch (const std::bad_alloc&) {
    // then it is not kept
  }
}

}  // namespace msgq::spares
