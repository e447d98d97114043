// Everything a memory store holds, as plain tables: queues with their lanes, open claims, parked
// messages, dead letters, processes. What is done with them lives in the files beside this one.
//
// Threads: guarded by the mutex of the MemoryStore that owns it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "msgq/config.h"
#include "transport/memory/range.h"
#include "transport/once.h"
#include "transport/share.h"
#include "transport/transport.h"

namespace msgq::transport::memory {

// The two times of one call.
struct Now {
  std::int64_t wall_ms = 0;
  std::int64_t boot_ms = 0;
};

// A block of which nobody has claimed the messages from `first` on.
struct Waiting {
  std::uint64_t seq = 0;
  BlockPtr block;
  std::uint32_t first = 0;
  MessageId highest;  // of all ids of the lane up to here
};

struct Lane {
  std::uint64_t number = 0;
  bool is_keyed = false;
  bool is_returned = false;
  // Of a keyed lane: the process that has claims of it, and how many.
  std::uint64_t holder = 0;
  std::uint32_t open_count = 0;
  std::deque<Waiting> waiting;   // seq rises
  std::deque<Range> lapsed;      // to be claimed again, oldest lapse first
  std::deque<Range> suspects;    // one message each, claimed alone
  MessageId highest;             // of all ids ever appended
  std::int64_t disorder_ms = 0;  // an id is at most so much older than `highest` was before it

  bool has_work() const { return !lapsed.empty() || !waiting.empty(); }
};

// The lanes of one priority, or of one shard of keys.
struct Band {
  Lane main;      // what producers append
  Lane returned;  // what was parked or dead and is due again

  bool has_work() const { return main.has_work() || returned.has_work(); }
  bool has_suspects() const { return !main.suspects.empty() || !returned.suspects.empty(); }
  // Keys stay in one process: nobody takes of them while another has some.
  bool is_barred(std::uint64_t process) const {
    const auto is_others = [&](const Lane& lane) {
      return lane.is_keyed && lane.open_count > 0 && lane.holder != process;
    };
    return is_others(main) || is_others(returned);
  }
};

// Where a parked message stands in the order of due times. `number` is drawn when it is parked.
struct Due {
  std::int64_t due_ms = 0;
  std::uint64_t number = 0;
  auto operator<=>(const Due&) const = default;
};

// A key of which messages are parked, or came back and are not decided yet.
struct AwayKey {
  std::uint32_t in_lane = 0;  // in the returned lane, claimed or not; and one for `waits_for`
  KeyPlace waits_for;         // of a message that was in hand when the first behind it was parked
  std::map<std::pair<KeyPlace, std::uint64_t>, Due> parked;  // in the order of the key
};

// A process that claims messages of keys of a queue.
struct KeyReader {
  std::int64_t said_ms = -1;  // boot clock; -1: never
  Share share;
};

struct DeadLetter {
  StoredMessage message;
  std::string reason;
  std::int64_t died_ms = 0;
};

struct DedupEntry {
  Remembered as;
  std::int64_t until_ms = 0;
};

// Dedup ids that are remembered, by id; by when that ends; and of messages that free them.
struct Dedup {
  std::map<std::string, DedupEntry, std::less<>> by_id;
  std::set<std::pair<std::int64_t, std::string>> by_end;
  std::map<MessageId, std::string> by_message;
};

// A block that subscriptions can go back to.
struct LogEntry {
  BlockPtr block;
  std::uint8_t band = kPriorityNormal;
  std::int64_t at_ms = 0;
  std::uint64_t bytes = 0;  // what it weighs: something where the queue's retention keeps it
};

struct Queue {
  std::string name;
  std::uint64_t subscription = 0;
  Queue* source = nullptr;           // of a subscription: whose messages it reads
  std::vector<Queue*> readers = {};  // its subscriptions
  std::deque<LogEntry> log = {};     // what they, or later ones, may still read
  bool has_forgotten = false;        // the log does not begin with the first message
  std::map<std::uint8_t, Band, std::greater<>> bands;    // made when first used
  std::unordered_map<std::uint64_t, AwayKey> away_keys;  // by hash
  std::map<std::uint64_t, KeyReader> key_readers;        // by process
  Dedup dedup;
  std::uint32_t turn = 0;  // of the shards of keys
  std::map<std::pair<MessageId, std::uint64_t>, Due> parked;
  std::map<std::uint64_t, DeadLetter> dead_letters;  // by number, oldest first
  std::set<std::pair<MessageId, std::uint64_t>> dead_ids;
  // Conservation: sent = all the others together.
  QueueDepth totals;
  QueueSettings settings;

  bool has_keys() const { return !bands.empty() && is_keyed(bands.begin()->first); }
};

struct Parked {
  Queue* queue = nullptr;
  StoredMessage message;
  std::int64_t parked_ms = 0;
  bool is_sent = false;  // by its producer, and nobody has seen it
};

struct OpenClaim {
  ClaimKey key;
  Queue* queue = nullptr;
  Lane* lane = nullptr;
  std::uint64_t process = 0;
  std::int64_t until_ms = 0;  // boot clock
  Range range;
};

struct Process {
  bool is_alive = true;  // stands for the lock that a process holds on a store that is a file
  std::uint32_t open_count = 0;     // claims
  std::uint32_t suspect_count = 0;  // of them, of a suspect
};

// Who is calling.
struct Caller {
  std::uint64_t process = 0;
  std::uint64_t owner = 0;
};

struct State {
  std::map<std::string, std::unique_ptr<Queue>, std::less<>> queues;
  std::unordered_map<std::uint64_t, OpenClaim> open;  // by gen
  std::map<Due, Parked> parked;                       // of all queues
  std::unordered_map<std::uint64_t, Process> processes;
  std::uint64_t last_number = 0;  // gens, seqs, lanes, owners: never used twice
  std::uint64_t count = 0;        // messages stored, dead letters included
  std::uint64_t bytes = 0;
  std::int64_t priority_aging_ms = 0;  // fixed after construction

  std::uint64_t draw() { return ++last_number; }
  // nullptr when there is none.
  Queue* find_queue(std::string_view name);
  Queue& make_queue(std::string_view name);
  Band& make_band(Queue& queue, std::uint8_t number);
};

// All lanes of a queue in the order of their numbers, in which they are listed.
std::vector<const Lane*> lanes_of(const Queue& queue);
// When what is next in a lane was enqueued or came back, Unix ms; 0: nothing waits.
std::int64_t waits_since(const Lane& lane);

// What a message outside blocks weighs.
std::uint64_t bytes_of(const StoredMessage& message);

// Puts a block at the end of a lane; its messages from `first` on wait from now on. Totals but for
// `sent`.
void append(State& state, Queue& queue, Lane& lane, BlockPtr block, std::uint32_t first = 0);
void park(State& state, Queue& queue, std::int64_t due_ms, StoredMessage message, const Now& now,
          bool is_sent = false);
void bury(State& state, Queue& queue, DeadLetter letter);

}  // namespace msgq::transport::memory
