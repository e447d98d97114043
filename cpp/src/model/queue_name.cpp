#include <algorithm>

#include "msgq/error.h"
#include "msgq/message.h"

namespace msgq {
namespace {

constexpr std::size_t kNameBytesMax = 255;

// Reads one code point of UTF-8 at `at`; 0xffffffff when it is none (overlong, surrogate, too
// high).
std::uint32_t read_code_point(std::string_view text, std::size_t& at) {
  constexpr std::uint32_t kBad = 0xffffffff;
  const auto lead = static_cast<unsigned char>(text[at++]);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc2 ? 1 : -1;
  if (more < 0 || lead > 0xf4 || at + static_cast<std::size_t>(more) > text.size()) return kBad;
  std::uint32_t point = lead & (0x3fu >> more);
  for (int i = 0; i < more; ++i) {
    const auto byte = static_cast<unsigned char>(text[at++]);
    if ((byte & 0xc0) != 0x80) return kBad;
    point = point << 6 | (byte & 0x3f);
  }
  const bool is_short = (more == 2 && point < 0x800) || (more == 3 && point < 0x10000);
  if (is_short || (point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff) return kBad;
  return point;
}

bool is_direction(std::uint32_t point) {
  return point == 0x061c || point == 0x200e || point == 0x200f ||
         (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

bool is_space(std::uint32_t point) {
  return point == 0x20 || point == 0xa0 || point == 0x1680 || point == 0x2028 || point == 0x2029 ||
         (point >= 0x2000 && point <= 0x200b) || point == 0x202f || point == 0x205f ||
         point == 0x3000 || point == 0xfeff;
}

[[noreturn]] void refuse(const std::string& why) {
  throw Error(
      ErrorCode::kConfigInvalid,
      "queue name " + why +
          "; a name has 1 to 255 bytes of UTF-8 without control or "
          "direction characters, without leading or trailing space, and no part of it between "
          "slashes is '.' or '..'");
}

// A name may become part of a path one day: no part of it may lead out of a directory.
void check_parts(std::string_view name) {
  for (std::size_t from = 0; from <= name.size();) {
    const std::size_t slash = std::min(name.find('/', from), name.size());
    const std::string_view part = name.substr(from, slash - from);
    if (part == "." || part == "..")
      refuse("has the reserved part '" + std::string(part) + "' at byte " + std::to_string(from));
    from = slash + 1;
  }
}

}  // namespace

void validate_queue_name(std::string_view name) {
  if (name.empty()) refuse("is empty");
  if (name.size() > kNameBytesMax)
    refuse("has " + std::to_string(name.size()) + " bytes, at most 255 are allowed");
  check_parts(name);
  std::size_t at = 0;
  std::uint32_t point = 0;
  while (at < name.size()) {
    const std::size_t start = at;
    point = read_code_point(name, at);
    const std::string where = " at byte " + std::to_string(start);
    if (point == 0xffffffff) refuse("is not valid UTF-8" + where);
    if (point < 0x20 || (point >= 0x7f && point < 0xa0)) refuse("has a control character" + where);
    if (is_direction(point)) refuse("has a text direction character" + where);
    if (start == 0 && is_space(point)) refuse("begins with a space");
  }
  if (is_space(point)) refuse("ends with a space");
}

}  // namespace msgq
