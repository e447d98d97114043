// The block rows: append, read in lane order, and put a damaged one aside. Blocks never change, so
// the ones read or written last are kept and shared: ten small claims of one block read it once.
//
// Threads: that of the connection.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "transport/sqlite/range.h"
#include "transport/sqlite/statement.h"

namespace msgq::transport::sqlite {

// A block as a scan finds it; `block` is nullptr when it is damaged.
struct BlockRow {
  std::int64_t seq = 0;
  std::uint32_t n = 0;
  bool is_known_damaged = false;  // its bytes are in quarantine already
  BlockPtr block;
};

// Who writes a block.
struct Author {
  std::int64_t owner = 0;
  std::int64_t request = 0;
};

// The last blocks seen, by row id, bounded in bytes.
class BlockCache {
 public:
  BlockPtr find(std::int64_t id, std::int64_t checksum);
  void put(std::int64_t id, std::int64_t checksum, BlockPtr block);
  void clear();

 private:
  // A guess: what a few dozen full blocks weigh.
  static constexpr std::size_t kBytesMax = 8u << 20;
  struct Entry {
    std::int64_t id;
    std::int64_t checksum;
    BlockPtr block;
  };
  std::list<Entry> entries_;  // newest first
  std::unordered_map<std::int64_t, std::list<Entry>::iterator> by_id_;
  std::size_t bytes_ = 0;
};

class Blocks {
 public:
  explicit Blocks(sqlite3* database);

  void append(std::int64_t lane, std::int64_t seq, const BlockPtr& block, const Author& author,
              std::int64_t at_ms);

  // Walks the blocks of a lane from `seq` on, below `below`.
  class Scan {
   public:
    Scan(Blocks& blocks, std::int64_t lane, std::int64_t seq, std::int64_t below);
    // Goes to the next block; false at the end.
    bool next();
    std::int64_t seq() const;
    std::uint32_t count() const;
    // Reads and checks the present block, from the cache when it is there.
    BlockRow read();

   private:
    Blocks& blocks_;
    Cursor rows_;  // of a statement that runs one scan at a time
  };
  Scan scan(std::int64_t lane, std::int64_t seq, std::int64_t below = kSeqMask) {
    return {*this, lane, seq, below};
  }

  // One block; `block` is nullptr when it is damaged or not there.
  BlockRow read(std::int64_t lane, std::int64_t seq);

  // Moves the bytes of a damaged block into quarantine; its row stays, empty, so that ordinals
  // still count its messages, until a sweep takes it.
  void quarantine(std::int64_t lane, std::int64_t seq, std::int64_t queue, std::int64_t wall_ms);
  // The ids of messages of a block in quarantine, of [from, to), as far as they can be read.
  std::vector<MessageId> ids_in_quarantine(std::int64_t lane, std::int64_t seq, std::uint32_t from,
                                           std::uint32_t to);
  void remove(std::int64_t lane, std::int64_t from_seq, std::int64_t below);
  // Deletes up to `count_max` blocks below `below`; true when that many were there.
  bool sweep(std::int64_t lane, std::int64_t below, std::int64_t count_max);
  // How many messages are in the blocks of a lane from `seq` on, or in the first `blocks` of those
  // below `below`.
  std::int64_t count_from(std::int64_t lane, std::int64_t seq);
  std::int64_t count_first(std::int64_t lane, std::int64_t below, std::int64_t blocks);
  // Forgets what it keeps: what was written was rolled back.
  void forget() { cache_.clear(); }

 private:
  friend class Scan;
  BlockRow read_row(const Cursor& row);

  Statement append_, scan_, read_, quarantine_, read_quarantined_, empty_, delete_, sweep_, count_;
  BlockCache cache_;
};

}  // namespace msgq::transport::sqlite
