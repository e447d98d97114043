// One stream of deliveries to a worker: what is claimed for it and not yet taken, and how much of
// it is running.
//
// Threads: route() from the writer; take_spans() and the counters from any slot; lock-free.
#pragma once

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "base/inbox.h"
#include "dispatch/key_gate.h"
#include "msgq/worker_spec.h"
#include "transport/held.h"

namespace msgq {

class Channel {
 public:
  Channel(ChannelSpec spec, std::uint32_t index) : spec_(std::move(spec)), index_(index) {}
  ~Channel();

  const ChannelSpec& spec() const { return spec_; }
  std::uint32_t index() const { return index_; }

  // Where messages with keys come from.
  void connect(std::shared_ptr<KeyGate> gate) { gate_ = std::move(gate); }
  KeyGate::Outlet& outlet() { return *outlet_; }
  // A message was admitted for the outlet.
  void note_admitted(Nanos now);
  // Puts a span behind those waiting.
  void route(Span span, Nanos now);
  // Moves up to `count_max` messages to `out`, splitting the last span; how many. What is left of a
  // split span stays in front, so that a single slot sees the order of the claim.
  std::uint32_t take_spans(std::vector<Span>& out, std::uint32_t count_max);
  // Takes room for a lot (messages, when async) within `concurrency`; how much was had.
  std::uint32_t enter(std::uint32_t wanted);
  void leave(std::uint32_t count) { running_.fetch_sub(count, std::memory_order_acq_rel); }

  // Routed and not taken, or let out by the gate. A span may be taken before it was counted, so the
  // count may dip below 0.
  std::uint32_t ready() const {
    const std::int64_t count = ready_.load(std::memory_order_acquire);
    return outlet_->ready() + (count > 0 ? static_cast<std::uint32_t>(count) : 0);
  }
  // Messages that wait for others of their keys.
  std::uint32_t blocked() const { return outlet_->blocked(); }
  // All that was not taken, also what the gate holds; how much.
  std::uint32_t take_all(std::vector<Span>& out, KeyGate::Moves& moves);
  std::uint32_t running() const { return running_.load(std::memory_order_acquire); }
  // What a message of this channel lately cost; handlers of one queue may differ by far.
  Nanos pace() const { return Nanos(pace_ns_.load(std::memory_order_relaxed)); }
  void set_pace(Nanos each) { pace_ns_.store(each.count(), std::memory_order_relaxed); }
  // When a batch handler may have what is there: full, or the first has waited long enough.
  Nanos ripe_at(Nanos now) const;
  // Notes whether it is ripe; true when it was not the last time. Only the writer.
  bool turned_ripe(bool is_ripe) { return !std::exchange(was_ripe_, is_ripe) && is_ripe; }

 private:
  bool next_span(Span& span);
  std::uint32_t take_routed(std::vector<Span>& out, std::uint32_t count_max);

  // fixed after construction
  const ChannelSpec spec_;
  const std::uint32_t index_;
  const KeyGate::OutletPtr outlet_ = std::make_shared<KeyGate::Outlet>();
  std::shared_ptr<KeyGate> gate_;  // set before the first delivery
  // only the writer
  bool was_ripe_ = false;
  // lock-free
  Inbox<Span> waiting_;
  std::atomic<Span*> front_{nullptr};  // rest of a split span; owned by whoever swaps it out
  // atomic: lately per message of this channel; a hint, any order will do; 0: not known yet
  std::atomic<std::int64_t> pace_ns_{0};
  // atomic: counters that gate; acquire/release with the inbox
  std::atomic<std::int64_t> ready_{0};
  std::atomic<std::uint32_t> running_{0};
  std::atomic<std::int64_t> oldest_ns_{0};  // none of those ready came before this
};

}  // namespace msgq
