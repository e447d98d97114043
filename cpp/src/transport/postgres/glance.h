// What an idle process asks, in one call that writes nothing, instead of promoting, reclaiming and
// claiming in vain; and which wishes of an exchange are worth asking at all.
//
// Threads: that of the session.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "base/clock.h"
#include "transport/postgres/connection.h"
#include "transport/postgres/directory.h"
#include "transport/postgres/reclaim.h"
#include "transport/postgres/sweep.h"
#include "transport/transport.h"

namespace msgq::transport::postgres {

// What one call saw.
struct Glance {
  bool has_chores = false;      // something to promote, to reclaim, or queues that we do not know
  std::int64_t due_in_ms = -1;  // the next parked message; -1: none
  std::set<int> work;           // subscriptions that find something to claim

  // Of an exchange whose vain wishes are gone.
  bool shows_nothing_for(const Exchange& in) const;
};

// An exchange without the wishes that would get nothing.
class Narrowed {
 public:
  Narrowed(const Exchange& all, const Glance& seen, const Directory& queues);
  const Exchange& exchange() const { return exchange_; }
  // Answers every wish of the whole exchange.
  void widen(ExchangeResult& out, std::size_t wishes) const;

 private:
  Exchange exchange_;
  std::vector<std::size_t> numbers_;  // of the wishes that stayed
};

class Glancer {
 public:
  Glancer(Clock& clock, const ReclaimRules& rules) : clock_(clock), rules_(rules) {}

  // Whether a glance before the exchange is cheaper than the exchange. Of many wishes it is not
  // while the first few of them use up the room: each asks only for what is left.
  bool is_worth(const Exchange& in) const;
  // What an exchange brought.
  void note(const Exchange& in, const ExchangeResult& out);
  // Whether nobody would miss the call: nothing but chores, which others have done just now.
  bool may_skip(const Exchange& in) const;
  // `mark` is the outbox's. What is left behind claims is noted with the sweeper. REQUIRES: the
  // directory was refreshed.
  Glance look(Connection& connection, int process, std::int64_t mark, const Exchange& in,
              Directory& queues, Sweeper& sweeper);

 private:
  Clock& clock_;
  const ReclaimRules& rules_;
  Nanos looked_at_{0};
  Nanos gap_{0};  // between chores
  bool was_filled_ = false;
};

}  // namespace msgq::transport::postgres
