// A block: parcels written together, one row of the store. Immutable once built; shared between the
// writer, the store (memory) and the lots that read it.
//
// Layout (docs/file_format.md): frames, then a trailer (u32 end of each frame; sections: one per
// parcel with count, first id, content, first time, type, and in blocks flagged for it priority and
// expiry), then a footer of 16 bytes. The trailer
// is behind the frames so that a parcel becomes a block without its bytes being copied. Threads:
// immutable; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bitmap.h"
#include "msgq/message.h"

namespace msgq::transport {

class Block {
 public:
  // Builds from parcels of one queue; takes their bytes. REQUIRES: at least one message in all.
  static std::shared_ptr<const Block> build(std::vector<Parcel> parcels, std::int64_t now_ms);
  // Reads a stored block. Throws kStoreRejected when the bytes are no block (never reads outside).
  static std::shared_ptr<const Block> decode(std::string_view bytes);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  std::uint32_t count() const { return count_; }
  const std::string& bytes() const { return bytes_; }  // as stored
  MessageId first_id() const { return first_id_; }     // lowest
  MessageId last_id() const { return last_id_; }       // highest
  MessageView view(std::uint32_t index) const;
  std::string_view body(std::uint32_t index) const;
  // What the gate needs of a message: its key, and its place in the order of the key; seq 0: where
  // it lies.
  std::pair<std::string_view, KeyPlace> key(std::uint32_t index) const;
  // Appends the bodies of [from, to).
  void add_bodies(std::uint32_t from, std::uint32_t to, std::vector<std::string_view>& out) const;
  // Type and content of a message without reading its frame.
  std::string_view type(std::uint32_t index) const;
  // When it was first enqueued; of one that was returned, when it was put into this block.
  std::int64_t enqueued_ms(std::uint32_t index) const { return section_of(index).enqueued_ms; }
  // The index after the last message that follows `index` without a change of type or content.
  std::uint32_t uniform_end(std::uint32_t index) const;
  // Whether any of its messages may expire; and when that at `index` does, 0: never.
  bool may_expire() const { return may_expire_; }
  std::int64_t expires_ms(std::uint32_t index) const { return section_of(index).expires_ms; }
  // Whether any of its messages has a dedup id.
  bool has_once() const { return has_once_; }
  // The same without these messages, in order; null when none is left.
  std::shared_ptr<const Block> without(const Bitmap& indexes) const;
  std::uint64_t checksum() const;                                      // XXH3 of bytes()
  std::size_t body_bytes(std::uint32_t from, std::uint32_t to) const;  // of the frames [from, to)

 private:
  struct Section {
    std::uint32_t first = 0;  // index of its first message
    std::uint32_t count = 0;
    MessageId first_id;
    Content content = Content::kBytes;
    std::string type;
    std::int64_t enqueued_ms = 0;
    std::uint8_t priority = kPriorityNormal;
    std::int64_t expires_ms = 0;
  };
  Block() = default;
  const Section& section_of(std::uint32_t index) const;
  std::string_view frame(std::uint32_t index) const;
  std::uint32_t end_of(std::uint32_t index) const;
  void parse();

  // fixed after construction
  std::string bytes_;
  std::uint32_t count_ = 0;
  bool may_expire_ = false;
  bool has_once_ = false;
  std::size_t ends_at_ = 0;  // where the ends begin = size of the frames
  std::vector<Section> sections_;
  MessageId first_id_, last_id_;
};

using BlockPtr = std::shared_ptr<const Block>;

}  // namespace msgq::transport
