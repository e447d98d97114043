// What producers hand over: message ids and parcels. A parcel is the messages of ONE enqueue call:
// consecutive ids, one handler name ("type"), one content type, one band and expiry, bodies
// already framed for the store, so that they are copied once, at the border.
//
// Threads: plain values; one owner at a time.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msgq {

// How a body is to be read. Numbers are stored; never reuse one.
enum class Content : std::uint8_t { kBytes = 0, kJson = 1, kMsgpack = 2, kText = 3 };

// From 1, the least urgent, to 10.
constexpr std::uint8_t kPriorityMin = 1, kPriorityNormal = 5, kPriorityMax = 10;

// Messages with a key run one at a time a key, in order. A key's messages go through one shard of
// their queue, so that processes can share the shards; the hash stands for the key in the store,
// and two keys of one hash only wait for one another.
constexpr std::uint8_t kKeyShards = 16;
std::uint64_t hash_of(std::string_view key);
// Which of a queue's lanes a message goes through: its priority, or behind those its key's shard.
constexpr std::uint8_t kKeyedBand = 100;
std::uint8_t band_of(std::uint8_t priority, std::string_view key);
constexpr bool is_keyed(std::uint8_t band) { return band >= kKeyedBand; }

// A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then a 20-bit counter, then 54 random bits of
// the process. Ids of one process rise; `plus(k)` is the k-th id after this one of the same parcel.
struct MessageId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  auto operator<=>(const MessageId&) const = default;
  bool is_nil() const { return high == 0 && low == 0; }
  MessageId plus(std::uint64_t k) const;
  std::int64_t unix_ms() const { return static_cast<std::int64_t>(high >> 16); }
  std::string to_string() const;                  // 8-4-4-4-12, lower case
  std::string to_bytes() const;                   // 16 bytes, big endian
  void write(char* out) const;                    // the same, into 16 bytes of the caller's
  static MessageId from_bytes(std::string_view);  // throws kPayloadInvalid unless 16 bytes
  static MessageId parse(std::string_view);       // throws kPayloadInvalid with the text in it
};

// How often a message was handed out, failed, and was alone in a process that died.
struct Counts {
  std::uint32_t deliveries = 0;
  std::uint32_t failures = 0;
  std::uint32_t crashes = 0;
};

// Where a message of a key stood when it was first taken out of its lane: the order of its key.
struct KeyPlace {
  std::uint64_t seq = 0;  // 0: it was never taken out
  std::uint32_t index = 0;
  auto operator<=>(const KeyPlace&) const = default;
};

// A message that is to be there once: while the store remembers its dedup id, no other message of
// that id is taken into the queue.
struct Once {
  enum class Until : std::uint8_t { kWindow, kDone, kStarted };  // numbers are stored
  std::string_view id;
  Until until = Until::kWindow;
  std::int64_t window_ms = 0;  // with kWindow: remembered for so long

  bool empty() const { return id.empty(); }
  // As a message carries it: a byte, a varint, the id; nothing for none.
  std::string encode() const;
  static Once decode(std::string_view bytes);  // throws kStoreRejected
};

// One message as bytes somebody else owns; valid as long as they do.
struct MessageView {
  MessageId id;
  std::string_view type;  // handler name; empty for plain queue messages
  Content content = Content::kBytes;
  std::string_view headers;  // JSON object as text, or empty
  std::string_view body;
  Counts counts;             // before the present delivery
  std::string_view history;  // JSON array of attempts, or empty
  std::int64_t enqueued_ms = 0;
  std::uint8_t priority = kPriorityNormal;
  std::int64_t expires_ms = 0;  // Unix milliseconds from which on it is not run; 0: never
  std::string_view key;         // empty: none
  KeyPlace place;
  std::string_view once;  // of Once::encode(), or empty
};

// One message owning its bytes: what is parked, dead, peeked at.
struct StoredMessage {
  MessageId id;
  std::string type;
  Content content = Content::kBytes;
  std::string headers;
  std::string body;
  Counts counts;
  std::string history;
  std::int64_t enqueued_ms = 0;
  std::uint8_t priority = kPriorityNormal;
  std::int64_t expires_ms = 0;
  std::string key;
  KeyPlace place;
  std::string once;

  std::uint8_t band() const { return band_of(priority, key); }
  static StoredMessage copy(const MessageView& view);
  MessageView view() const;
  // What redriving makes of a dead letter: fresh counts, the end of its key's order, and no ttl, or
  // it would be in vain.
  void renew();
};

struct Parcel {
  std::string queue;
  std::string type;
  Content content = Content::kBytes;
  MessageId first_id;
  std::int64_t due_ms = 0;          // Unix milliseconds; 0 is now
  std::vector<std::uint32_t> ends;  // end of each frame in `frames`
  std::string frames;
  std::uint8_t priority = kPriorityNormal;
  std::int64_t expires_ms = 0;          // Unix milliseconds; 0: never
  std::uint8_t band = kPriorityNormal;  // of all its messages
  bool has_once = false;                // some have dedup ids
  bool is_loose = false;                // of several calls: a part of it may be stored
  // What to do about a duplicate: nothing more, or its receipt fails.
  enum class OnDuplicate : std::uint8_t { kReturn, kSkip, kRaise };
  OnDuplicate on_duplicate = OnDuplicate::kReturn;

  std::uint32_t count() const { return static_cast<std::uint32_t>(ends.size()); }
  std::size_t bytes() const { return frames.size(); }
  // Makes room for `count` messages of `bytes` in all, and for the trailer of a block of many.
  // REQUIRES: nothing was added yet.
  void reserve(std::size_t count, std::size_t bytes);
  // Appends one message. `headers` is JSON text or empty. REQUIRES: the key is of the band.
  void add(std::string_view body, std::string_view headers = {}, std::string_view key = {},
           std::string_view once = {});
  // Appends one message that has lived before: its counts, history and first time come along.
  void add(const MessageView& message);
  // The message at `index`; views point into this parcel.
  MessageView view(std::uint32_t index) const;
  // Takes the messages from `from` on out, as a parcel of their own. REQUIRES: 0 < from < count().
  Parcel cut(std::uint32_t from);
  // An empty parcel for messages like this one, whose id is its first.
  static Parcel like(const MessageView& message);
  // Whether the messages of `next`, were they behind these, would be told of in the same words.
  bool is_like(const Parcel& next) const;
};

// Checks a queue's name: 1 to 255 bytes of UTF-8, no control or direction characters, no leading or
// trailing space, no part between slashes that is "." or "..". Throws kConfigInvalid naming what is
// wrong. The one validator.
void validate_queue_name(std::string_view name);

// Draws `count` consecutive ids, the first of which is returned. Lock-free; any thread. Rising in a
// process, also when the clock steps back; other random bits after a fork.
MessageId draw_ids(std::uint64_t count, std::int64_t wall_ms);

}  // namespace msgq
