// Of one worker: which delivery goes to which slot, and how much more there is room for. Fairness
// between queues, limits of handlers, and the pace that decides how many messages a slot gets.
//
// Threads: take() from any slot, lots are left from any thread, demands() and deliver() from the
// writer.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/event.h"
#include "dispatch/channel.h"
#include "dispatch/lot.h"
#include "msgq/config.h"
#include "msgq/receipt.h"
#include "msgq/worker_spec.h"
#include "transport/demand.h"

namespace msgq {

class Scheduler final : public DemandSource, public std::enable_shared_from_this<Scheduler> {
 public:
  Scheduler(const Config& config, Clock& clock, WorkerSpec spec);

  // Messages with keys go through the gate, which the workers of a process share. REQUIRES: before
  // the first delivery.
  void connect(const std::shared_ptr<KeyGate>& gate);

  // The next lot for one slot; nullptr at the timeout and after stop(). Blocks.
  std::shared_ptr<SpanLot> take(Nanos timeout, bool is_async);
  // Tells this waker whenever an async channel may have something. At most one a worker.
  void watch(std::shared_ptr<Waker> waker);
  // Ends every take(). What was claimed and never taken goes to on_returned, also what the writer
  // or a slot has in its hands at this moment.
  void stop();
  bool is_stopped() const { return is_stopped_.load(std::memory_order_acquire) != 0; }

  // Gets spans of a type for which there is no channel.
  std::function<void(Span)> on_unroutable;
  // Gets spans whose time was over before they were run. Any slot.
  std::function<void(std::vector<Span>)> on_expired;
  // By the store's clock, Unix ms. REQUIRES: set, as those above, before the first delivery.
  std::function<std::int64_t()> store_now;
  // Gets what the gate moved. REQUIRES: set where connect() is called.
  std::function<void(KeyGate::Moves)> on_moves;
  // Gets what is to be parked behind slow keys; only the writer. REQUIRES: as that.
  std::function<void(std::vector<Shed>)> on_shed;
  // Gets spans that nobody will take any more. Any thread.
  std::function<void(std::vector<Span>)> on_returned;

  void demands(std::vector<Demand>& out, Nanos now) override;
  bool deliver(const Demand& demand, const HeldPtr& held) override;
  void answered(const Demand& demand) override;
  Nanos tick(Nanos now) override;
  void give_up(const Error& error) override;

 private:
  // One queue of this worker.
  struct Lane {
    std::string queue;
    std::vector<Channel*> channels;
    Channel* rest = nullptr;  // of type "*"
    std::uint32_t weight = 1;
    std::int64_t credit = 0;    // of smooth weighted turns; only the writer
    std::uint32_t passing = 0;  // went behind as they came, of the present answer; only the writer
    std::uint32_t passed = 0;   // the same of the last one
    bool has_slots = false;     // of its channels some are not async: it shares the slots' room
    std::atomic<std::int64_t> held{0};     // delivered here and not yet decided
    std::atomic<std::int64_t> pace_ns{0};  // lately per message and slot; 0: not known yet
  };
  std::shared_ptr<SpanLot> try_take(bool is_async, Nanos now, Nanos& ripe_at);
  std::uint32_t take_spans(Channel& channel, std::vector<Span>& spans);
  std::uint32_t drop_expired(Channel& channel, std::vector<Span>& spans);
  std::shared_ptr<SpanLot> take_from(Channel& channel, Nanos now);
  void settled(SpanLot& lot, std::uint32_t count, bool is_last);
  std::uint32_t lot_size(const Channel& channel) const;
  std::int64_t window(const Lane& lane) const;
  static std::int64_t stuck(const Lane& lane);
  static std::int64_t fresh_blocked(const Lane& lane);
  std::int64_t blocked(const Lane& lane) const;
  Nanos shed_slow_keys(Nanos now);
  void admit(Lane& lane, const HeldPtr& held, Nanos now);
  void route(Lane& lane, const HeldPtr& held, Nanos now);
  void take_strays();
  static void note_gone(Lane& lane, const HeldPtr& held);
  std::vector<Lane*> order() const;
  void take_turn();
  void return_rest();
  Channel* route_of(Lane& lane, std::string_view type);
  Lane& lane_of(std::string_view queue);
  void announce(bool has_sync, bool has_async);

  // fixed after construction
  const Config& config_;
  Clock& clock_;
  const WorkerSpec spec_;
  std::vector<std::unique_ptr<Channel>> channels_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Lane*> lane_of_channel_;
  std::shared_ptr<KeyGate> gate_;
  const KeyGate::OutletPtr strays_ = std::make_shared<KeyGate::Outlet>();  // of no channel
  // only the writer
  std::vector<Lane*> asked_;  // since the last turn
  Nanos shed_at_{0};          // not before
  // atomic: is_stopped_ is read by an addition of 0 where what was done before must be seen by
  // stop()
  std::atomic<std::uint32_t> is_stopped_{0};
  std::atomic<std::uint32_t> turn_{0};
  Event work_;
  Mutex mutex_;
  std::shared_ptr<Waker> waker_ MSGQ_GUARDED_BY(mutex_);
};

}  // namespace msgq
