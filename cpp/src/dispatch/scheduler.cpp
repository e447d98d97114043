#include "dispatch/scheduler.h"

#include <algorithm>
#include <utility>

namespace msgq {
namespace {

// A slot is given what it lately finished in this time: long enough to hide a commit, short enough
// that a slow handler holds one message only. Measured in benchmarks (N5, N8).
constexpr std::int64_t kPaceNs = 5'000'000;
constexpr std::int64_t kLotCountMax = 2'000;
// How often slow keys are looked for where too much waits for others.
constexpr Nanos kShedGap = std::chrono::milliseconds(50);
// What went behind as it came leaves the room that it was claimed for: at most so much more is
// asked for, or a long row of it would come in small pieces.
constexpr std::uint32_t kPassedMax = 500;

}  // namespace

Scheduler::Scheduler(const Config& config, Clock& clock, WorkerSpec spec)
    : config_(config), clock_(clock), spec_(std::move(spec)) {
  if (spec_.channels.empty())
    throw Error(ErrorCode::kConfigInvalid, "a worker needs at least one handler");
  for (const auto& channel : spec_.channels) {
    validate_queue_name(channel.queue);
    channels_.push_back(
        std::make_unique<Channel>(channel, static_cast<std::uint32_t>(channels_.size())));
    Lane& lane = lane_of(channel.queue);
    lane_of_channel_.push_back(&lane);
    if (channel.type == "*")
      lane.rest = channels_.back().get();
    else
      lane.channels.push_back(channels_.back().get());
    lane.has_slots = lane.has_slots || !channel.is_async;
  }
  if (spec_.order != QueueOrder::kWeighted) return;
  for (const auto& [queue, weight] : spec_.weights)
    for (const auto& lane : lanes_)
      if (lane->queue == queue) lane->weight = std::max(weight, 1u);
}

void Scheduler::connect(const std::shared_ptr<KeyGate>& gate) {
  gate_ = gate;
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    Channel& channel = *channels_[i];
    channel.connect(gate);
    channel.outlet().on_ready = [weak = weak_from_this(), is_async = channel.spec().is_async] {
      if (const auto self = weak.lock()) self->announce(!is_async, is_async);
    };
    channel.outlet().on_gone = [weak = weak_from_this(),
                                lane = lane_of_channel_[i]](const KeyGate::Ref& what) {
      if (const auto self = weak.lock()) note_gone(*lane, what.held);
    };
  }
  strays_->on_ready = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->take_strays();
  };
  strays_->on_gone = [](const KeyGate::Ref&) {};
}

void Scheduler::note_gone(Lane& lane, const HeldPtr& held) {
  lane.held.fetch_sub(1, std::memory_order_acq_rel);
  held->traffic.held.fetch_sub(1, std::memory_order_relaxed);
}

// Their handlers live in some other worker.
void Scheduler::take_strays() {
  std::vector<Span> spans;
  gate_->take(*strays_, ~0u, spans);
  for (const Span& span : spans) on_unroutable(span);
}

// Messages with keys go where their handlers are when it is their turn.
void Scheduler::admit(Lane& lane, const HeldPtr& held, Nanos now) {
  KeyGate::Moves moves;
  for (std::uint32_t i = 0; i < held->total; ++i) {
    if (held->done.has(i)) continue;
    const auto [block, index] = held->locate(i);
    Channel* const channel = route_of(lane, block->type(index));
    const bool waits =
        gate_->admit({held, i}, channel != nullptr ? channel->outlet() : *strays_, moves);
    lane.passing += waits ? 0 : 1;
    if (channel == nullptr || !waits) continue;
    lane.held.fetch_add(1, std::memory_order_acq_rel);
    held->traffic.held.fetch_add(1, std::memory_order_relaxed);
    channel->note_admitted(now);
  }
  on_moves(std::move(moves));
}

