// What a worker holds: a lot, the messages handed to one slot at once, each under a lease; and what
// its handler decided about them.
//
// Threads: a lot belongs to the thread that took it until it is settled.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "msgq/message.h"

namespace msgq {

enum class Verdict : std::uint8_t {
  kAck,     // done
  kRetry,   // failed; again after a delay; counts as a failure
  kSnooze,  // not now; again after a delay; counts nothing
  kReject,  // give up: dead letter, with the reason
  kLeave,   // nobody here can decide: its lease lapses
  kExpire,  // its time was over before it was run
  kBehind,  // not run, as what comes before it of its key is parked
};

// What became of a message that may be acknowledged in a transaction of the user's own.
enum class AckFate : std::uint8_t {
  kDone = 1,  // such a transaction was committed
  kBarred,    // none was, and none will be any more: whoever holds the message decides
  kOpen,      // one is still open
};

struct Decision {
  std::uint32_t index = 0;  // in the lot
  Verdict verdict = Verdict::kAck;
  std::int64_t delay_ms = 0;
  std::string reason;  // of a reject: short, shown to people
  std::string record;  // this attempt as a JSON object, or empty; goes to the history
};

// Everything about one message of a lot.
struct DeliveryView {
  MessageView message;
  std::uint32_t attempt = 1;  // how many times handed out, this time included
  std::uint64_t gen = 0;      // fence of the lease
};

class Lot {
 public:
  virtual ~Lot() = default;
  virtual std::uint32_t size() const = 0;
  virtual DeliveryView view(std::uint32_t index) const = 0;
  virtual std::string_view body(std::uint32_t index) const = 0;
  // All bodies in order: quicker than one by one.
  virtual std::vector<std::string_view> bodies() const = 0;
  virtual const std::string& queue() const = 0;
  // True when all messages have the same type and content, those of message 0.
  virtual bool is_uniform() const = 0;
  // Which channel of the worker it came from (its index in WorkerSpec::channels).
  virtual std::uint32_t channel() const = 0;
  // True once the lease is known to be lost (somebody else may run these).
  virtual bool is_lost() const = 0;
  // Whether the message before it in the lot is of the same key: it may run when that is decided.
  virtual bool follows(std::uint32_t index) const = 0;
  // Whether any does.
  virtual bool has_followers() const = 0;
  // Those that follow this one, in a row, are not to be run: it is to be tried again before them.
  // Engine::settle() says so of what it is told. The thread of the lot.
  virtual void hold_up(std::uint32_t index) = 0;
  // Whether a message is not to be run: held up, or behind one whose claim is lost.
  virtual bool is_held_up(std::uint32_t index) const = 0;
  // Notes that a transaction of the user's is to acknowledge a message. False once it was decided.
  // Any thread, as the next two.
  virtual bool begin_ack(std::uint32_t index) = 0;
  // No such transaction may begin any more for [from, to). For which messages one was begun.
  virtual std::vector<std::uint32_t> end_acks(std::uint32_t from, std::uint32_t to) = 0;
  // Takes end_acks() back: nothing was decided.
  virtual void reopen_acks(std::uint32_t index) = 0;
};

using LotPtr = std::shared_ptr<Lot>;

// Somebody's wait for one raw claim, in as many slices as they like. Destroying it ends it: what
// comes later goes back unspent. One thread at a time.
class ClaimWait {
 public:
  virtual ~ClaimWait() = default;
  // The lot, once; nullptr when none came within `most`, or when the wait is over. Throws what the
  // store was given up for. Blocks.
  virtual LotPtr take(std::chrono::nanoseconds most) = 0;
  // Nothing will come any more.
  virtual bool is_over() = 0;
};

}  // namespace msgq
