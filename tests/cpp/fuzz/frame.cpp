// Any bytes at all are either refused with Error or are a frame that survives being written again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/frame.h"
#include "msgq/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const auto fields = msgq::frame::read(bytes);
    std::string again;
    msgq::frame::append(again, fields);
    const auto same = msgq::frame::read(again);
    if (same.body != fields.body || same.headers != fields.headers ||
        same.history != fields.history || same.enqueued_ms != fields.enqueued_ms) {
      __builtin_trap();
    }
  } catch (const msgq::Error&) {
    return 0;
  }
  return 0;
}
