// The interface behind which messages live. A Transport is opened once per engine; a Session is one
// connection that does the writing: everything that queued since the last time goes into ONE
// exchange, in the order settle, append, park, promote, claim, so that a claim sees what was
// appended and settled with it. On SQLite an exchange is one transaction; a store with several
// writers may split it into pipelined ones, each with its own answer.
//
// Threads: a Session belongs to one thread at a time. Look is safe from any thread and blocks
// nobody.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bitmap.h"
#include "base/clock.h"
#include "msgq/config.h"
#include "msgq/delivery.h"
#include "msgq/error.h"
#include "msgq/message.h"
#include "msgq/queue_settings.h"
#include "msgq/stats.h"
#include "msgq/subscription.h"
#include "transport/block.h"
#include "transport/capability.h"

namespace msgq::transport {

// Names one claim row. `gen` is the fence: drawn under the lane's lock, never used twice.
struct ClaimKey {
  std::uint64_t subscription = 0;
  std::uint64_t lane = 0;
  std::uint64_t gen = 0;
  std::uint64_t owner = 0;
  auto operator<=>(const ClaimKey&) const = default;
};

struct Append {
  std::string queue;
  BlockPtr block;
  std::uint8_t band = kPriorityNormal;  // of all its messages
};

// One message to be held back as a row of its own: delayed by its producer.
struct Park {
  std::string queue;
  std::int64_t due_ms = 0;
  StoredMessage message;
};

// What became of some messages of one claim. Ordinals count the claim's messages from 0, across its
// blocks. `done` is cumulative: every ordinal decided so far, earlier settles included.
struct SettleOrder {
  // kBehind: others of its key that come before it are parked; nothing is counted.
  enum class Return : std::uint8_t { kRetry, kSnooze, kBehind };
  struct Back {  // goes to parked, leaves the claim
    Return kind = Return::kRetry;
    std::int64_t due_ms = 0;  // kHeldBack: when those before it have gone
    StoredMessage message;    // counts and history already brought up to date
    // kBehind, the first parked of its key: it waits for the decision on the message of the key
    // that stands here, in hand and never parked. seq 0: for none.
    KeyPlace waits_for = {};
  };
  struct Dead {
    std::string reason;
    StoredMessage message;
  };
  ClaimKey claim;
  bool is_whole = false;  // everything decided: the claim ends
  bool gives_back =
      false;  // the claim ends; what is not done is claimable again, attempt not counted
  bool has_acks = false;  // users' own transactions may have acknowledged some of it
  // Nothing of the exchange happens when the claim is lost: ClaimLost.
  bool is_required = false;
  Bitmap done;
  std::uint32_t acked = 0;    // newly, in this order
  std::uint32_t expired = 0;  // newly; they were not run
  std::vector<Back> backs;
  std::vector<Dead> deads;
  // Of each that is newly decided and that parked ones wait for: of a claim of returned messages,
  // or ahead.
  std::vector<std::uint64_t> keys;
  std::vector<MessageId> releases;  // their dedup ids are forgotten, unless the claim is lost
};

// The due time of a parked message that waits for those before it of its key: year 9999.
constexpr std::int64_t kHeldBack = 253'402'300'799'000;

// So many parked messages of a key come back at once: when one of them fails again, those behind
// it all go back, and a long queue behind a key that often fails must not move at each failure.
constexpr std::uint32_t kKeyChunkMax = 32;

// These messages of a claim are about to be run, and their dedup ids forgotten. Nothing of it when
// the claim was lost meanwhile.
struct StartOrder {
  ClaimKey claim;
  std::vector<MessageId> messages;
};

struct ExtendOrder {
  ClaimKey claim;
  std::int64_t until_ms = 0;  // boot clock of the store's host
};

// One message of a claim, named to be acknowledged in a transaction of the user's own.
struct AckPlace {
  ClaimKey claim;
  std::uint32_t ordinal = 0;
};

// Wish for up to `count_max` messages of a queue. At least one is given when there is any, and a
// block is not cut when what is left of it fits in 1.5 x count_max.
struct ClaimWish {
  std::string queue;
  std::uint32_t count_max = 1;
  std::uint64_t bytes_max = 0;
  std::int64_t lease_ms = 0;
  // Nothing else is in this process's hands: a message suspected of killing its worker may be
  // given, alone. Otherwise suspects are only reported (suspects_waiting).
  bool may_take_suspect = false;
  // Takes only what the wish before it left of its own count_max: several queues share one room.
  bool continues = false;
  // Not one more than count_max, even where that would spare the cut of a block.
  bool is_exact = false;
};

struct BlockPart {
  BlockPtr block;
  std::uint32_t first = 0;  // index in the block
  std::uint32_t count = 0;
  std::uint64_t seq = 0;  // of the block in its lane
};

struct Claimed {
  ClaimKey key;
  std::string queue;
  std::uint32_t attempt = 1;  // of this range: claims of it so far, this one included
  std::uint32_t crashes = 0;  // of a suspect running alone
  bool is_suspect = false;
  std::int64_t until_ms = 0;     // boot clock
  std::vector<BlockPart> parts;  // ordinals run through them in order
  Bitmap done;                   // ordinals that are no longer to be run
  // Of a lane of keys: messages in order, in no other process's hands meanwhile.
  bool is_keyed = false;
  bool is_returned = false;  // they were parked before
  Bitmap away;   // ordinals of which a message of the same key that comes before is parked
  Bitmap ahead;  // ordinals that parked ones wait for, as they were in hand when those went behind

