// People who claim by hand: each request waits for one lot, under a lease that nobody renews.
//
// Threads: begin() from any thread, each wait by one at a time; demands() and deliver() from the
// writer.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>

#include "base/event.h"
#include "base/mutex.h"
#include "dispatch/key_gate.h"
#include "dispatch/lot.h"
#include "transport/demand.h"

namespace msgq {

class RawClaims final : public DemandSource, public std::enable_shared_from_this<RawClaims> {
 public:
  explicit RawClaims(Clock& clock, std::shared_ptr<KeyGate> gate = std::make_shared<KeyGate>())
      : clock_(clock), gate_(std::move(gate)) {}

  // Begins to wait for one lot: `wait` long, and for the store's first answer (5 s at most) in any
  // case. Throws what the store was given up for.
  std::unique_ptr<ClaimWait> begin(std::string queue, std::uint32_t count, Nanos wait,
                                   std::int64_t lease_ms);
  // Ends every wait, now and from now on.
  void close();

  // As those of a Scheduler.
  std::function<void(std::vector<Span>)> on_expired;
  std::function<std::int64_t()> store_now;
  // Gets what the gate moved.
  std::function<void(KeyGate::Moves)> on_moves;
  // Gets what is to be parked behind slow keys. Only the writer.
  std::function<void(std::vector<Shed>)> on_shed;
  // Called with a claim some of which was handed out later than it was made, for a lease from now.
  std::function<void(const HeldPtr&, std::int64_t lease_ms)> on_late;
  // Called with claims that came for a wait that has ended.
  std::function<void(std::vector<Span>)> on_unwanted;
  // Called when the writer should look.
  std::function<void()> on_request;
  void demands(std::vector<Demand>& out, Nanos now) override;
  bool deliver(const Demand& demand, const HeldPtr& held) override;
  void answered(const Demand& demand) override;
  Nanos tick(Nanos now) override;
  void give_up(const Error& error) override;

 private:
  class Wait;
  struct Request {
    std::uint64_t ticket = 0;
    std::string queue;
    std::uint32_t count = 0;
    std::int64_t lease_ms = 0;
    Nanos until{0};          // so long its caller waits
    Nanos answer_until{0};   // so long for the first answer
    bool is_asked = false;   // the store was asked for it at least once
    bool is_served = false;  // its caller has what it waited for
    std::vector<Span> spans;
  };
  using Place = std::list<Request>::iterator;
  // The request of a ticket, or the end of the list when its caller has gone.
  Place find(std::uint64_t ticket) MSGQ_REQUIRES(mutex_);
  // When it will get nothing any more.
  Nanos end_of(const Request& request) const MSGQ_REQUIRES(mutex_);
  std::vector<Span> drop_expired(Request& request) MSGQ_REQUIRES(mutex_);
  KeyGate::OutletPtr outlet_of(const std::string& queue) MSGQ_REQUIRES(mutex_);
  void serve(const std::string& queue);
  bool admit(const HeldPtr& held, const std::string& queue);
  bool is_wanted(const Demand& demand);
  std::shared_ptr<SpanLot> take(Place place, Nanos most);
  bool is_over(Place place);
  void end(Place place);

  Clock& clock_;
  const std::shared_ptr<KeyGate> gate_;
  Mutex mutex_;
  std::list<Request> requests_ MSGQ_GUARDED_BY(mutex_);
  std::map<std::string, KeyGate::OutletPtr> outlets_ MSGQ_GUARDED_BY(mutex_);  // by queue
  std::uint64_t tickets_ MSGQ_GUARDED_BY(mutex_) = 0;
  bool is_closed_ MSGQ_GUARDED_BY(mutex_) = false;
  std::optional<Error> error_ MSGQ_GUARDED_BY(mutex_);
  Event answered_;
  Nanos shed_at_{0};  // not before; only the writer
};

}  // namespace msgq
