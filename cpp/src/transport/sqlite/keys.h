// The order of keys, as transport/memory/keys.h says: what of a key is parked, what came back and
// is not decided yet, and what may come back next.
//
// Threads: that of the connection; inside a write transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "transport/sqlite/parked.h"
#include "transport/sqlite/statement.h"

namespace msgq::transport::sqlite {

struct FirstOfKey {
  std::int64_t number = 0;
  std::int64_t due_ms = 0;
  KeyPlace place;
};

class AwayKeys {
 public:
  explicit AwayKeys(sqlite3* database);
  // Whether messages of keys are parked, or came back and are not decided.
  bool has_any(std::int64_t queue);
  std::optional<FirstOfKey> first(std::int64_t queue, std::uint64_t hash);
  std::int64_t in_lane(std::int64_t queue, std::uint64_t hash);
  // The place of the message that was in hand when the first behind it was parked; seq 0: of none.
  KeyPlace waits_for(std::int64_t queue, std::uint64_t hash);
  void wait_for(std::int64_t queue, std::uint64_t hash, const KeyPlace& place);
  void add_in_lane(std::int64_t queue, std::uint64_t hash, std::int64_t count);
  void set_due(std::int64_t number, std::int64_t due_ms);
  // The first parked messages of a key that may come back now.
  std::vector<ParkedRow> read_chunk(std::int64_t queue, std::uint64_t hash, std::int64_t wall_ms,
                                    std::uint32_t limit);
  void remove_queue(std::int64_t queue);
  struct Returned {
    std::int64_t queue = 0;
    std::uint64_t hash = 0;
    std::int64_t in_lane = 0;
    KeyPlace waits_for;
  };
  // All keys of which something came back.
  std::vector<Returned> read_returned();
  // Whether a process other than this one has claims of one of these lanes.
  bool is_held_elsewhere(std::int64_t subscription, std::int64_t main, std::int64_t returned,
                         std::int64_t process);

 private:
  Statement has_any_, first_, in_lane_, waits_for_, wait_for_, add_, delete_, set_due_, read_chunk_,
      delete_queue_, read_returned_;
  Statement is_held_elsewhere_;
};

struct Store;
struct Queue;

// So many messages were decided that parked ones of their keys wait for, named by hash; a key of
// which none is left comes back next.
void note_decided(Store& store, const Queue& queue, const std::vector<std::uint64_t>& hashes);

// Lets the first parked message of a key come due, if nothing else holds it back.
void wake(Store& store, const Queue& queue, std::uint64_t hash);

// Now and then, and when a damaged block was found: lets keys go on of which messages seem to have
// come back, or are waited for, and are nowhere, as they were lost with their block.
void free_lost_keys(Store& store);

// When a message that goes behind others of its key is due; the first that does waits for the
// decision on the one that stands here, if any.
std::int64_t due_behind(Store& store, const Queue& queue, std::uint64_t hash,
                        const KeyPlace& waits_for);

// Takes out what may come back with the due message of a key: itself and those behind it. Nothing
// when it must wait for others; it is held back then.
std::vector<StoredMessage> take_chunk(Store& store, const Queue& queue, const ParkedRow& due);

}  // namespace msgq::transport::sqlite
