#include <cstdio>

#include "base/fork.h"
#include "base/random.h"
#include "msgq/error.h"
#include "msgq/message.h"

#include <atomic>

// A packed moment is (Unix milliseconds << 20 | counter): what rises by one from id to id. Source:
// RFC 9562 section 6.2, method 1 (a counter behind the time) with a carry into the time.
namespace msgq {
namespace {

constexpr std::uint64_t kRandomMask = (1ull << 54) - 1;
constexpr std::uint64_t kVersion = 0x7000;
constexpr std::uint64_t kVariant = 0x8000'0000'0000'0000;

std::uint64_t pack(const MessageId& id) {
  return (id.high >> 16) << 20 | (id.high & 0xfff) << 8 | ((id.low >> 54) & 0xff);
}

MessageId unpack(std::uint64_t packed, std::uint64_t random) {
  const std::uint64_t high = (packed >> 20) << 16 | kVersion | ((packed >> 8) & 0xfff);
  return {high, kVariant | (packed & 0xff) << 54 | (random & kRandomMask)};
}

// The random bits of this process, drawn again after a fork.
std::uint64_t process_random() {
  static std::atomic<std::uint64_t> random{0};
  static std::atomic<std::uint32_t> drawn_in{~0u};
  const std::uint32_t generation = fork_generation();
  if (drawn_in.load(std::memory_order_acquire) != generation) {
    random.store(system_random().next(), std::memory_order_relaxed);
    drawn_in.store(generation, std::memory_order_release);
  }
  return random.load(std::memory_order_relaxed);
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

MessageId MessageId::plus(std::uint64_t k) const { return unpack(pack(*this) + k, low); }

void MessageId::write(char* out) const {
  for (int i = 0; i < 8; ++i) {
    out[i] = static_cast<char>(high >> (56 - 8 * i) & 0xff);
    out[i + 8] = static_cast<char>(low >> (56 - 8 * i) & 0xff);
  }
}

std::string MessageId::to_bytes() const {
  std::string out(16, '\0');
  write(out.data());
  return out;
}

MessageId MessageId::from_bytes(std::string_view bytes) {
  if (bytes.size() != 16)
    throw Error(ErrorCode::kPayloadInvalid,
                "a message id has 16 bytes, not " + std::to_string(bytes.size()));
  MessageId id;
  for (std::size_t i = 0; i < 8; ++i) {
    id.high = id.high << 8 | static_cast<unsigned char>(bytes[i]);
    id.low = id.low << 8 | static_cast<unsigned char>(bytes[i + 8]);
  }
  return id;
}

std::string MessageId::to_string() const {
  char text[37];
  std::snprintf(text, sizeof text, "%08x-%04x-%04x-%04x-%012llx", static_cast<unsigned>(high >> 32),
                static_cast<unsigned>(high >> 16 & 0xffff), static_cast<unsigned>(high & 0xffff),
                static_cast<unsigned>(low >> 48),
                static_cast<unsigned long long>(low & 0xffff'ffff'ffff));
  return text;
}

MessageId MessageId::parse(std::string_view text) {
  std::string bytes;
  int half = -1;
  bool is_valid = text.size() <= 36;
  for (const char c : text) {
    if (c == '-') continue;
    const int value = hex_value(c);
    is_valid = is_valid && value >= 0;
    if (half < 0) {
      half = value;
    } else {
      bytes += static_cast<char>(half << 4 | value);
      half = -1;
    }
  }
  if (!is_valid || half >= 0 || bytes.size() != 16)
    throw Error(ErrorCode::kPayloadInvalid, "'" + std::string(text) +
                                                "' is no message id: expected a UUID like "
                                                "0190a5c3-7b1e-7f00-8000-000000000000");
  return from_bytes(bytes);
}

MessageId draw_ids(std::uint64_t count, std::int64_t wall_ms) {
  static std::atomic<std::uint64_t> next{0};
  const std::uint64_t now = static_cast<std::uint64_t>(wall_ms) << 20;
  std::uint64_t seen = next.load(std::memory_order_relaxed);
  std::uint64_t first;
  do {
    first = now > seen ? now : seen;
  } while (!next.compare_exchange_weak(seen, first + count, std::memory_order_relaxed));
  return unpack(first, process_random());
}

}  // namespace msgq
