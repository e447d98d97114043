// What a correct store holds after each exchange: the reference that the simulator's history is
// checked against, message by message. The first thing that differs is kept as the violation.
//
// Threads: one. Messages are known by their number, which is their body.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "support/fake_clock.h"
#include "transport/transport.h"

namespace msgq::sim {

using transport::Claimed;
using transport::Exchange;
using transport::ExchangeResult;
using transport::SettleOrder;

enum class MessageState : std::uint8_t {
  kUnsent,
  kWaiting,
  kLeased,
  kParked,
  kDone,
  kDead,
  kPurged
};

struct ModelMessage {
  std::uint32_t queue = 0;
  bool is_poison = false;
  MessageId id;
  MessageState state = MessageState::kUnsent;
  bool has_failed = false;    // its producer was told that it is certainly not stored
  std::uint64_t gen = 0;      // of the claim it is in
  std::uint32_t counted = 0;  // deliveries, given-back ones excepted
  std::uint32_t crashes = 0;  // while it was alone, since it was last redriven
  // Of a message with a key: which of the queue's keys, and how it stands in the key's order.
  std::uint32_t key = 0;      // 0: none
  std::uint64_t order = 0;    // by when it was stored, or redriven
  std::uint64_t died = 0;     // order of deaths
  std::int64_t due_ms = 0;    // when it is parked
  bool is_completed = false;  // a handler said so before anybody else was given it
};

enum class Seen : std::uint8_t { kNo, kRunning, kAck, kRetry, kSnooze, kReject, kReturned };

struct ModelClaim {
  transport::ClaimKey key;
  std::uint64_t gen = 0;
  std::uint32_t process = 0;
  std::vector<std::uint32_t> messages;  // by ordinal
  std::vector<KeyPlace> places;
  std::vector<bool> decided;
  std::vector<Seen> seen;  // what a handler of that process did with it
  std::int64_t until_ms = 0;
  bool is_suspect = false;
  bool is_returned = false;
  bool is_open = true;
};

// For how many decisions the parked messages of a key wait; and for which of a message in hand.
struct Waits {
  std::uint32_t count = 0;
  KeyPlace in_hand;
};

// How often the rare things happened: a simulator that never meets them proves nothing about them.
struct Tally {
  std::uint64_t lost_settles = 0;
  std::uint64_t lapses = 0;       // by the lease's end
  std::uint64_t deaths = 0;       // claims of dead processes
  std::uint64_t suspects = 0;     // claims of one alone
  std::uint64_t worker_lost = 0;  // dead letters of poison
  std::uint64_t given_back = 0;   // claims
  std::uint64_t extends = 0;
  std::uint64_t promoted = 0;
  std::uint64_t redriven = 0;
  std::uint64_t purged = 0;
  std::uint64_t keyed = 0;   // deliveries of messages with keys
  std::uint64_t behind = 0;  // went behind others of their key
  std::uint64_t shed = 0;    // of them, behind such as were in hand

  Tally& operator+=(const Tally& other);
};

class Model {
 public:
  Model(test::FakeClock& clock, std::uint32_t queue_count, std::uint32_t crashes_max)
      : clock_(clock), queue_count_(queue_count), crashes_max_(crashes_max) {}

  // Empty while all is well.
  const std::string& violation() const { return violation_; }
  void violate(const std::string& text);

  // --- producers ---
  std::uint32_t add_message(std::uint32_t queue, bool is_poison, std::uint32_t key = 0);
  ModelMessage& message(std::uint32_t number) { return messages_.at(number); }
  std::uint32_t message_count() const { return static_cast<std::uint32_t>(messages_.size()); }
  void acknowledged(std::uint32_t number);  // receipt persisted
  void failed(std::uint32_t number);        // receipt failed: certainly not stored

  // --- handlers ---
  void delivered(std::uint32_t process, std::uint32_t number, std::uint64_t gen,
                 std::uint32_t attempt);
  void decided(std::uint64_t gen, std::uint32_t number, Seen verdict);

  // --- the border of the store ---
  void committed(std::uint32_t process, const Exchange& asked, const ExchangeResult& out);
  void closed(std::uint32_t process);
  void killed(std::uint32_t process) { dead_.insert(process); }
  // An open claim of the same messages, all undecided: where a settle without fence would go.
  const ModelClaim* find_successor(std::uint64_t gen) const;

  // --- operators ---
  void redriven(std::uint32_t queue, std::uint64_t count);
  void dead_deleted(std::uint32_t queue, std::uint64_t count);
  void purged(std::uint32_t queue, std::uint64_t count);
  void compare(std::uint32_t queue, const QueueDepth& depth);
  void compare(std::uint32_t number, const std::optional<FoundMessage>& found);

  // Every message is done, dead, purged, or was never stored.
  bool is_settled() const { return open_count_ == 0; }
  std::string unsettled() const;
  std::uint64_t count(std::uint32_t queue, MessageState state) const;
  const Tally& tally() const { return tally_; }
  // Folds everything that happened; equal seeds give equal traces.
  std::uint64_t trace() const { return trace_; }

 private:
  void settled(std::uint32_t process, const SettleOrder& order, bool is_lost);
  void decide(const ModelClaim& claim, std::uint32_t ordinal, const SettleOrder& order);
  void send_back(const SettleOrder::Back& back, std::uint32_t number, Seen seen);
  void give_back(ModelClaim& claim);
  void appended(const Exchange& asked);
  void promoted(std::uint32_t count, std::uint32_t most);
  std::uint32_t promote_keys();
  std::uint32_t promote_key(const std::vector<std::uint32_t>& numbers, std::uint32_t& waits);
  void wait_behind(const SettleOrder::Back& back, std::uint32_t number);
  void named(std::uint32_t queue, std::uint64_t hash);
  void buried(const ModelMessage& m, const KeyPlace& place, bool is_returned);
  void check_order(std::uint32_t number, const ModelClaim& claim);
  void check_holder(const ModelClaim& claim, std::uint32_t number);
  void reclaimed(std::uint32_t count);
  bool has_ended(std::uint64_t gen) const;
  void lapse(ModelClaim& claim, bool is_dead);
  void claimed(std::uint32_t process, const Claimed& claimed);
  void store(std::uint32_t number, MessageState state);
  void set_state(std::uint32_t number, MessageState state);
  void park(std::uint32_t number, std::int64_t due_ms);
  void renew(std::uint32_t number);
  void fold(std::uint64_t value) { trace_ = (trace_ ^ value) * 0x100000001b3; }

  test::FakeClock& clock_;
  const std::uint32_t queue_count_;
  const std::uint32_t crashes_max_;
  std::string violation_;
  Tally tally_;
  std::vector<ModelMessage> messages_;
  std::map<std::uint64_t, ModelClaim> claims_;                               // all of them, by gen
  std::set<std::uint64_t> open_;                                             // gens
  std::set<std::tuple<std::int64_t, std::uint64_t, std::uint32_t>> parked_;  // due, order, number
  std::set<std::uint32_t> dead_;                                             // processes
  std::uint64_t park_order_ = 0;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<std::uint32_t>> keys_;  // numbers
  // By queue and hash.
  std::map<std::pair<std::uint32_t, std::uint64_t>, Waits> waits_;
  std::uint64_t orders_ = 0, deaths_ = 0;
  std::uint64_t open_count_ = 0;  // messages stored and neither done, dead nor purged
  std::uint64_t trace_ = 0xcbf29ce484222325;
};

// The name of a key by its number.
std::string key_name(std::uint32_t key);

// The number that a message's body is.
std::uint32_t number_of(std::string_view body);

}  // namespace msgq::sim
