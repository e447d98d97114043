#include "transport/bookmark.h"

#include <charconv>

#include "msgq/error.h"

namespace msgq::transport {

std::string Bookmark::text() const {
  return std::string(1, kind) + std::to_string(a) + "." + std::to_string(b) + "." +
         std::to_string(c);
}

Bookmark Bookmark::read(std::string_view text, std::string_view kinds) {
  Bookmark out{0, 0, 0, text.empty() ? '\0' : text.front()};
  const char* at = text.data() + (text.empty() ? 0 : 1);
  const char* const end = text.data() + text.size();
  bool is_valid = !text.empty() && kinds.find(out.kind) != std::string_view::npos;
  for (std::uint64_t* number : {&out.a, &out.b, &out.c}) {
    const auto [next, error] = std::from_chars(at, end, *number);
    is_valid = is_valid && error == std::errc();
    at = next != end ? next + 1 : next;
  }
  if (!is_valid)
    throw Error(ErrorCode::kConfigInvalid,
                "'" + std::string(text) + "' is no cursor: pass that of a message seen before");
  return out;
}

}  // namespace msgq::transport