  std::uint32_t count() const {
    std::uint32_t total = 0;
    for (const auto& part : parts) total += part.count;
    return total;
  }
};

// Messages of which none may be a duplicate, or nothing of the exchange happens: DuplicateRefused.
struct Strict {
  std::size_t first = 0;  // a number, as of Duplicate
  std::uint32_t count = 0;
  bool refuses_same = false;  // also one of the same body
};

struct Exchange {
  std::vector<SettleOrder> settles;
  std::vector<ExtendOrder> extends;
  std::vector<Append> appends;
  std::vector<Park> parks;
  std::vector<Strict> stricts;
  std::vector<StartOrder> starts;
  std::uint32_t promote_max = 0;  // > 0: move so many due parked messages back into lanes
  bool reclaims = false;          // look for dead processes and lapsed leases
  // Which messages of these claims did users' committed transactions acknowledge?
  std::vector<ClaimKey> ack_looks;
  std::vector<ClaimWish> claims;
  // Nobody has said that there is work: a store to which looking is dear may look less often for
  // chores, and ask first whether claims would get anything.
  bool is_poll = false;

  bool empty() const {
    return settles.empty() && extends.empty() && appends.empty() && parks.empty() &&
           starts.empty() && promote_max == 0 && !reclaims && ack_looks.empty() && claims.empty();
  }
};

// A message that was not stored: one of its dedup id was.
struct Duplicate {
  std::size_t number = 0;  // of the message among all of the exchange's appends, parks behind them
  MessageId earlier;
  bool is_same = true;  // they have one body
};

struct ClaimAnswer {
  std::vector<Claimed> claims;
  bool has_more = false;          // there is more to claim now
  bool suspects_waiting = false;  // suspects there are; see ClaimWish::may_take_suspect
  bool was_passed_over = false;   // nothing was got, but only because another process was claiming
};

struct ExchangeResult {
  std::vector<bool> settle_lost;  // per settle: the claim was no longer open; nothing changed
  std::vector<bool> extend_lost;
  std::vector<Duplicate> duplicates;              // by number
  std::vector<std::vector<std::uint32_t>> acked;  // per look at acks: ordinals
  std::uint32_t promoted = 0;
  std::uint32_t reclaimed = 0;      // claims found dead or lapsed
  std::int64_t next_due_ms = 0;     // earliest parked message, Unix ms; 0: none known
  std::vector<ClaimAnswer> claims;  // per wish
  Nanos waited{0};                  // for other processes' turns
};

// A queue holds as many messages as it may: certainly nothing happened, and what is said of it here
// is what the store knew then.
class QueueFull final : public Error {
 public:
  QueueFull(std::string name, std::uint64_t held, const QueueSettings& settings,
            std::vector<Duplicate> duplicates = {});

  const std::string queue;
  const std::uint64_t room;  // so many messages more would have fitted
  const QueueSettings settings;
  const std::vector<Duplicate> duplicates;  // in the exchange, by number: they need no room
};

// The claim of a required settle was no longer open: certainly nothing happened.
class ClaimLost final : public Error {
 public:
  explicit ClaimLost(std::size_t number);

