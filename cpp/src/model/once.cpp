#include "model/frame.h"
#include "msgq/error.h"
#include "msgq/message.h"

namespace msgq {

std::string Once::encode() const {
  if (empty()) return {};
  std::string out(1, static_cast<char>(until));
  frame::put_varint(out, static_cast<std::uint64_t>(window_ms));
  out += id;
  return out;
}

Once Once::decode(std::string_view bytes) {
  if (bytes.empty()) return {};
  const auto until = static_cast<unsigned char>(frame::take_bytes(bytes, 1).front());
  if (until > static_cast<unsigned char>(Until::kStarted))
    throw Error(ErrorCode::kStoreRejected, "damaged message: its dedup id is of a newer msgq");
  const auto window_ms = static_cast<std::int64_t>(frame::take_varint(bytes));
  return {bytes, static_cast<Until>(until), window_ms};
}

}  // namespace msgq
