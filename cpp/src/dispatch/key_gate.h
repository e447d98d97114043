// START HERE for keys in a process. Of the messages in its hands it lets one of a key out at a
// time, or some in a row to one slot, in the order of the key: the others wait here, until what is
// before them is decided. Where
// that fails, they go behind it: parked in the store, and back in order (transport/memory/keys.h).
// Where one goes back to the store with its claim, so do those behind it. The store sees to it that
// all in hand of a key is in one process.
//
// A slow key is not waited for with full hands: where too much waits for it, that is shed, parked
// in the store behind the one in hand, and comes back when that is decided (shed()).
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
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
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
    // How many wait for others of their keys and never came back: those that may be shed. What came
    // back is one chunk of its key, and stays.
    std::uint32_t fresh_blocked() const {
      return std::min(blocked(), waiting() - std::min(waiting(), returned()));
    }
    std::uint32_t blocked() const {
      const std::uint32_t all = waiting(), free = ready();
      return all > free ? all - free : 0;
    }
    // Called when there is something; and when a message that was admitted will not come out.
    std::function<void()> on_ready;
    std::function<void(const Ref&)> on_gone;

   private:
    friend class KeyGate;
    void note_queue() {
      ready_.store(static_cast<std::uint32_t>(queue_.size()), std::memory_order_release);
    }
    std::uint32_t returned() const { return returned_.load(std::memory_order_acquire); }
    // One more waits, or one less.
    void note(const Ref& what, bool is_more) {
      const std::uint32_t change = is_more ? 1 : ~std::uint32_t{0};
      waiting_.fetch_add(change, std::memory_order_acq_rel);
      if (what.held->claim.is_returned) returned_.fetch_add(change, std::memory_order_acq_rel);
    }
    std::deque<Entry*> queue_;
    // atomic: hints for those who do not have the mutex
    std::atomic<std::uint32_t> ready_{0}, waiting_{0}, returned_{0};
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

  explicit KeyGate(Clock& clock = system_clock()) : clock_(clock) {}

  // Where so many messages wait for others of their keys, slow keys are to be shed.
  std::uint32_t waiting_max() const { return waiting_max_; }
  // REQUIRES: nothing was admitted yet.
  void test_only_limit(std::uint32_t waiting_max, Nanos slow) {
    waiting_max_ = waiting_max;
    slow_ = slow;
  }
  // Whether there were ever messages with keys.
  bool is_in_use() const { return is_in_use_.load(std::memory_order_acquire); }

  // Messages of a claim come in, in the order of the claim. False: it leaves at once.
  bool admit(const Ref& what, Outlet& outlet, Moves& moves);
  // Moves up to `count_max` messages, each of another key, to `out`; how many. They are in hand
  // until they are decided. With `in_rows` of each key as many of one claim as are its share, for
  // somebody who runs them one after the other: none when one before it is to be tried again.
  std::uint32_t take(Outlet& outlet, std::uint32_t count_max, std::vector<Span>& out,
                     bool in_rows = false);
  // Nobody will take from this outlet any more: what waits for it goes back, told in `out`.
  void withdraw(Outlet& outlet, std::vector<Span>& out, Moves& moves);
  // What waits for this outlet and would for longer than a key may take: all of it behind the one
  // in hand, or behind the first, is shed, to be parked with the next exchange. Not what came back,
  // or it would go to and fro.
  void shed(Outlet& outlet, std::vector<Shed>& out, Moves& moves);
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
  // What was taken of a key and is not decided, of one claim.
  struct Hand {
    HeldPtr held;
    std::vector<std::uint32_t> ordinals;  // in the order of the key; from `first` on
    std::size_t first = 0;

    bool empty() const { return first == ordinals.size(); }
    bool has(const Ref& what) const {
      return !empty() && what.held == held &&
             (what.ordinal == ordinals[first] ||
              std::find(ordinals.begin() + static_cast<std::ptrdiff_t>(first), ordinals.end(),
                        what.ordinal) != ordinals.end());
    }
    void add(Ref what) {
      if (empty()) {
        ordinals.clear();
        first = 0;
        held = std::move(what.held);
      }
      ordinals.push_back(what.ordinal);
    }
    // False: it was not in it.
    bool drop(const Ref& what) {
      if (!has(what)) return false;
      if (what.ordinal == ordinals[first])
        ++first;
      else
        std::erase(ordinals, what.ordinal);
      if (empty()) held = nullptr;
      return true;
    }
  };
  // A key of which something is in hand or on its way into the store.
  struct Entry {
    KeyId id;
    Hand taken;
    std::map<KeyPlace, Leaving> leaving;
    std::deque<Waiting> waiting;  // in the order of the key
    Outlet* queued_at = nullptr;
    Nanos taken_at{0};
    std::int64_t pace_ns = 0;  // lately of a message in hand

    // Whether nothing on its way into the store is before the first that waits.
    bool is_next_free() const {
      return leaving.empty() || waiting.front().place < leaving.begin()->first;
    }
    // Whether the first that waits may go.
    bool is_free() const { return taken.empty() && !waiting.empty() && is_next_free(); }
    // One of those in hand is decided: what each of them took.
    void note_pace(Nanos now) {
      const auto count = static_cast<std::int64_t>(taken.ordinals.size());
      const std::int64_t took_ns = (now - taken_at).count() / std::max<std::int64_t>(count, 1);
      if (taken.first == 0) pace_ns = pace_ns == 0 ? took_ns : (pace_ns + took_ns) / 2;
    }
    // Whether something before a place goes back: parked, what comes behind it would overtake it.
    bool goes_back_before(const KeyPlace& place) const {
      return std::any_of(leaving.begin(), leaving.lower_bound(place),
                         [](const auto& each) { return !each.second.is_parked; });
    }
    // How long the last that waits is likely to, at least.
    Nanos wait(Nanos now) const {
      const Nanos age = taken.empty() ? Nanos::zero() : now - taken_at;
      return age + Nanos(pace_ns * static_cast<std::int64_t>(waiting.size()));
    }
    bool is_idle() const { return taken.empty() && leaving.empty() && waiting.empty(); }
  };
  using Entries = std::unordered_map<KeyId, Entry, Hasher>;

  static KeyId id_of(const Ref& what) {
    return {what.held->claim.key.subscription, what.held->hashes[what.ordinal]};
  }
  static KeyPlace place_of(const Ref& what) { return what.held->place(what.ordinal); }
  Entry* find(const Ref& what) MSGQ_REQUIRES(mutex_);
  void look(Entry& entry, Moves& moves) MSGQ_REQUIRES(mutex_);
  static std::deque<Waiting>::iterator drop(Entry& entry, std::deque<Waiting>::iterator each,
                                            Moves& moves);
  static std::uint32_t take_row(Entry& entry, std::uint32_t most, std::vector<Span>& out);
  void shed_one(Entry& entry, std::vector<Shed>& out, Moves& moves) MSGQ_REQUIRES(mutex_);
  void send(Entry& entry, const KeyPlace& behind, std::vector<Ref>& out, Moves& moves,
            const HeldPtr& only = nullptr) MSGQ_REQUIRES(mutex_);
  void turn_back(Entry& entry, const Ref& what, Moves& moves) MSGQ_REQUIRES(mutex_);
  void decide_one(const Decided& decided, Nanos now, Moves& moves) MSGQ_REQUIRES(mutex_);
  void give_back_one(const Ref& what, Moves& moves) MSGQ_REQUIRES(mutex_);
  void lapse_one(const Ref& what, Moves& moves) MSGQ_REQUIRES(mutex_);
  void end_one(const Ref& what, Moves& moves) MSGQ_REQUIRES(mutex_);

  // fixed after construction
  Clock& clock_;
  std::uint32_t waiting_max_ = 1'000;
  Nanos slow_ = std::chrono::seconds(1);
  std::atomic<bool> is_in_use_{false};
  Mutex mutex_;
  Entries entries_ MSGQ_GUARDED_BY(mutex_);
};

}  // namespace msgq