Scheduler::Lane& Scheduler::lane_of(std::string_view queue) {
  for (const auto& lane : lanes_)
    if (lane->queue == queue) return *lane;
  lanes_.push_back(std::make_unique<Lane>());
  lanes_.back()->queue = queue;
  return *lanes_.back();
}

std::shared_ptr<SpanLot> Scheduler::take(Nanos timeout, bool is_async) {
  const Nanos start = clock_.steady();
  const Nanos until = timeout >= kNever - start ? kNever : start + timeout;
  while (true) {
    const auto key = work_.key();
    if (is_stopped()) return nullptr;
    const Nanos now = clock_.steady();
    Nanos ripe_at = kNever;
    if (auto lot = try_take(is_async, now, ripe_at)) return lot;
    if (now >= until) return nullptr;
    const Nanos wake_at = std::min(until, ripe_at);
    work_.wait(key, wake_at == kNever ? kNever : wake_at - now);
  }
}

std::shared_ptr<SpanLot> Scheduler::try_take(bool is_async, Nanos now, Nanos& ripe_at) {
  // Strict order begins at the first channel each time; the others take turns.
  const std::size_t count = channels_.size();
  const std::size_t start = spec_.order == QueueOrder::kStrict
                                ? 0
                                : turn_.fetch_add(1, std::memory_order_relaxed) % count;
  for (std::size_t i = 0; i < count; ++i) {
    Channel& channel = *channels_[(start + i) % count];
    if (channel.spec().is_async != is_async) continue;
    const Nanos at = channel.ripe_at(now);
    if (at > now) {
      ripe_at = std::min(ripe_at, at);
      continue;
    }
    if (auto lot = take_from(channel, now)) return lot;
  }
  return nullptr;
}

std::uint32_t Scheduler::lot_size(const Channel& channel) const {
  if (channel.spec().batch_count > 0) return channel.spec().batch_count;
  if (channel.spec().is_async) return kLotCountMax;
  const std::int64_t pace = channel.pace().count();
  if (pace == 0) return 1;
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(kPaceNs / pace, 1, kLotCountMax));
}

// Takes room and messages for one lot, also such as are expired; how many.
std::uint32_t Scheduler::take_spans(Channel& channel, std::vector<Span>& spans) {
  const bool is_async = channel.spec().is_async;
  const std::uint32_t ready = channel.ready();
  if (ready == 0) return 0;
  // Of a key, of which one counts as ready, a slot may have some in a row.
  const std::uint32_t wanted = is_async ? std::min(lot_size(channel), ready) : lot_size(channel);
  const std::uint32_t room = channel.enter(is_async ? wanted : 1);
  if (room == 0) return 0;
  const std::uint32_t got = channel.take_spans(spans, is_async ? room : wanted);
  if (is_async)
    channel.leave(room - got);
  else if (got == 0)
    channel.leave(1);
  return got;
}

std::shared_ptr<SpanLot> Scheduler::take_from(Channel& channel, Nanos now) {
  const bool is_async = channel.spec().is_async;
  std::vector<Span> spans;
  std::uint32_t got = 0;
  while (got == 0) {
    const std::uint32_t taken = take_spans(channel, spans);
    if (taken == 0) return nullptr;
    got = taken - drop_expired(channel, spans);
    if (got == 0 && !is_async) channel.leave(1);
  }
  // What we split may be waited for by a slot that found nothing while it was in our hands.
  if (channel.ready() > 0) {
    if (is_stopped_.fetch_add(0, std::memory_order_acq_rel) != 0)
      return_rest();
    else if (!is_async)
      work_.signal_one();
  }
  auto on_leave = [self = shared_from_this()](SpanLot& lot, std::uint32_t count, bool is_last) {
    self->settled(lot, count, is_last);
  };
  auto lot = std::make_shared<SpanLot>(channel.spec().queue, channel.index(), std::move(spans), now,
                                       std::move(on_leave));
  const Span& first = lot->spans().front();
  const auto [block, index] = first.held->locate(first.from);
  const std::int64_t age_ms =
      std::max<std::int64_t>(clock_.wall_ms() - block->enqueued_ms(index), 0);
  first.held->traffic.age_ns.record(std::chrono::milliseconds(age_ms), got);
  return lot;
}

