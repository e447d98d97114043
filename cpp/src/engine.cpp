// The public face: one line each between a call and the room that does it, and the end of the road
// in close(). The rooms and their wiring are in engine_impl.h.
#include "msgq/engine.h"

#include <algorithm>

#include "base/check.h"
#include "engine_impl.h"
#include "engine_lots.h"
#include "engine_parts.h"
#include "transport/open.h"

namespace msgq {
namespace {

Scheduler& scheduler_of(const Engine::WorkerPtr& worker) {
  MSGQ_CHECK(worker != nullptr, "a worker");
  return *static_cast<Registration&>(*worker).scheduler;
}

void add_writer(Snapshot& out, const transport::Writer& writer) {
  out.flushes += writer.flushes;
  out.flush_errors += writer.errors;
  out.blocks += writer.blocks;
  out.store_waiting_ns += writer.waited_ns;
  const Histogram flush_ns = writer.flush_ns.snapshot();
  for (std::size_t i = 0; i < flush_ns.size(); ++i) out.flush_ns[i] += flush_ns[i];
}

}  // namespace

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Engine::Engine(Config config) {
  config.validate();
  auto own = std::make_unique<OwnWorld>();
  auto log = std::make_unique<Log>();
  const World world = own->world;
  auto transport = transport::open_transport(config, world, *log);
  impl_ = std::make_unique<Impl>(std::move(config), world, std::move(transport), std::move(own),
                                 std::move(log));
}

std::unique_ptr<Engine> EngineParts::make(Config config, World world,
                                          std::unique_ptr<transport::Transport> transport) {
  config.validate();
  return std::unique_ptr<Engine>(new Engine(std::make_unique<Engine::Impl>(
      std::move(config), world, std::move(transport), nullptr, std::make_unique<Log>())));
}

void EngineParts::test_only_limit_keys(Engine& engine, std::uint32_t waiting_max, Nanos slow) {
  engine.impl_->keys->test_only_limit(waiting_max, slow);
}

std::unique_ptr<transport::Session> EngineParts::test_only_kill(std::unique_ptr<Engine> engine) {
  auto& impl = *engine->impl_;
  if (impl.listener) {
    impl.transport->wake()->stop();
    impl.world.runtime.stop(*impl.listener);
  }
  impl.world.runtime.stop(impl.writer);
  if (impl.own_intake) impl.world.runtime.stop(*impl.own_intake);
  impl.is_closed.store(true);
  {
    MutexLock lock(impl.mutex);
    impl.is_stopped = true;
  }
  return impl.writer.test_only_abandon();
}

Engine::~Engine() {
  if (impl_ && fork_generation() != impl_->opened_in) {
    (void)impl_.release();  // the parent's threads and locks are not ours to touch
    return;
  }
  try {
    close(Nanos::zero());
  } catch (const std::exception&) {
    // close() has logged what it could; a destructor has nobody to tell
  }
}

// --- producers ---

const Config& Engine::config() const { return impl_->config; }

void Engine::wait_room(const Parcel& parcel, std::chrono::nanoseconds timeout) {
  impl_->require_unforked();
  impl_->admission.wait_room(parcel.count(), parcel.bytes(), timeout);
}

ReceiptPtr Engine::enqueue(Parcel parcel, std::optional<std::chrono::nanoseconds> wait) {
  impl_->require_open();
  impl_->check(parcel);
  Traffic& traffic = impl_->book.find(parcel.queue);
  const std::uint64_t number = parcel.count(), bytes = parcel.bytes();
  if (!impl_->admission.try_acquire(number, bytes)) {
    const auto& config = impl_->config;
    impl_->require_open();  // no room is left by closing, too
    if (config.overflow == Overflow::kDrop) {
      auto dropped = impl_->make_admitted(parcel, traffic, true);
      count(traffic.dropped, number);
      dropped.receipt->resolve(ReceiptStatus::kDropped);
      return dropped.receipt;
    }
    const bool may_wait = config.overflow == Overflow::kBlock;
    if (!may_wait ||
        !impl_->admission.acquire(number, bytes, wait.value_or(config.overflow_wait))) {
      impl_->require_open();
      throw Error(ErrorCode::kQueueFull,
                  std::to_string(impl_->admission.count()) + " messages and " +
                      std::to_string(impl_->admission.bytes()) +
                      " bytes are on their way into the store (inflight_count_max " +
                      std::to_string(config.inflight_count_max) + ", inflight_bytes_max " +
                      std::to_string(config.inflight_bytes_max) + "); nothing was enqueued");
    }
  }
  return impl_->admit(std::move(parcel), traffic);
}

void Engine::work(const Receipt& own, std::chrono::nanoseconds most) {
  // Many are better served by a thread that stores what has come from all of them.
  if (impl_->admission.count() > own.count()) return impl_->intake().poke();
  impl_->intake().work(most);
}

ReceiptPtr Engine::try_enqueue(Parcel& parcel, bool works) {
  impl_->require_open();
  impl_->check(parcel);
  Traffic& traffic = impl_->book.find(parcel.queue);
  const bool would_block = impl_->config.overflow == Overflow::kBlock;
  if (would_block && !impl_->admission.try_acquire(parcel.count(), parcel.bytes())) {
    impl_->require_open();
    return nullptr;
  }
  if (!would_block) return enqueue(std::move(parcel));
  return impl_->admit(std::move(parcel), traffic, true, !works);
}

std::optional<MessageId> Engine::try_put(Parcel& parcel) {
  if (!impl_->settles_at_once || parcel.has_once) return std::nullopt;
  impl_->require_open();
  impl_->check(parcel);
  Traffic& traffic = impl_->book.find(parcel.queue);
  if (!impl_->settles(traffic)) return std::nullopt;
  if (!impl_->admission.try_acquire(parcel.count(), parcel.bytes())) return std::nullopt;
  parcel.first_id = draw_ids(parcel.count(), impl_->world.clock.wall_ms());
  const MessageId first_id = parcel.first_id;
  impl_->admit(std::move(parcel), traffic, false);
  return first_id;
}

// --- workers ---

Engine::WorkerPtr Engine::open_worker(WorkerSpec spec) {
  impl_->require_open();
  impl_->listen();
  auto scheduler = impl_->make_scheduler(std::move(spec));
  {
    MutexLock lock(impl_->mutex);
    if (impl_->is_stopped) throw closed_here();
    impl_->schedulers.push_back(scheduler);
  }
  impl_->claimer.add(scheduler);
  impl_->writer.poke();
  return std::make_shared<Registration>(std::move(scheduler));
}

LotPtr Engine::take(const WorkerPtr& worker, std::chrono::nanoseconds timeout, bool is_async) {
  impl_->require_unforked();
  if (impl_->is_closed.load(std::memory_order_acquire)) return nullptr;
  if (const auto error = impl_->broken()) throw *error;
  while (auto lot = scheduler_of(worker).take(timeout, is_async)) {
    if (!lot->is_lost()) return lot;
    give_back(lot);  // a lease ended while it waited for a slot; other claims in it have not
  }
  if (const auto error = impl_->broken()) throw *error;
  return nullptr;
}

bool Engine::is_stopped(const WorkerPtr& worker) const {
  return is_closed() || scheduler_of(worker).is_stopped();
}

void Engine::watch(const WorkerPtr& worker, std::shared_ptr<Waker> waker) {
  impl_->require_unforked();
  scheduler_of(worker).watch(std::move(waker));
}

void Engine::settle(const LotPtr& lot, std::vector<Decision> decisions) {
  impl_->require_unforked();
  SpanLot& spans = span_lot(lot);
  Settled settled;
  settled.named = name_decisions(spans, std::move(decisions));
  settled.spans = spans.spans();
  spans.leave(spans.size());
  impl_->push_settled(std::move(settled));
}

void Engine::settle_some(const LotPtr& lot, std::vector<Decision> decisions, bool again) {
  impl_->require_unforked();
  SpanLot& spans = span_lot(lot);
  Settled settled;
  settled.only_named = true;
  settled.named = name_decisions(spans, std::move(decisions), again);
  if (!again) spans.leave(static_cast<std::uint32_t>(settled.named.size()));
  impl_->push_settled(std::move(settled));
}

void Engine::stop_worker(const WorkerPtr& worker) {
  impl_->require_unforked();
  const auto scheduler = static_cast<Registration&>(*worker).scheduler;
  impl_->claimer.remove(scheduler);
  scheduler->stop();
  MutexLock lock(impl_->mutex);
  std::erase(impl_->schedulers, scheduler);
}

void Engine::give_back(const LotPtr& lot) {
  impl_->require_unforked();
  SpanLot& spans = span_lot(lot);
  spans.leave(spans.undecided.load());
  impl_->give_back(spans.rest());
}

// --- raw claims ---

std::unique_ptr<ClaimWait> Engine::begin_claim(std::string_view queue, std::uint32_t number,
                                               std::chrono::nanoseconds wait,
                                               std::chrono::milliseconds lease) {
  impl_->require_open();
  validate_queue_name(queue);
  if (number == 0)
    throw Error(ErrorCode::kConfigInvalid, "a claim is for at least 1 message, not 0");
  impl_->listen();
  return impl_->raw_claims->begin(std::string(queue), number, wait, lease.count());
}

LotPtr Engine::claim(std::string_view queue, std::uint32_t number, std::chrono::nanoseconds wait,
                     std::chrono::milliseconds lease) {
  return begin_claim(queue, number, wait, lease)->take(kNever);
}

ReceiptPtr Engine::settle_now(const LotPtr& lot, std::vector<Decision> decisions) {
  impl_->require_open();
  SpanLot& spans = span_lot(lot);
  Settled settled;
  settled.only_named = true;
  settled.named = name_decisions(spans, std::move(decisions));
  settled.receipt = std::make_shared<Receipt>(spans.view(0).message.id,
                                              static_cast<std::uint32_t>(settled.named.size()));
  ReceiptPtr receipt = settled.receipt;
  impl_->push_settled(std::move(settled));
  return receipt;
}

ReceiptPtr Engine::extend(const LotPtr& lot, std::chrono::milliseconds lease) {
  impl_->require_open();
  auto receipt = std::make_shared<Receipt>(span_lot(lot).view(0).message.id, lot->size());
  std::vector<HeldPtr> claims;
  for (const auto& span : span_lot(lot).spans())
    if (claims.empty() || claims.back() != span.held) claims.push_back(span.held);
  impl_->ledger.extend(claims, impl_->world.clock.boot_ms() + lease.count(), receipt);
  impl_->writer.poke();
  return receipt;
}

// --- acknowledging in a transaction of the user's own ---

Engine::AckName Engine::begin_ack(const LotPtr& lot, std::uint32_t index) {
  impl_->require_open();
  const auto [held, ordinal] = span_lot(lot).locate(index);
  if (held->is_lost.load(std::memory_order_acquire))
    throw Error(ErrorCode::kLeaseLost,
                "the lease had ended; somebody else may be running it, and nothing was changed");
  if (held->claim.is_keyed)
    throw Error(ErrorCode::kUnsupported,
                "a message with a key cannot be acknowledged in a transaction of your own (conn=)");
  if (!lot->begin_ack(index))
    throw Error(ErrorCode::kLeaseLost, "the message is already settled; nothing was changed");
  const transport::ClaimKey& key = held->claim.key;
  return {key.subscription, key.lane, key.gen, key.owner, ordinal};
}

void Engine::await_ack(const LotPtr& lot, std::uint32_t index) {
  const auto [held, ordinal] = span_lot(lot).locate(index);
  impl_->ack_watch.await(held, ordinal);
  impl_->writer.poke();
}

std::vector<AckFate> Engine::bar(const LotPtr& lot, const std::vector<std::uint32_t>& indexes) {
  impl_->require_unforked();
  std::vector<transport::AckPlace> places;
  for (const std::uint32_t index : indexes) {
    const auto [held, ordinal] = span_lot(lot).locate(index);
    places.push_back({held->claim.key, ordinal});
  }
  return impl_->visit()->look().bar(places);
}

// --- looking and administering ---

std::vector<QueueDepth> Engine::depth() { return impl_->settled()->reader().depth(); }

Snapshot Engine::stats(bool with_depth, bool is_fresh) {
  impl_->require_open();
  if (with_depth) impl_->require_settled();  // the figures, too, tell of what was enqueued
  const auto transport = impl_->visit();
  auto& look = is_fresh ? transport->look() : transport->reader();
  Snapshot out;
  out.traffic = impl_->book.snapshot();
  if (with_depth) out.depth = look.depth();
  add_writer(out, impl_->writer);
  if (impl_->own_intake) add_writer(out, *impl_->own_intake);
  out.bytes_in_flight = impl_->admission.bytes();
  out.store_bytes = look.store_bytes();
  out.connections = look.connections();
  out.replica_lag_ms = look.lag_ms();
  out.reclaimed = impl_->claimer.reclaimed();
  out.threads = impl_->services().size();
  return out;
}

bool Engine::has_due() const { return impl_->claimer.has_due(); }

std::string Engine::store_name() {
  impl_->require_unforked();
  return impl_->visit()->store_name();
}

std::vector<std::string> Engine::queues() { return impl_->settled()->look().queues(); }

std::vector<FoundMessage> Engine::peek(std::string_view queue, std::string_view after,
                                       std::uint32_t limit) {
  return impl_->settled()->reader().peek(queue, after, limit);
}

std::optional<FoundMessage> Engine::find(std::string_view queue, MessageId id) {
  return impl_->settled()->reader().find(queue, id);
}

std::vector<FoundMessage> Engine::dead(std::string_view queue, std::string_view after,
                                       std::uint32_t limit) {
  return impl_->settled()->reader().dead(queue, after, limit);
}

std::uint64_t Engine::redrive(std::string_view queue, const std::vector<MessageId>& ids) {
  impl_->require_settled();
  const std::uint64_t number = impl_->visit()->look().redrive(queue, ids);
  impl_->stir();
  return number;
}

std::uint64_t Engine::delete_dead(std::string_view queue, const std::vector<MessageId>& ids) {
  return impl_->settled()->look().delete_dead(queue, ids);
}

std::uint64_t Engine::edit_dead(std::string_view queue, const DeadEdit& edit) {
  impl_->require_settled();
  const std::uint64_t number = impl_->visit()->look().edit_dead(queue, edit);
  if (edit.redrives) impl_->stir();
  return number;
}

std::uint64_t Engine::purge(std::string_view queue) {
  return impl_->settled()->look().purge(queue);
}

std::uint64_t Engine::cancel(std::string_view queue, const std::vector<MessageId>& ids) {
  return impl_->settled()->look().cancel(queue, ids);
}

std::uint64_t Engine::reschedule(std::string_view queue, const std::vector<MessageId>& ids,
                                 std::int64_t due_ms) {
  impl_->require_settled();
  const std::uint64_t number = impl_->visit()->look().reschedule(queue, ids, due_ms);
  impl_->stir();
  return number;
}

QueueSettings Engine::settings(std::string_view queue) {
  return impl_->settled()->look().settings(queue);
}

void Engine::alter(std::string_view queue, const QueueChange& change) {
  impl_->alter(queue, change);
}

void Engine::delete_queue(std::string_view queue) { impl_->settled()->look().delete_queue(queue); }

void Engine::rename_queue(std::string_view queue, std::string_view name) {
  validate_queue_name(name);
  const auto inside = impl_->settled();
  // As alter() and subscribe() do.
  if (impl_->book.find(queue).is_bounded) impl_->book.find(name).is_bounded = true;
  for (const QueueDepth& each : inside->look().depth())
    if (each.source == queue)
      impl_->book.find(transport::renamed(queue, each.queue, name)).is_bounded = true;
  inside->look().rename_queue(queue, name);
  impl_->stir();
}

bool Engine::subscribe(std::string_view queue, std::string_view name, const Start& start) {
  return impl_->subscribe(queue, name, start);
}

std::uint64_t Engine::seek(std::string_view subscription, const Start& start) {
  return impl_->seek(subscription, start);
}

void Engine::backup(const std::string& path) { impl_->settled()->look().backup(path); }

std::vector<std::pair<int, std::string>> Engine::drain_log() {
  impl_->require_unforked();
  return impl_->log->drain();
}

// --- closing: the road walked backwards ---

namespace {

constexpr Nanos kLeaveMax = std::chrono::seconds(2);  // to tell the store that we leave

}  // namespace

bool Engine::close(std::chrono::nanoseconds timeout) {
  if (fork_generation() != impl_->opened_in) return true;
  impl_->is_closed.store(true, std::memory_order_release);
  const Nanos until = impl_->end_of(timeout);
  bool is_first = true;
  std::vector<std::shared_ptr<Scheduler>> schedulers;
  {
    MutexLock lock(impl_->mutex);
    if (!std::exchange(impl_->is_stopped, true))
      schedulers = impl_->schedulers;
    else
      is_first = false;
  }
  if (!is_first) return impl_->wait_ended(until);
  // Leaving asks the store too.
  impl_->transport->end_within(timeout >= kNever - kLeaveMax ? kNever : timeout + kLeaveMax);
  impl_->claimer.stop();
  impl_->raw_claims->close();
  impl_->admission.close();
  impl_->batcher.hurry();
  impl_->own_bundler.hurry();
  for (const auto& scheduler : schedulers) stop_worker(std::make_shared<Registration>(scheduler));
  impl_->wait_quiet(until);
  impl_->settler.close();  // what handlers decide from now on comes too late
  impl_->ledger.close();
  const bool is_quiet = impl_->wait_quiet(until);
  if (impl_->listener) {
    impl_->transport->wake()->stop();
    impl_->world.runtime.stop(*impl_->listener);
  }
  impl_->world.runtime.stop(impl_->writer);
  if (impl_->own_intake) {
    impl_->world.runtime.stop(*impl_->own_intake);
    impl_->own_intake->bar_callers();
  }
  if (const auto left = impl_->pending(); left > 0)
    impl_->log->write(LogLevel::kWarning,
                      "closed with " + std::to_string(left) +
                          " messages or settles on their way; their receipts say so");
  impl_->give_up_rest();
  impl_->writer.close_session();
  if (impl_->own_intake) impl_->own_intake->close_session();
  if (transport::Wake* wake = impl_->transport->wake()) wake->leave();
  impl_->transport.end();
  impl_->is_ended.store(true, std::memory_order_release);
  return is_quiet;
}

std::optional<Error> Engine::failure() { return impl_->broken(); }

bool Engine::is_closed() const {
  return impl_->is_closed.load(std::memory_order_acquire) || fork_generation() != impl_->opened_in;
}

}  // namespace msgq
