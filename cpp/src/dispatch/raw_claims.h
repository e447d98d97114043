// People who claim by hand: each request waits for one lot, under a lease that nobody renews.
//
// Threads: claim() from any thread, blocking; demands() and deliver() from the writer.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>

#include "base/event.h"
#include "base/mutex.h"
#include "dispatch/lot.h"
#include "transport/demand.h"

namespace msgq {

class RawClaims final : public DemandSource {
 public:
  explicit RawClaims(Clock& clock) : clock_(clock) {}

  // nullptr when nothing came within `wait`. A claim that comes later goes back unspent.
  std::shared_ptr<SpanLot> claim(std::string queue, std::uint32_t count, Nanos wait,
                                 std::int64_t lease_ms);
  // Ends every wait, now and from now on.
  void close();

  // Called when the writer should look.
  std::function<void()> on_request;
  void demands(std::vector<Demand>& out, Nanos now) override;
  bool deliver(const Demand& demand, const HeldPtr& held) override;
  void answered(const Demand& demand) override;
  void give_up(const Error& error) override;

 private:
  struct Request {
    std::uint64_t ticket = 0;
    std::string queue;
    std::uint32_t count = 0;
    std::int64_t lease_ms = 0;
    bool is_asked = false;  // the store was asked for it at least once
    std::vector<Span> spans;
  };
  // The request of a ticket, or the end of the list when its caller has gone.
  std::list<Request>::iterator find(std::uint64_t ticket) MSGQ_REQUIRES(mutex_);

  Clock& clock_;
  Mutex mutex_;
  std::list<Request> requests_ MSGQ_GUARDED_BY(mutex_);
  std::uint64_t tickets_ MSGQ_GUARDED_BY(mutex_) = 0;
  bool is_closed_ MSGQ_GUARDED_BY(mutex_) = false;
  std::optional<Error> error_ MSGQ_GUARDED_BY(mutex_);
  Event answered_;
};

}  // namespace msgq
