// START HERE. The engine: one object that bindings, tests and benchmarks hold. Producers enqueue
// parcels and get receipts; workers take lots and settle them; everybody may look.
//
// Threads: every method from any thread. Those marked "blocks" may wait; call them without the GIL
// and without holding a lock. After a fork the child's engine answers kClosed to everything.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "msgq/config.h"
#include "msgq/delivery.h"
#include "msgq/error.h"
#include "msgq/kept.h"
#include "msgq/message.h"
#include "msgq/queue_settings.h"
#include "msgq/receipt.h"
#include "msgq/stats.h"
#include "msgq/subscription.h"
#include "msgq/worker_spec.h"

namespace msgq {

class Engine {
 public:
  // Opens the store and starts the threads. Throws kConfigInvalid, kSchemaMismatch,
  // kStoreUnavailable, kStoreRejected; then nothing is left behind. Blocks.
  explicit Engine(Config config);
  ~Engine();  // closes without waiting; logs what was left
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // --- producers ---
  // Admits a parcel (its first_id is drawn here when nil). Returns a receipt, already settled as
  // dropped or failed when policy says so. Throws kQueueFull (policy raise, or block and time
  // over), kPayloadInvalid, kConfigInvalid (name), kNotFound (strict_queues), kClosed. Blocks only
  // when full.
  // `wait`: how long policy block blocks; the configured overflow_wait when absent.
  ReceiptPtr enqueue(Parcel parcel, std::optional<std::chrono::nanoseconds> wait = std::nullopt);
  // The same, never blocking: nullptr where enqueue would block (parcel left untouched). `works`:
  // the caller calls work() next, and nobody is woken for it.
  ReceiptPtr try_enqueue(Parcel& parcel, bool works = false);
  // Stores the messages of `own` in the calling thread when there are no others and nobody is at
  // it, or sees that somebody does. What it began is over after `most`, or goes on without it.
  // Blocks.
  void work(const Receipt& own, std::chrono::nanoseconds most);
  // As try_enqueue where that settles at once, without making a receipt: the first id of its
  // messages. Empty: nothing happened, as there is no room, or the store answers later.
  std::optional<MessageId> try_put(Parcel& parcel);
  // Waits at most `timeout` for the room that try_enqueue missed. Blocks.
  void wait_room(const Parcel& parcel, std::chrono::nanoseconds timeout);
  const Config& config() const;

  // --- several things as one ---
  // Keeps messages back until commit(); their ids are drawn. Throws as enqueue() does for what can
  // never be stored. Takes no room, does not block.
  KeptPtr keep(Parcel parcel);
  // Decisions on messages of one lot.
  struct Part {
    LotPtr lot;
    std::vector<Decision> decisions;
  };
  // Stores what is kept and settles what is decided, in one exchange or not at all; the receipt is
  // of all of it. Waits for room at most `wait`: kQueueFull, and nothing happened. A patient one is
  // tried for as long as its leases hold, else for enqueue_timeout. Blocks for room only.
  // REQUIRES: each kept one and each message at most once.
  ReceiptPtr commit(std::vector<Part> parts, const std::vector<KeptPtr>& kept,
                    std::chrono::nanoseconds wait, bool is_patient);

  // --- workers ---
  class Worker {  // opaque
   public:
    virtual ~Worker() = default;
  };
  using WorkerPtr = std::shared_ptr<Worker>;
  // Registers a worker; from now on messages are claimed for it. Throws kConfigInvalid, kClosed.
  WorkerPtr open_worker(WorkerSpec spec);
  // The next lot for one slot, or nullptr at the timeout, when stopping or closing. A lot holds
  // what its channel's slots lately finished in about 5 ms, at least one message. Throws why the
  // store was given up, once it was. Blocks.
  LotPtr take(const WorkerPtr& worker, std::chrono::nanoseconds timeout, bool is_async = false);
  // True once take() gives this worker nothing any more: it was stopped, or the engine is closed.
  bool is_stopped(const WorkerPtr& worker) const;
  // Tells `waker` (poke) whenever an async channel of the worker may have something to take.
  void watch(const WorkerPtr& worker, std::shared_ptr<Waker> waker);
  // Settles a lot: every message not named is acknowledged. Returns at once; the writer makes it
  // durable. A lost lease is counted, not raised. REQUIRES: each lot or index at most once.
  void settle(const LotPtr& lot, std::vector<Decision> decisions);
  // Settles part of an async lot: only the named ones. `again`: of a commit() that failed.
  void settle_some(const LotPtr& lot, std::vector<Decision> decisions, bool again = false);
  // Stops claiming for it. Deliveries not yet taken go back unspent, within a flush. Taken ones may
  // still be settled. Does not wait.
  void stop_worker(const WorkerPtr& worker);
  // Gives a lot (or what is left of it) back unspent: no attempt counted.
  void give_back(const LotPtr& lot);

