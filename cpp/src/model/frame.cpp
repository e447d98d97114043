#include "model/frame.h"

#include "msgq/error.h"

namespace msgq::frame {
namespace {

constexpr unsigned kHeaders = 1, kCounts = 2, kHistory = 4, kEnqueued = 8, kKey = 16, kPlace = 32;
constexpr unsigned kOnce = 64, kKnown = 127;

[[noreturn]] void damaged(const char* what) {
  throw Error(ErrorCode::kStoreRejected, std::string("damaged message: ") + what);
}

void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out += text;
}

std::string_view take_text(std::string_view& in) { return take_bytes(in, take_varint(in)); }

}  // namespace

void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

std::uint64_t take_varint(std::string_view& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (in.empty()) damaged("it ends inside a number");
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  damaged("a number is too long");
}

std::string_view take_bytes(std::string_view& in, std::uint64_t size) {
  if (size > in.size()) damaged("it ends inside a field");
  const auto out = in.substr(0, size);
  in.remove_prefix(size);
  return out;
}

void append(std::string& out, const Fields& f) {
  const bool has_counts = (f.counts.deliveries | f.counts.failures | f.counts.crashes) != 0;
  const unsigned mask = (f.headers.empty() ? 0 : kHeaders) | (has_counts ? kCounts : 0) |
                        (f.history.empty() ? 0 : kHistory) | (f.enqueued_ms != 0 ? kEnqueued : 0) |
                        (f.key.empty() ? 0 : kKey) | (f.place.seq != 0 ? kPlace : 0) |
                        (f.once.empty() ? 0 : kOnce);
  out += static_cast<char>(mask);
  if (mask & kHeaders) put_text(out, f.headers);
  if (mask & kCounts) {
    put_varint(out, f.counts.deliveries);
    put_varint(out, f.counts.failures);
    put_varint(out, f.counts.crashes);
  }
  if (mask & kHistory) put_text(out, f.history);
  if (mask & kEnqueued) put_varint(out, static_cast<std::uint64_t>(f.enqueued_ms));
  if (mask & kKey) put_text(out, f.key);
  if (mask & kPlace) {
    put_varint(out, f.place.seq);
    put_varint(out, f.place.index);
  }
  if (mask & kOnce) put_text(out, f.once);
  out += f.body;
}

Fields read(std::string_view in) {
  Fields f;
  const auto mask = static_cast<unsigned char>(take_bytes(in, 1).front());
  if ((mask & ~kKnown) != 0) damaged("it has fields of a newer msgq; upgrade this worker");
  if (mask & kHeaders) f.headers = take_text(in);
  if (mask & kCounts) {
    f.counts.deliveries = static_cast<std::uint32_t>(take_varint(in));
    f.counts.failures = static_cast<std::uint32_t>(take_varint(in));
    f.counts.crashes = static_cast<std::uint32_t>(take_varint(in));
  }
  if (mask & kHistory) f.history = take_text(in);
  if (mask & kEnqueued) f.enqueued_ms = static_cast<std::int64_t>(take_varint(in));
  if (mask & kKey) f.key = take_text(in);
  if (mask & kPlace) f.place = {take_varint(in), static_cast<std::uint32_t>(take_varint(in))};
  if (mask & kOnce) f.once = take_text(in);
  f.body = in;
  return f;
}

}  // namespace msgq::frame
