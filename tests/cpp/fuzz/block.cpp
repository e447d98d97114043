// Any bytes at all are either refused with Error or are a block whose every part can be read.
#include <cstddef>
#include <cstdint>
#include <string>

#include "msgq/error.h"
#include "transport/block.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto block = msgq::transport::Block::decode({reinterpret_cast<const char*>(data), size});
    std::size_t bytes = block->first_id() <= block->last_id() ? 0 : 1;
    for (std::uint32_t i = 0; i < block->count(); ++i) {
      bytes += block->body(i).size() + block->type(i).size() + block->view(i).headers.size();
      if (block->uniform_end(i) <= i) __builtin_trap();
    }
    if (bytes > size * 3 + 1) __builtin_trap();
  } catch (const msgq::Error&) {
    return 0;
  }
  return 0;
}