  // --- raw claims ---
  // Begins to wait for up to `count` messages under a lease of `lease` that nobody renews. The
  // store is given the time for one answer (5 s at most), however short `wait` is. Throws kClosed.
  std::unique_ptr<ClaimWait> begin_claim(std::string_view queue, std::uint32_t count,
                                         std::chrono::nanoseconds wait,
                                         std::chrono::milliseconds lease);
  // Waits for it at once: nullptr when none came. Throws kClosed, kNotFound. Blocks.
  LotPtr claim(std::string_view queue, std::uint32_t count, std::chrono::nanoseconds wait,
               std::chrono::milliseconds lease);
  // Settles the named messages and answers durably: the receipt is persisted, or failed with
  // kLeaseLost (nothing changed).
  ReceiptPtr settle_now(const LotPtr& lot, std::vector<Decision> decisions);
  // Moves the lease's end to `lease` from now. Receipt as above.
  ReceiptPtr extend(const LotPtr& lot, std::chrono::milliseconds lease);

  // --- acknowledging in a transaction of the user's own (PostgreSQL) ---
  // What names a message there: subscription, lane, number and owner of its claim, its place in it.
  struct AckName {
    std::uint64_t subscription = 0, lane = 0, gen = 0, owner = 0;
    std::uint32_t ordinal = 0;
  };
  // Throws kLeaseLost once the message was decided, or its lease is known to be lost.
  AckName begin_ack(const LotPtr& lot, std::uint32_t index);
  // Settles a message of a raw claim once such a transaction is seen to be committed.
  void await_ack(const LotPtr& lot, std::uint32_t index);
  // What became of messages for which begin_ack() was called. Blocks for about half a
  // second at most. Throws kStoreUnavailable: nobody knows.
  std::vector<AckFate> bar(const LotPtr& lot, const std::vector<std::uint32_t>& indexes);

  // --- looking and administering: each blocks for a read or a transaction of its own ---
  // By which a store that users' transactions reach is told from every other; empty elsewhere.
  std::string store_name();
  // What the store holds of each queue; alone it is quicker than stats().
  std::vector<QueueDepth> depth();
  // When `is_fresh` no replica is asked.
  Snapshot stats(bool with_depth = true, bool is_fresh = false);
  // Whether some parked message is due and did not go back into its queue yet, as far as this
  // engine knows.
  bool has_due() const;
  std::vector<std::string> queues();
  // Messages of a queue without claiming them, oldest first, behind `after` (a cursor, or empty).
  std::vector<FoundMessage> peek(std::string_view queue, std::string_view after,
                                 std::uint32_t limit);
  std::optional<FoundMessage> find(std::string_view queue, MessageId id);
  // Dead letters of a queue (all queues when empty), newest last, behind `after`.
  std::vector<FoundMessage> dead(std::string_view queue, std::string_view after,
                                 std::uint32_t limit);
  // Sends dead letters again with fresh counts; all of the queue when `ids` is empty. How many.
  std::uint64_t redrive(std::string_view queue, const std::vector<MessageId>& ids);
  std::uint64_t delete_dead(std::string_view queue, const std::vector<MessageId>& ids);
  // Changes a dead letter, all of it at once or nothing; 0 when there is none of that id.
  std::uint64_t edit_dead(std::string_view queue, const DeadEdit& edit);
  // Removes every waiting and parked message; lapses open claims. How many.
  std::uint64_t purge(std::string_view queue);
  // Calls parked messages off for good; those that are not parked, or no longer, are passed over.
  // How many.
  std::uint64_t cancel(std::string_view queue, const std::vector<MessageId>& ids);
  // Gives parked messages another due time, Unix ms. How many.
  std::uint64_t reschedule(std::string_view queue, const std::vector<MessageId>& ids,
                           std::int64_t due_ms);
  // What is set of a queue. kNotFound when there is none, as alter() unless it creates.
  QueueSettings settings(std::string_view queue);
  // Changes that, for all processes. kConfigInvalid, and nothing is changed, for what is out of
  // range.
  void alter(std::string_view queue, const QueueChange& change);
  // Removes the queue and all it holds. kNotFound when there is none.
  void delete_queue(std::string_view queue);
  // Gives it another name, and those of its subscriptions with it; what it holds stays, and claims
  // of it go on. kNotFound; kConfigInvalid where a name is taken, or it is a subscription.
  void rename_queue(std::string_view queue, std::string_view name);
  // Makes a subscription of a queue. False: it was there, and is as it was. Throws kNotFound where
  // `start` is no longer, or nowhere.
  bool subscribe(std::string_view queue, std::string_view name, const Start& start);
  // Takes a subscription (`queue@name`) to another place: what it has in hand, parked or waiting is
  // dropped, and what was stored from there on comes again. How many that are. Throws as
  // subscribe(), and kConfigInvalid for a queue.
  std::uint64_t seek(std::string_view subscription, const Start& start);
  // Copies the store to a new file while running. kUnsupported for memory.
  void backup(const std::string& path);

  // Log records since the last call, as (level 10..50, text); bounded, oldest dropped.
  std::vector<std::pair<int, std::string>> drain_log();

  // Stops in the order of the road: no new enqueues, no claims, waits up to `timeout` for receipts
  // and settles, gives unstarted work back. False when something was left. Safe twice. Blocks.
  bool close(std::chrono::nanoseconds timeout);
  bool is_closed() const;
  // Why the store was given up and nothing goes any more; empty while all is well.
  std::optional<Error> failure();

 private:
  friend struct EngineParts;  // tests hand over their own world and transport
  struct Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace msgq
