// A snapshot of what the engine counts: plain numbers, cheap enough to take each second.
//
// Threads: plain values. Process counters start at zero with the engine; store figures are exact at
// the moment they were read.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "msgq/message.h"

namespace msgq {

// Durations in nanoseconds, in 64 buckets of powers of two (bucket i: below 2^i).
using Histogram = std::array<std::uint64_t, 64>;

// This process's traffic of one queue since the engine opened.
struct QueueTraffic {
  std::string queue;
  std::uint64_t enqueued = 0;    // admitted
  std::uint64_t persisted = 0;   // receipt settled as stored
  std::uint64_t failed = 0;      // receipt settled as failed or in doubt
  std::uint64_t dropped = 0;     // by the overflow policy
  std::uint64_t duplicates = 0;  // not stored: one of their dedup id was there
  std::uint64_t claimed = 0;
  std::uint64_t done = 0;  // acknowledged, durably
  std::uint64_t retried = 0;
  std::uint64_t snoozed = 0;
  std::uint64_t dead = 0;
  std::uint64_t expired = 0;    // not run, as their time was over
  std::uint64_t lost = 0;       // claimed, and its lease gone before its settle was durable
  std::uint64_t in_flight = 0;  // admitted and not yet stored
  std::uint64_t held = 0;       // claimed for handlers here and not yet decided
  Histogram enqueue_ns{};       // admitted to settled, stored or not
  Histogram handle_ns{};        // taken to decided, per message (mean of its lot)
  Histogram age_ns{};           // enqueued to taken
};

// What the store holds of one queue, all processes together.
struct QueueDepth {
  std::string queue;
  std::string source;  // of a subscription: the queue whose messages it reads
  std::uint64_t sent = 0;
  std::uint64_t waiting = 0;
  std::uint64_t parked = 0;
  std::uint64_t leased = 0;
  std::uint64_t done = 0;
  std::uint64_t dead = 0;
  std::uint64_t purged = 0;
  std::uint64_t quarantined = 0;  // in blocks that failed their checksum
  std::uint64_t expired = 0;      // their time was over before they were run
  std::uint64_t cancelled = 0;    // parked ones that were called off
  bool is_paused = false;         // gives none out
  std::int64_t oldest_ms = 0;     // Unix milliseconds of the oldest waiting message; 0: none
};

// This engine's connections to its store; zeros where there are none.
struct ConnectionFigures {
  std::uint64_t size = 0;  // at most; 0: not bounded
  std::uint64_t used = 0;
  std::uint64_t idle = 0;
  std::uint64_t waiting = 0;  // looks that wait for one
  std::uint64_t borrows = 0;
  std::uint64_t borrow_ns = 0;      // of all borrows: waiting, trying, connecting
  std::uint64_t borrow_ns_max = 0;  // of the longest
  std::uint64_t connects = 0;
  std::uint64_t reconnects = 0;  // of those, after one was lost
};

struct Snapshot {
  std::vector<QueueTraffic> traffic;
  std::vector<QueueDepth> depth;
  std::uint64_t flushes = 0;  // commits of this engine
  std::uint64_t flush_errors = 0;
  std::uint64_t blocks = 0;
  std::uint64_t bytes_in_flight = 0;
  std::uint64_t store_bytes = 0;  // size of the store's files
  ConnectionFigures connections;
  std::uint64_t store_waiting_ns = 0;  // spent waiting for other processes' turns
  std::uint64_t reclaimed = 0;
  std::optional<std::int64_t> replica_lag_ms;  // how old depth may be; none: it is of now
  std::uint64_t threads = 0;                   // of the engine
  Histogram flush_ns{};
};

// A message as found by id or by looking at a queue without claiming.
struct FoundMessage {
  std::string queue;
  std::string state;  // waiting | leased | parked | dead | done
  StoredMessage message;
  std::int64_t due_ms = 0;      // of a parked one
  std::string reason;           // of a dead one
  std::int64_t changed_ms = 0;  // when it died or was parked
  std::string cursor;           // pass as `after` to go on behind it
};

// What is to become of a dead letter; what is not named stays as it is.
struct DeadEdit {
  MessageId id;
  std::optional<std::string> body;
  std::optional<std::string> headers;  // a JSON object as text, or empty
  bool redrives = false;               // it goes back into its queue, as redrive() says
};

}  // namespace msgq
