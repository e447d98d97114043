// Any name at all is taken or refused with Error, and what is taken keeps the rules that matter to
// files and terminals.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "msgq/error.h"
#include "msgq/message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view name(reinterpret_cast<const char*>(data), size);
  try {
    msgq::validate_queue_name(name);
  } catch (const msgq::Error&) {
    return 0;
  }
  const bool is_printable =
      name.find_first_of(std::string_view("\0\n\r\t\x1b\x7f", 6)) == name.npos;
  const std::string path = "/" + std::string(name) + "/";
  const bool leads_out = path.find("/./") != path.npos || path.find("/../") != path.npos;
  if (name.empty() || name.size() > 255 || leads_out || !is_printable) __builtin_trap();
  return 0;
}