// Takes out of `spans` what may no longer be run; how much.
std::uint32_t Scheduler::drop_expired(Channel& channel, std::vector<Span>& spans) {
  if (std::none_of(spans.begin(), spans.end(), [](const Span& s) { return s.held->may_expire; }))
    return 0;
  const std::int64_t now_ms = store_now();
  std::vector<Span> expired;
  split_expired(spans, expired, now_ms);
  std::uint32_t gone = 0;
  for (const Span& span : expired) {
    gone += span.count();
    span.held->traffic.held.fetch_sub(span.count(), std::memory_order_relaxed);
  }
  if (gone == 0) return 0;
  lane_of_channel_[channel.index()]->held.fetch_sub(gone, std::memory_order_acq_rel);
  if (channel.spec().is_async) channel.leave(gone);
  on_expired(std::move(expired));
  return gone;
}

void Scheduler::watch(std::shared_ptr<Waker> waker) {
  MutexLock lock(mutex_);
  waker_ = std::move(waker);
  if (waker_) waker_->poke();
}

void Scheduler::announce(bool has_sync, bool has_async) {
  if (has_sync) work_.signal();
  if (!has_async) return;
  MutexLock lock(mutex_);
  if (waker_) waker_->poke();
}

void Scheduler::settled(SpanLot& lot, std::uint32_t count, bool is_last) {
  Channel& channel = *channels_[lot.channel()];
  Lane& lane = *lane_of_channel_[lot.channel()];
  const bool is_async = channel.spec().is_async;
  if (is_last) {
    const Nanos each = (clock_.steady() - lot.taken_at) / std::max(lot.size(), 1u);
    const std::int64_t now = std::max<std::int64_t>(each.count(), 1);
    const std::int64_t own = channel.pace().count();
    channel.set_pace(Nanos(own == 0 ? now : (own + now) / 2));
    const std::int64_t before = lane.pace_ns.load(std::memory_order_relaxed);
    lane.pace_ns.store(before == 0 ? now : (before + now) / 2, std::memory_order_relaxed);
    lot.spans().front().held->traffic.handle_ns.record(each, lot.size());
  }
  if (is_async)
    channel.leave(count);
  else if (is_last)
    channel.leave(1);
  lane.held.fetch_sub(count, std::memory_order_acq_rel);
  lot.spans().front().held->traffic.held.fetch_sub(count, std::memory_order_relaxed);
  if (channel.spec().concurrency > 0 && channel.ready() > 0) announce(!is_async, is_async);
}

void Scheduler::stop() {
  is_stopped_.exchange(1, std::memory_order_acq_rel);
  return_rest();
  announce(true, true);
}

void Scheduler::return_rest() {
  std::vector<Span> rest;
  KeyGate::Moves moves;
  for (const auto& channel : channels_) {
    const std::uint32_t count = channel->take_all(rest, moves);
    lane_of_channel_[channel->index()]->held.fetch_sub(count, std::memory_order_acq_rel);
  }
  for (const Span& span : rest)
    span.held->traffic.held.fetch_sub(span.count(), std::memory_order_relaxed);
  if (gate_) gate_->withdraw(*strays_, rest, moves);
  if (!rest.empty()) on_returned(std::move(rest));
  if (gate_) on_moves(std::move(moves));
}

void Scheduler::give_up(const Error&) {
  is_stopped_.exchange(1, std::memory_order_acq_rel);
  announce(true, true);
}

// An event loop cannot wait for a batch to ripen: it is told when it has.
Nanos Scheduler::tick(Nanos now) {
  Nanos next = is_stopped() ? kNever : shed_slow_keys(now);
  bool has_ripe = false;
  for (const auto& channel : channels_) {
    if (!channel->spec().is_async || channel->spec().batch_count == 0) continue;
    const Nanos at = channel->ripe_at(now);
    if (at > now) next = std::min(next, at);
    has_ripe = channel->turned_ripe(at <= now) || has_ripe;
  }
  if (has_ripe) announce(false, true);
  return next;
}

