// Where a writer gets the parts of its next exchange and reports back. Batcher, settler, keeper and
// claimer are sources; each fills a section of the exchange that is its own.
//
// Threads: all calls come from the one writer thread that the source belongs to.
#pragma once

#include "base/clock.h"
#include "msgq/error.h"
#include "transport/transport.h"

namespace msgq::transport {

class BatchSource {
 public:
  virtual ~BatchSource() = default;
  // Notes who waits, before any source collects: what somebody enqueued before it asked for work is
  // then in the same exchange or in an earlier one.
  virtual void prepare(Nanos) {}
  // Adds what is ready. `out` may already hold the sections of earlier sources.
  virtual void collect(Exchange& out, Nanos now) = 0;
  // The exchange happened.
  virtual void report(const Exchange& in, const ExchangeResult& result, Nanos now) = 0;
  // Tells those who wait what report() knows, once the next exchange is on its way if there is one.
  virtual void announce() {}
  // The store is given up for good; settle everything with this error.
  virtual void give_up(const Error& error, bool was_in_doubt) = 0;
  // When it wants to be asked again although nobody pokes the writer; kNever: not.
  virtual Nanos next_time(Nanos now) = 0;
};

}  // namespace msgq::transport
