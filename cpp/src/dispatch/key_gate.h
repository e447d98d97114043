// START HERE for keys in a process. Of the messages in its hands it lets one of a key out at a
// time, in the order of the key: the others wait here, until what is before them is decided. Where
// that fails, they go behind it: parked in the store, and back in order (transport/memory/keys.h).
// Where one goes back to the store with its claim, so do those behind it. The store sees to it that
// all in hand of a key is in one process.
//
// Nothing overtakes what is leaving. A claim waits only for claims that came before it: what waits
// when a message of its key goes back goes along, or two claims could wait for one another.
//
// Threads: any. One mutex, held for a fraction of a microsecond a message. What a call moves is
// told in Moves, for the caller to pass on without the mutex.
#pragma once

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "msgq/delivery.h"
#include "transport/held.h"

namespace msgq {

class KeyGate {
  struct Entry;

 public:
  struct Ref {
    HeldPtr held;
    std::uint32_t ordinal = 0;
  };
  // Where messages leave the gate: a channel of a worker, or the raw claims of a queue. REQUIRES:
  // withdraw() comes before its end.
  class Outlet : public std::enable_shared_from_this<Outlet> {
   public:
    // How many messages take() has at once; and how many wait, these included.
    std::uint32_t ready() const { return ready_.load(std::memory_order_acquire); }
    std::uint32_t waiting() const { return waiting_.load(std::memory_order_acquire); }
    // Called when there is something; and when a message that was admitted will not come out.
    std::function<void()> on_ready;
    std::function<void(const Ref&)> on_gone;

   private:
    friend class KeyGate;
    void note_queue() {
      ready_.store(static_cast<std::uint32_t>(queue_.size()), std::memory_order_release);
    }
    std::deque<Entry*> queue_;
    // atomic: hints for those who do not have the mutex
    std::atomic<std::uint32_t> ready_{0}, waiting_{0};
  };
  using OutletPtr = std::shared_ptr<Outlet>;
  struct Moves {
    std::vector<Ref> behind;                      // to be parked behind others of their key
    std::vector<Ref> back;                        // to be given back to the store
    std::vector<std::pair<OutletPtr, Ref>> gone;  // waited for an outlet, and do no more
    std::vector<OutletPtr> fed;                   // have something to take
  };
  struct Decided {
    Ref what;
    Verdict verdict = Verdict::kAck;
  };

  // Whether there were ever messages with keys.
  bool is_in_use() const { return is_in_use_.load(std::memory_order_acquire); }

  // Messages of a claim come in, in the order of the claim. False: it leaves at once.
  bool admit(const Ref& what, Outlet& outlet, Moves& moves);
  // Moves up to `count_max` messages, each of another key, to `out`; how many. They are in hand
  // until they are decided.
  std::uint32_t take(Outlet& outlet, std::uint32_t count_max, std::vector<Span>& out);
  // Nobody will take from this outlet any more: what waits for it goes back, told in `out`.
  void withdraw(Outlet& outlet, std::vector<Span>& out, Moves& moves);
  // What was taken is decided. Where it is to be parked, what waits of its key goes behind it: of
  // its own claim in the same decision, told in `moves`; the rest when it has landed, for the claim
  // may turn out to be lost.
  void decide(const std::vector<Decided>& decided, Moves& moves);
  // What was taken, or never came in, goes back with its claim, and what waits behind it with its
  // own.
  void give_back(const std::vector<Span>& spans, Moves& moves);
  // Such a message was parked, or is lost with its claim.
  void landed(const HeldPtr& held, std::uint32_t ordinal, Moves& moves);
  // The lease of a claim is over. It may still be settled; until it is known to be lost, or its
  // messages come again, nothing overtakes them.
  void lapsed(const HeldPtr& held, Moves& moves);
  // The claim has ended, and messages of it have gone back; or it was lost.
  void ended(const HeldPtr& held, Moves& moves);

 private:
  struct Waiting {
    KeyPlace place;
    Ref what;
    Outlet* outlet;
  };
  // On its way into the store: to be parked, or going back with its claim.
  struct Leaving {
    Ref what;
    bool is_parked = false;  // otherwise it goes back
    bool is_lapsed = false;  // in somebody's hands, who may still decide
  };
  struct KeyId {
    std::uint64_t subscription = 0, hash = 0;
    bool operator==(const KeyId&) const = default;
  };
  struct Hasher {
    std::size_t operator()(const KeyId& id) const { return id.hash ^ (id.subscription << 32); }
  };
  // A key of which something is in hand or on its way into the store.
  struct Entry {
    KeyId id;
    Ref taken;  // held is null: none is
    std::map<KeyPlace, Leaving> leaving;
    std::list<Waiting> waiting;  // in the order of the key
    Outlet* queued_at = nullptr;

    // Whether the first that waits may go.
    bool is_free() const {
      return taken.held == nullptr && !waiting.empty() &&
             (leaving.empty() || waiting.front().place < leaving.begin()->first);
    }
    // Whether something before a place goes back: parked, what comes behind it would overtake it.
    bool goes_back_before(const KeyPlace& place) const {
      return std::any_of(leaving.begin(), leaving.lower_bound(place),
                         [](const auto& each) { return !each.second.is_parked; });
    }
    bool is_idle() const { return taken.held == nullptr && leaving.empty() && waiting.empty(); }
  };
  using Entries = std::unordered_map<KeyId, Entry, Hasher>;

  static KeyId id_of(const Ref& what) {
    return {what.held->claim.key.subscription, what.held->hashes[what.ordinal]};
  }
  static KeyPlace place_of(const Ref& what) { return what.held->place(what.ordinal); }
  Entry* find(const Ref& what) MSGQ_REQUIRES(mutex_);
  void look(Entry& entry, Moves& moves) MSGQ_REQUIRES(mutex_);
  static std::list<Waiting>::iterator drop(Entry& entry, std::list<Waiting>::iterator each,
                                           Moves& moves);
  void send(Entry& entry, const KeyPlace& behind, std::vector<Ref>& out, Moves& moves,
            const HeldPtr& only = nullptr) MSGQ_REQUIRES(mutex_);
  void turn_back(Entry& entry, const Ref& what, Moves& moves) MSGQ_REQUIRES(mutex_);
  void decide_one(const Decided& decided, Moves& moves) MSGQ_REQUIRES(mutex_);
  void give_back_one(const Ref& what, Moves& moves) MSGQ_REQUIRES(mutex_);
  void lapse_one(const Ref& what, Moves& moves) MSGQ_REQUIRES(mutex_);
  void end_one(const Ref& what, Moves& moves) MSGQ_REQUIRES(mutex_);

  std::atomic<bool> is_in_use_{false};
  Mutex mutex_;
  Entries entries_ MSGQ_GUARDED_BY(mutex_);
};

}  // namespace msgq
