// Turns the rows of read_claims() into claims: decodes and checks the blocks, keeping those of
// which only a part was claimed, as more claims of them will come.
//
// Threads: that of the session.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/log.h"
#include "transport/postgres/directory.h"
#include "transport/postgres/params.h"
#include "transport/postgres/rows.h"
#include "transport/transport.h"

namespace msgq::transport::postgres {

// Blocks seen lately and not claimed to their end; seq names them in all lanes.
class BlockCache {
 public:
  BlockPtr find(std::int64_t seq) const;
  void put(std::int64_t seq, const BlockPtr& block);
  Array known() const;

 private:
  static constexpr std::size_t kCountMax = 32;  // of 256 kB at most: a guess
  std::deque<std::pair<std::int64_t, BlockPtr>> blocks_;
};

// A claim that cannot be run as it is: a block of it is gone or damaged.
struct BadBlock {
  ClaimKey claim;
  std::int64_t seq = 0;
  std::uint32_t first = 0, count = 0;  // ordinals of the claim
};

struct ReadClaims {
  std::vector<Claimed> claims;
  std::vector<BadBlock> bad;
};

// `owner` made them; leases end `lease` after `boot_ms`, when the request was sent.
ReadClaims read_claims(const Rows& rows, std::int64_t owner, std::int64_t boot_ms,
                       const Directory& queues, BlockCache& cache);

// Notes which messages of keys must wait for parked ones, or those for them. Nobody else parks of
// their shards, or brings back, while we hold them.
void find_away(Connection& connection, const Directory& queues, std::vector<Claimed>& claims);

}  // namespace msgq::transport::postgres
