// One connection with everything that is prepared on it, and the transaction in which it is used.
// The rooms beside this file (append, settle, claim, reclaim, promote) are functions on a Store.
//
// Threads: one at a time.
#pragma once

#include <set>

#include "base/log.h"
#include "base/runtime.h"
#include "transport/sqlite/blocks.h"
#include "transport/sqlite/claims.h"
#include "transport/sqlite/connection.h"
#include "transport/sqlite/counter.h"
#include "transport/sqlite/dedup.h"
#include "transport/sqlite/directory.h"
#include "transport/sqlite/gate.h"
#include "transport/sqlite/headers.h"
#include "transport/sqlite/keys.h"
#include "transport/sqlite/parked.h"
#include "transport/sqlite/processes.h"
#include "transport/sqlite/readers.h"
#include "transport/sqlite/spare.h"
#include "transport/sqlite/totals.h"

namespace msgq::transport::sqlite {

// Bounds that the rooms obey.
struct Rules {
  std::uint32_t crashes_max = 3;
  std::int64_t crash_window_ms = 72ll * 3'600'000;
  std::uint32_t block_count_max = 1'000;
  std::uint64_t block_bytes_max = 256ull << 10;
  bool strict_queues = false;
  std::int64_t priority_aging_ms = 0;
  std::int64_t dead_retention_ms = 0;  // 0: they are kept
};

struct Store {
  Store(const ConnectionSpec& spec, Clock& clock, Log& log, const Rules& rules);

  // fixed after construction
  Clock& clock;
  Log& log;
  const Rules rules;
  Connection connection;
  Spare spare;
  Counter counter;
  Directory directory;
  TotalsBook totals;
  Blocks blocks;
  Headers headers;
  Claims claims;
  Parked parked;
  AwayKeys away_keys;
  Dedup dedup;
  Readers readers;
  Dead dead;
  Processes processes;

  // of the present transaction
  Now now;
  Author author;
  std::int64_t process = 0;

  // whether this process held a suspect when it last claimed; and what was reported once
  bool runs_suspect = false;
  std::set<std::int64_t> reported_gens;
  bool has_more_to_sweep = false;    // of the logs
  std::int64_t free_keys_at_ms = 0;  // boot clock; see free_lost_keys()

  // The queue, made when there is none; throws kNotFound when queues are strict.
  Queue& require_queue(std::string_view name);
  // Forgets what was remembered of a transaction that was rolled back.
  void forget();
};

// A write transaction in a turn of its own. Rolled back unless committed.
class Transaction {
 public:
  // Waits for the turn and for other programs. Throws kStoreUnavailable, kStoreRejected (owner
  // closed).
  Transaction(Store& store, Gate& gate, Nanos timeout, std::int64_t owner = 0);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Throws kStoreFull, kStoreUnavailable: nothing happened; kStoreInDoubt.
  void commit();
  // Ends it when nothing was changed: true, and no write, no flush.
  bool end_unchanged();
  Nanos waited() const { return waited_; }

 private:
  Store& store_;
  Turn turn_;
  Nanos waited_;
  std::int64_t changes_before_ = 0;
  bool is_open_ = false;
};

}  // namespace msgq::transport::sqlite
