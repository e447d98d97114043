#include "base/spares.h"

#include <array>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "base/inbox.h"

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

// How many small ones a thread takes out of the common store, or brings there, at once.
constexpr std::size_t kHandful = 64;

Inbox<std::string>& common() {
  // never destroyed: threads still take from it while the process exits
  static Inbox<std::string>& inbox = *new Inbox<std::string>;
  return inbox;
}

std::string take_small() {
  thread_local std::vector<std::string> mine;
  if (mine.empty()) common().pop_some(mine, kHandful);
  std::string out;
  if (mine.empty()) {
    out.reserve(kSmallBytes);
  } else {
    out = std::move(mine.back());
    mine.pop_back();
  }
  return out;
}

void give_small(std::string&& buffer) {
  thread_local std::vector<std::string> mine;
  buffer.clear();
  mine.push_back(std::move(buffer));
  if (mine.size() < kHandful) return;
  if (common().size_approx() < kSmallCountMax)
    common().push_all(mine);
  else
    mine.clear();
}

}  // namespace

std::string take(std::size_t size) {
  if (size <= kSmallBytes) return take_small();
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
  const std::size_t size = buffer.capacity();
  try {
    if (size == kSmallBytes) return give_small(std::move(buffer));
    if (size < kBytesMin || size > kBytesMax) return;
    put(std::make_unique<std::string>(std::move(buffer)));
  } catch (const std::bad_alloc&) {
    // then it is not kept
  }
}

}  // namespace msgq::spares