// How many messages of a queue may be held at once: one a slot for slow handlers, what the slots
// finish in kPaceNs twice over for quick ones (one half runs while the other is being claimed).
std::int64_t Scheduler::window(const Lane& lane) const {
  std::int64_t sync_slots = 0, own = 0;
  bool is_unbounded = false;
  const auto add = [&](const Channel& channel) {
    const auto& spec = channel.spec();
    if (spec.is_async) {
      own += 2ll * (spec.concurrency > 0 ? spec.concurrency : 1'000);
    } else if (spec.batch_count > 0) {
      const std::uint32_t lots =
          spec.concurrency > 0 ? std::min(spec.concurrency, spec_.slots) : spec_.slots;
      own += 2ll * spec.batch_count * lots;
    } else {
      is_unbounded = is_unbounded || spec.concurrency == 0;
      sync_slots += spec.concurrency;
    }
  };
  for (const Channel* channel : lane.channels) add(*channel);
  if (lane.rest) add(*lane.rest);
  if (is_unbounded) sync_slots = spec_.slots;
  sync_slots = std::min<std::int64_t>(sync_slots, spec_.slots);
  if (config_.prefetch > 0) return own + sync_slots + config_.prefetch;
  const std::int64_t pace = lane.pace_ns.load(std::memory_order_relaxed);
  const std::int64_t each = pace == 0 ? 1 : std::clamp<std::int64_t>(kPaceNs / pace, 1, 10'000);
  return own + sync_slots * each * (each > 1 ? 2 : 1);
}

// Messages that wait for a handler at its own limit. They take no slot, so a blocked queue must not
// count against the room of the others.
std::int64_t Scheduler::stuck(const Lane& lane) {
  std::int64_t count = 0;
  for (const Channel* channel : lane.channels) {
    const std::uint32_t most = channel->spec().concurrency;
    if (most > 0 && channel->running() >= most) count += channel->ready();
  }
  return count;
}

std::int64_t Scheduler::fresh_blocked(const Lane& lane) {
  std::int64_t count = lane.rest != nullptr ? lane.rest->outlet().fresh_blocked() : 0;
  for (Channel* channel : lane.channels) count += channel->outlet().fresh_blocked();
  return count;
}

// Messages that wait for others of their keys, those that were claimed afresh up to a bound: they
// must not keep the others away.
std::int64_t Scheduler::blocked(const Lane& lane) const {
  if (!gate_) return 0;
  std::int64_t count = lane.rest != nullptr ? lane.rest->blocked() : 0;
  for (const Channel* channel : lane.channels) count += channel->blocked();
  const std::int64_t fresh = fresh_blocked(lane);
  return count - std::max<std::int64_t>(fresh - gate_->waiting_max(), 0);
}

// Beyond the bound they would: those of slow keys go back to the store. When to look again.
Nanos Scheduler::shed_slow_keys(Nanos now) {
  if (!gate_ || !gate_->is_in_use()) return kNever;
  std::vector<Shed> sheds;
  KeyGate::Moves moves;
  Nanos next = kNever;
  for (const auto& lane : lanes_) {
    if (fresh_blocked(*lane) < gate_->waiting_max()) continue;
    next = std::max(shed_at_, now);
    if (now < shed_at_) break;
    for (Channel* channel : lane->channels) gate_->shed(channel->outlet(), sheds, moves);
    if (lane->rest != nullptr) gate_->shed(lane->rest->outlet(), sheds, moves);
  }
  if (next == kNever || now < shed_at_) return next;
  shed_at_ = now + kShedGap;
  if (sheds.empty()) return shed_at_;
  on_shed(std::move(sheds));
  on_moves(std::move(moves));
  return now;
}

// The order in which lanes are asked for now. Asking again gives the same; take_turn() goes on.
std::vector<Scheduler::Lane*> Scheduler::order() const {
  std::vector<Lane*> out;
  for (const auto& lane : lanes_) out.push_back(lane.get());
  if (spec_.order != QueueOrder::kStrict)
    std::stable_sort(out.begin(), out.end(), [](const Lane* a, const Lane* b) {
      return a->credit + a->weight > b->credit + b->weight;
    });
  std::stable_partition(out.begin(), out.end(), [](const Lane* lane) { return lane->has_slots; });
  return out;
}

// Smooth weighted turns among the lanes that the store was asked for: each gains its weight, the
// first pays for all. Lanes without work neither gain nor pay.
void Scheduler::take_turn() {
  for (Lane* lane : asked_) {
    lane->credit += lane->weight;
    asked_.front()->credit -= lane->weight;
  }
  asked_.clear();
}

void Scheduler::answered(const Demand& demand) {
  Lane& lane = lane_of(demand.queue);
  lane.passed = std::min(std::exchange(lane.passing, 0), kPassedMax);
  if (lane.has_slots) asked_.push_back(&lane);
}

// Lanes with handlers on slots share the slots' room; what runs on an event loop has its own.
void Scheduler::demands(std::vector<Demand>& out, Nanos) {
  if (is_stopped()) return;
  take_turn();
  std::int64_t room = 0;
  for (const auto& lane : lanes_)
    if (lane->has_slots) room = std::max(room, window(*lane));
  for (const auto& lane : lanes_)
    if (lane->has_slots)
      room -= lane->held.load(std::memory_order_acquire) - stuck(*lane) - blocked(*lane);
  bool follows = false;
  for (Lane* lane : order()) {
    std::int64_t own = window(*lane) + blocked(*lane) - lane->held.load(std::memory_order_acquire);
    if (lane->has_slots) own = std::min(own, room);
    if (own > 0) own += 2 * static_cast<std::int64_t>(lane->passed);
    if (config_.claim_size > 0) own = std::min<std::int64_t>(own, config_.claim_size);
    if (own <= 0) continue;
    Demand demand;
    demand.queue = lane->queue;
    demand.count_max = static_cast<std::uint32_t>(own);
    demand.lease_ms = config_.lease.count();
    demand.continues = lane->has_slots && follows;
    follows = follows || lane->has_slots;
    out.push_back(std::move(demand));
  }
}

Channel* Scheduler::route_of(Lane& lane, std::string_view type) {
  for (Channel* channel : lane.channels)
    if (channel->spec().type == type) return channel;
  return lane.rest;
}

// Runs of one kind go to its channel.
void Scheduler::route(Lane& lane, const HeldPtr& held, Nanos now) {
  bool has_sync = false, has_async = false;
  for (std::uint32_t i = 0; i < held->total;) {
    if (held->done.has(i)) {
      ++i;
      continue;
    }
    std::uint32_t end = held->uniform_end(i);
    if (!held->done.empty())
      for (std::uint32_t j = i + 1; j < end; ++j)
        if (held->done.has(j)) end = j;
    const auto [block, index] = held->locate(i);
    if (Channel* channel = route_of(lane, block->type(index))) {
      lane.held.fetch_add(end - i, std::memory_order_acq_rel);
      held->traffic.held.fetch_add(end - i, std::memory_order_relaxed);
      channel->route({held, i, end}, now);
      (channel->spec().is_async ? has_async : has_sync) = true;
    } else {
      on_unroutable({held, i, end});
    }
    i = end;
  }
  announce(has_sync, has_async);
}

bool Scheduler::deliver(const Demand& demand, const HeldPtr& held) {
  if (is_stopped()) return false;
  Lane& lane = lane_of(demand.queue);
  if (held->claim.is_keyed && gate_)
    admit(lane, held, clock_.steady());
  else
    route(lane, held, clock_.steady());
  if (is_stopped_.fetch_add(0, std::memory_order_acq_rel) != 0) return_rest();
  return true;
}

}  // namespace msgq
