// What a transport can do. One record a transport, in code; the conformance suite holds each to its
// word, errors for what is not offered included, and tests/tidy the table of docs/guarantees.md.
//
// Threads: plain constants.
#pragma once

#include <cstdint>

namespace msgq::transport {

struct Capability {
  const char* scheme;
  bool is_durable;         // survives the process
  bool is_shared;          // several processes may use one store
  bool has_single_writer;  // one session does everything, in one transaction a flush
  bool can_look;           // peek, find, dead letters, depth
  bool can_backup;
  bool can_delay;
  bool can_extend;
  bool has_priorities;     // the more urgent is claimed first
  bool has_keys;           // messages of a key run one at a time, in order
  bool has_dedup;          // a message is there once: ids that come again are told of
  bool can_expire;         // messages end that are over before they are run
  bool can_cancel;         // parked messages are called off, or get another due time
  bool can_pause;          // queues that give nothing out for a while
  bool has_subscriptions;  // several named readers each get every message
  bool can_bound;          // queues hold at most so many messages, whoever sends them
  bool can_prove_death;    // a dead process is seen by a lock, not by time alone
};

}  // namespace msgq::transport
