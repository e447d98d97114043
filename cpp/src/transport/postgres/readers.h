// Which processes claim messages of keys of a queue, and which shards this one has of them
// (transport/share.h): asked in a call of its own once a second, never with an exchange.
//
// Threads: that of the session.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "transport/postgres/connection.h"
#include "transport/postgres/directory.h"
#include "transport/postgres/order_params.h"
#include "transport/share.h"
#include "transport/transport.h"

namespace msgq::transport::postgres {

class Readers {
 public:
  // The subscriptions whose keys an exchange wishes for, and of which the last look is old.
  std::set<int> due(const Exchange& in, const Directory& queues, std::int64_t boot_ms) const;
  void look(Connection& connection, const Asker& asker, const std::set<int>& subscriptions);
  // The shards of a subscription that others have, a bit each.
  std::uint32_t others_of(int subscription) const;
  // The server may be another.
  void forget() { shares_.clear(); }

 private:
  static std::map<std::pair<int, std::size_t>, Share::Open> read_open(Connection& connection,
                                                                      const Params& params);
  std::map<int, Share> shares_;  // by subscription
};

}  // namespace msgq::transport::postgres