  const std::size_t settle;  // of the exchange
};

// One of its strict messages is a duplicate: certainly nothing happened.
class DuplicateRefused final : public Error {
 public:
  DuplicateRefused(const Duplicate& duplicate, std::string_view id, bool refuses_same);

  const std::size_t number;  // as of Duplicate
};

class Session {
 public:
  virtual ~Session() = default;
  // Does all of it. An exchange that finds nothing to change costs no write and no flush: idle
  // polls (claims, promote, reclaim) must be cheap reads that wait for nobody. Throws:
  //   kStoreUnavailable, kStoreFull  certainly nothing happened; the same exchange may come again
  //   kStoreRejected, kPayloadInvalid  certainly nothing happened; coming again will not help
  //   kStoreInDoubt   unknown; ask resolve(). Nothing else may be exchanged before.
  //   kSchemaMismatch, kNotFound (strict queue)
  //   kQueueFull, as QueueFull: an append or park is more than its queue may hold
  //   kLeaseLost, as ClaimLost; kDuplicate and kDedupConflict, as DuplicateRefused
  virtual void exchange(const Exchange& in, ExchangeResult& out) = 0;
  // Sends the exchange, when for that it need not wait; exchange() of the same one is due next, and
  // waits for the answer. False: nothing was sent. What goes wrong is told by exchange().
  virtual bool begin(const Exchange&) { return false; }
  // Between the two: whether the answer has come, within `most`.
  virtual bool await(Nanos) { return true; }
  // After kStoreInDoubt: fences the connection off and finds out (storage protocol, section 5).
  // True: the exchange happened; `out` holds its settle answers; claims it made but could not tell
  // of were given back uncounted. False: it did not happen and never will. Throws kStoreInDoubt
  // when it cannot be known now (call again), or kStoreRejected when the store must be reopened
  // first.
  virtual bool resolve(ExchangeResult& out) = 0;
  // Keeps house for at most `budget` (shrinking the file, checkpoints): called when idle. The
  // steady time at which it wants to be called again; zero: at once; kNever: nothing is left.
  virtual Nanos tidy(Nanos budget) = 0;
  // Leaves: claims still open lapse uncounted, the process is no more. Never throws.
  virtual void close() noexcept = 0;
};

// Looking and administering. Each call is a read, or a transaction of its own.
class Look {
 public:
  virtual ~Look() = default;
  virtual std::vector<std::string> queues() = 0;
  virtual std::vector<QueueDepth> depth() = 0;
  virtual std::vector<FoundMessage> peek(std::string_view queue, std::string_view after,
                                         std::uint32_t limit) = 0;
  virtual std::optional<FoundMessage> find(std::string_view queue, MessageId id) = 0;
  virtual std::vector<FoundMessage> dead(std::string_view queue, std::string_view after,
                                         std::uint32_t limit) = 0;
  virtual std::uint64_t redrive(std::string_view queue, const std::vector<MessageId>& ids) = 0;
  virtual std::uint64_t delete_dead(std::string_view queue, const std::vector<MessageId>& ids) = 0;
  // One transaction; how many letters of that id there were.
  virtual std::uint64_t edit_dead(std::string_view queue, const DeadEdit& edit) = 0;
  virtual std::uint64_t purge(std::string_view queue) = 0;
  // Calls parked messages off; those that are not parked, or no longer, are passed over. How many.
  virtual std::uint64_t cancel(std::string_view queue, const std::vector<MessageId>& ids) = 0;
  // Gives parked messages another due time, Unix ms; how many. kConfigInvalid, and nothing is
  // changed, when one would be over by then.
  virtual std::uint64_t reschedule(std::string_view queue, const std::vector<MessageId>& ids,
                                   std::int64_t due_ms) = 0;
  virtual QueueSettings settings(std::string_view queue) = 0;
  virtual void alter(std::string_view queue, const QueueChange& change) = 0;
  // With its subscriptions; or a subscription alone.
  virtual void delete_queue(std::string_view queue) = 0;
  // Gives a queue another name, and those of its subscriptions with it. What it holds stays, and
  // claims of it go on. Throws kConfigInvalid where a name is taken, or it is a subscription.
  virtual void rename_queue(std::string_view queue, std::string_view name) = 0;
  // Makes a subscription of a queue, which is made where there is none. False: it was there, and is
  // as it was. Throws kNotFound where `start` is no longer, or nowhere.
  virtual bool subscribe(std::string_view queue, std::string_view name, const Start& start) = 0;
  // Takes a subscription to another place: what it has in hand, parked or waiting is dropped, and
  // what is stored from there on waits. How many that are. Throws as subscribe().
  virtual std::uint64_t seek(std::string_view subscription, const Start& start) = 0;
  virtual void backup(const std::string& path) = 0;
  // Finds out what became of messages that users acknowledge in transactions of their own, and bars
  // the undecided ones from it: their outcome is now this process's. Blocks for about half a
  // second at most. kUnsupported where no transaction of a user's reaches the store.
  virtual std::vector<AckFate> bar(const std::vector<AckPlace>& places);
  virtual std::uint64_t store_bytes() = 0;
  virtual ConnectionFigures connections() = 0;
  // How old its answers may be; none: they are of now.
  virtual std::optional<std::int64_t> lag_ms() { return std::nullopt; }
};

// The message as the edit says, fit to be run again when it redrives.
void apply(const DeadEdit& edit, StoredMessage& message);

// Says that a subscription cannot begin there; what is still there begins at `oldest_ms`, 0:
// nothing is.
[[noreturn]] void refuse_start(std::string_view queue, const Start& start, std::int64_t oldest_ms);

// Says that nobody sends to a subscription; only to its queue.
[[noreturn]] void refuse_send(std::string_view subscription, std::string_view queue);

// Says that a subscription has its name from its queue.
[[noreturn]] void refuse_rename(std::string_view subscription);
// Says that no queue can get this name, as there is one.
[[noreturn]] void refuse_taken(std::string_view name);
// What a queue, or a subscription of it, is called when the queue's name is another: `its` begins
// with the present one. Throws kConfigInvalid where that is no name.
std::string renamed(std::string_view queue, std::string_view its, std::string_view name);

// Says that the queue, which is known, is no subscription.
[[noreturn]] void refuse_seek(std::string_view queue);

// Throws kConfigInvalid where a subscription is to get settings that only queues have: it is sent
// nothing, so nobody waits for room in it.
void check_change(std::string_view subscription, const QueueChange& change,
                  const QueueSettings& now);
// Says that nobody can subscribe to a subscription.
[[noreturn]] void refuse_subscribe(std::string_view subscription, std::string_view queue);

// Says that a parked message would be over, Unix ms, at the due time that it was to get.
[[noreturn]] void refuse_due(MessageId id, std::int64_t expires_ms);

// A hint that there may be work. May be lost; correctness never depends on it.
class Wake {
 public:
  virtual ~Wake() = default;
  // Called by the thread in wait() when something may have come due, as parked messages do; room
  // or not. REQUIRES: set before the first wait().
  std::function<void()> on_due;
  // This process takes work from now on, and hears hints; kStoreRejected if it may not. Any thread.
  virtual void listen() {}
  // Tells every other process on this store. Any thread.
  virtual void hint() = 0;
  // Waits for a hint of another process, at most `timeout`. One thread.
  virtual bool wait(Nanos timeout) = 0;
  // Ends a wait() in this process, now and from now on.
  virtual void stop() = 0;
  // After stop(), and after every session was closed: this process is no longer on the store.
  virtual void leave() noexcept {}
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual const Capability& capability() const = 0;
  virtual std::unique_ptr<Session> open_session() = 0;
  virtual Look& look() = 0;
  // For figures and listings that may be some seconds old.
  virtual Look& reader() { return look(); }
  // By which a store that users' transactions reach is told from every other; else empty.
  virtual std::string store_name() { return {}; }
  virtual Wake* wake() = 0;  // nullptr: no other process can be on this store
  // What the store's clock says, by which messages expire, Unix ms; `here` is this machine's. Any
  // thread.
  virtual std::int64_t now_ms(Clock& here) const { return here.wall_ms(); }
  // The engine closes: after `most` nobody waits for an answer any more, and what was asked by then
  // is in doubt. Any thread.
  virtual void end_within(Nanos) {}
};

}  // namespace msgq::transport
