// Every knob of the core, with unit, default and bound. Python's settings table is where people
// meet them; validate() says all that is wrong at once.
//
// Threads: a plain value, fixed once the engine has it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace msgq {

// kDropOldest: of a queue alone, whose oldest waiting messages make room.
enum class Overflow : std::uint8_t { kBlock, kRaise, kDrop, kDropOldest };
enum class Durability : std::uint8_t {
  kSync,  // every acknowledged message survives a power cut
  kOs,    // survives the process, not the machine
};

enum class Expired : std::uint8_t {
  kDrop,  // counted, and gone
  kDead,  // dead letters
};

// Whether a pooler in transaction mode is between us and PostgreSQL.
enum class Pooler : std::uint8_t { kAuto, kOn, kOff };

struct Config {
  using Millis = std::chrono::milliseconds;

  std::string scheme = "sqlite";  // memory | sqlite | postgresql
  std::string path;  // of the store's file; empty for memory (then each engine its own)

  // PostgreSQL only.
  std::string dsn;                    // libpq's URI
  std::string schema = "msgq";        // where the tables are
  bool create_schema = true;          // make and upgrade them when they are not as they should be
  std::string read_dsn;               // of a replica for looks; empty: none
  Millis read_staleness_max{10'000};  // one that is further behind is not used
  std::uint32_t lanes = 16;           // of a queue, that the processes appending to it spread over
  Pooler pgbouncer = Pooler::kAuto;   // kAuto: each connection finds out
  Millis connect_timeout{5'000};      // for each host of the URL
  std::uint32_t pool_size = 5;        // connections at most: writers, one for presence, looks
  std::uint32_t writers = 2;          // 2: producers wait for no settle; 1: one does everything
  Millis pool_wait{5'000};            // of a look for a connection
  Millis idle_timeout{600'000};       // one for looks that was not used is closed; 0: never
  Millis max_age{3'600'000};          // older ones are made anew at their next use; 0: never
  Millis health_interval{30'000};     // one that was not used for so long is tried before use

  // Intake: what may be on its way into the store at once.
  std::uint64_t inflight_count_max = 20'000;
  std::uint64_t inflight_bytes_max = 64ull << 20;
  Overflow overflow = Overflow::kBlock;
  Millis overflow_wait{30'000};    // how long kBlock blocks before kQueueFull
  Millis enqueue_timeout{30'000};  // total time for retries of one flush; then failed or in doubt
  Millis linger{0};                // how long a lone message may wait for company
  std::uint32_t batch_count_max = 1'000;         // messages in a block
  std::uint64_t batch_bytes_max = 256ull << 10;  // bytes in a block
  std::uint32_t flush_count_max = 16;            // blocks in one commit
  std::uint64_t message_bytes_max = 10ull << 20;

  // Memory transport only: what may be stored, 0 is no bound.
  std::uint64_t store_count_max = 0;
  std::uint64_t store_bytes_max = 0;

  Durability durability = Durability::kSync;

  // Leases.
  Millis lease{30'000};
  Millis lease_max{12ll * 3'600'000};  // no delivery is renewed beyond this
  std::uint32_t claim_size = 0;        // messages a claim; 0: what slots finish in about 5 ms
  std::uint32_t prefetch = 0;          // messages held beyond free slots; 0: likewise
  std::uint32_t crashes_max = 3;       // of a message's own, within 72 h; then dead letter
  // What becomes of messages whose time is over before they are run.
  Expired expired = Expired::kDrop;

  // Dead letters that died so long ago are removed by idle processes; 0: they are kept.
  Millis dead_retention{0};

  // A message that has waited so long is served as if its priority were one higher, twice as long
  // two higher ...; 0: strictly by priority.
  Millis priority_aging{600'000};

  // Looking for work when no hint came.
  Millis poll_min{1};
  Millis poll_max{1'000};
  Millis busy_timeout{60'000};  // how long another program may hold the store's write lock

  bool strict_queues = false;  // an unknown queue is an error instead of being created

  // Throws kConfigInvalid listing every knob that is out of range.
  void validate() const;
};

}  // namespace msgq
