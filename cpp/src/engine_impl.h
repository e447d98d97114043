// The rooms of one engine, wired together, and what its public face needs of them: whether it is
// open, letting a parcel in, and ending.
//
// Threads: as Engine; the rooms say for themselves.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fork.h"
#include "base/log.h"
#include "base/random.h"
#include "base/runtime.h"
#include "dispatch/key_gate.h"
#include "dispatch/raw_claims.h"
#include "dispatch/scheduler.h"
#include "intake/batcher.h"
#include "intake/kept.h"
#include "lease/ack_watch.h"
#include "lease/claimer.h"
#include "lease/settler.h"
#include "msgq/engine.h"
#include "transport/tenancy.h"
#include "transport/writer.h"
#include "wake/listener.h"

namespace msgq {

struct Registration final : Engine::Worker {
  explicit Registration(std::shared_ptr<Scheduler> s) : scheduler(std::move(s)) {}
  const std::shared_ptr<Scheduler> scheduler;
};

// The machine's own world, for engines that nobody gave one.
struct OwnWorld {
  std::unique_ptr<Runtime> runtime = make_thread_runtime(system_clock());
  World world{system_clock(), system_random(), *runtime};
};

// Acknowledgements wait so long at most for the next claim, where each exchange is a transaction of
// a server.
inline constexpr Nanos kSettleLinger = std::chrono::milliseconds(2);

struct Engine::Impl {
  Impl(Config c, World w, std::unique_ptr<transport::Transport> t, std::unique_ptr<OwnWorld> own,
       std::unique_ptr<Log> l)
      : config(std::move(c)),
        own_world(std::move(own)),
        world(w),
        log(std::move(l)),
        transport(std::move(t)),
        admission(world.clock, config.inflight_count_max, config.inflight_bytes_max),
        ledger(config, world.clock),
        settler(world.clock, ledger, config.expired),
        ack_watch(settler),
        batcher(config, world.clock, admission, transport->capability().is_durable),
        own_bundler(config, world.clock, admission, transport->capability().is_durable),
        settles_at_once(!transport->capability().is_durable && !config.strict_queues &&
                        config.store_count_max == 0 && config.store_bytes_max == 0),
        claimer(config, world.clock, ledger, book,
                static_cast<std::int64_t>(world.random.below(1'000))),
        raw_claims(std::make_shared<RawClaims>(world.clock, keys)),
        writer(world, *log, transport->open_session()) {
    if (!transport->capability().has_single_writer)
      own_intake.emplace(world, *log, transport->open_session());
    wire();
    try {
      for (Service* service : services()) world.runtime.start(*service);
    } catch (...) {
      for (Service* service : services()) world.runtime.stop(*service);
      throw;
    }
  }

  // What runs by itself. Stopping one that was not started does nothing.
  std::vector<Service*> services() {
    std::vector<Service*> out{&writer};
    if (own_intake) out.push_back(&*own_intake);
    if (listener) out.push_back(&*listener);
    return out;
  }
  // Bundles go through the session that settles.
  Batcher& bundler() { return own_intake ? own_bundler : batcher; }
  transport::Writer& intake() { return own_intake ? *own_intake : writer; }

  void wire() {
    writer.add(bundler());  // before the settler, which is told what goes along with bundles
    writer.add(claimer.starter());
    writer.add(settler);
    writer.add(ledger);
    writer.add(ack_watch);
    writer.add(claimer);
    writer.set_intake(bundler());
    wire_bundles();
    if (own_intake) {
      own_intake->add(batcher);
      own_intake->set_intake(batcher);
      own_intake->only_stores();
      settler.linger(kSettleLinger, [this] { return claimer.is_asking(); });
    }
    claimer.give_back = [this](const HeldPtr& held) { give_back({{held, 0, held->total}}); };
    wire_keys();
    raw_claims->on_request = [this] { writer.poke(); };
    raw_claims->on_unwanted = [this](std::vector<Span> spans) { give_back(std::move(spans)); };
    raw_claims->on_expired = [this](const std::vector<Span>& spans) {
      decide_all(spans, {0, Verdict::kExpire, 0, {}, {}});
    };
    raw_claims->store_now = [this] { return store_now(); };
    claimer.add(raw_claims);
    if (own_intake)
      own_intake->on_work_made = [this](const transport::Exchange& done) {
        if (claimer.expect(done)) writer.poke();
        if (auto* wake = transport->wake()) wake->hint();
      };
    if (auto* wake = transport->wake()) {
      writer.on_work_made = [wake](const transport::Exchange&) { wake->hint(); };
      wake->on_due = [this] {
        claimer.stir();
        writer.poke();
      };
      listener.emplace([wake](Nanos most) { return wake->wait(most); },
                       [this] {
                         if (claimer.hint()) writer.poke();
                       });
    }
  }

  void wire_bundles() {
    bundler().on_withdraw = [this](transport::Exchange& ex) { settler.withdraw(ex); };
    bundler().on_lost = [this](const transport::Exchange& ex, std::size_t settle) {
      settler.lose(ex, settle);
    };
    // What follows one of a key runs when that is durable: until then it may come again.
    settler.on_joined = [this](Settled settled) {
      const std::size_t before = settled.named.size();
      decide_keys(settled);
      if (settled.named.size() == before) return;
      settled.named.erase(settled.named.begin(),
                          settled.named.begin() + static_cast<std::ptrdiff_t>(before));
      push_settled(std::move(settled));
    };
  }

  void wire_keys() {
    settler.on_push = [this](Settled& settled) { decide_keys(settled); };
    settler.on_parked = [this](const HeldPtr& held, std::uint32_t ordinal) {
      KeyGate::Moves moves;
      keys->landed(held, ordinal, moves);
      pass(std::move(moves));
    };
    settler.on_given_back = [this](const HeldPtr& held) {
      KeyGate::Moves moves;
      keys->ended(held, moves);
      pass(std::move(moves));
    };
    ledger.on_over = [this](const HeldPtr& held) {
      KeyGate::Moves moves;
      held->is_lost.load() ? keys->ended(held, moves) : keys->lapsed(held, moves);
      pass(std::move(moves));
    };
    raw_claims->on_shed = [this](std::vector<Shed> sheds) { settler.shed(std::move(sheds)); };
    raw_claims->on_moves = [this](KeyGate::Moves moves) { pass(std::move(moves)); };
    raw_claims->on_late = [this](const HeldPtr& held, std::int64_t lease_ms) {
      constexpr std::int64_t kSlackMs = 50;  // it was claimed just now
      const std::int64_t until_ms = world.clock.boot_ms() + lease_ms;
      if (until_ms > held->until_ms.load(std::memory_order_relaxed) + kSlackMs)
        ledger.extend({held}, until_ms, std::make_shared<Receipt>(MessageId{}, 1));
    };
  }

  // What the gate moved goes where it belongs.
  void pass(KeyGate::Moves moves) {
    for (const auto& [outlet, what] : moves.gone) outlet->on_gone(what);
    if (!moves.behind.empty()) {
      Settled settled;
      settled.only_named = true;
      add_behind(settled, moves);
      push_settled(std::move(settled));
    }
    std::vector<Span> back;
    for (const auto& [held, ordinal] : moves.back) back.push_back({held, ordinal, ordinal + 1});
    if (!back.empty()) give_back(std::move(back));
    for (const auto& outlet : moves.fed) outlet->on_ready();
  }

  static void add_behind(Settled& settled, const KeyGate::Moves& moves) {
    for (const auto& [held, ordinal] : moves.behind)
      settled.named.push_back({held, ordinal, {0, Verdict::kBehind, 0, {}, {}}});
  }

  // The gate hears of every decision; those that must go behind one go along with it.
  void decide_keys(Settled& settled) {
    KeyGate::Moves moves;
    if (settled.returns) {
      keys->give_back(settled.spans, moves);
      return pass(std::move(moves));
    }
    if (!keys->is_in_use()) return;
    std::vector<KeyGate::Decided> decided;
    for (const auto& named : settled.named)
      if (named.held->claim.is_keyed)
        decided.push_back({{named.held, named.ordinal}, named.decision.verdict});
    if (!settled.only_named)
      for (const Span& span : settled.spans)
        for (std::uint32_t i = span.from; i < span.to && span.held->claim.is_keyed; ++i)
          decided.push_back({{span.held, i}, Verdict::kAck});
    if (decided.empty()) return;
    keys->decide(decided, moves);
    add_behind(settled, moves);
    moves.behind.clear();
    pass(std::move(moves));
  }

  // As visit(), once everything that was enqueued here is told.
  auto settled() {
    require_settled();
    return visit();
  }

  // Something may be claimed, or come due, that was not before.
  void stir() {
    claimer.stir();
    claimer.hint();
    writer.poke();
    const auto inside = visit();
    if (auto* wake = inside ? inside->wake() : nullptr) wake->hint();
  }

  void alter(std::string_view queue, const QueueChange& change) {
    validate_queue_name(queue);
    const bool bounds = change.length_max.value_or(0) > 0;
    if (bounds) book.find(queue).is_bounded = true;  // before what is acknowledged is stored
    require_settled();
    visit()->look().alter(queue, change);
    if (change.length_max && !bounds) book.find(queue).is_bounded = false;
    stir();
  }

  bool subscribe(std::string_view queue, std::string_view name, const Start& start) {
    validate_queue_name(queue);
    const std::string full = subscription_name(queue, name);
    validate_queue_name(full);
    if (name.empty() || name.find('@') != std::string_view::npos)
      throw Error(ErrorCode::kConfigInvalid,
                  "a subscription's name has at least 1 byte and no '@'");
    book.find(full).is_bounded = true;  // whoever sends to it is told by the store
    const bool is_new = settled()->look().subscribe(queue, name, start);
    stir();
    return is_new;
  }

  std::uint64_t seek(std::string_view subscription, const Start& start) {
    const std::uint64_t count = settled()->look().seek(subscription, start);
    stir();
    return count;
  }

  // Somebody here takes work: hints of other processes are heard from now on. Throws kStoreRejected
  // where this process may only send; then nothing was asked of the store, and it goes on sending.
  void listen() {
    const auto inside = visit();
    if (auto* wake = inside ? inside->wake() : nullptr) wake->listen();
  }

  // The transport, for a call that comes from outside.
  transport::Tenancy::Visit visit() { return transport::Tenancy::Visit(transport); }

  void require_unforked() const {
    if (fork_generation() != opened_in)
      throw Error(ErrorCode::kClosed,
                  "this engine was opened before a fork and stays with the "
                  "parent; open another one in the child");
  }
  // Why nothing goes: closed, a fork's child, or a store that was given up.
  void require_open() {
    require_unforked();
    if (is_closed.load(std::memory_order_acquire)) throw closed_here();
    if (const auto error = broken()) throw *error;
  }
  bool is_broken() { return writer.is_broken() || intake().is_broken(); }
  std::optional<Error> broken() {
    if (writer.is_broken()) return writer.broken();
    return intake().is_broken() ? intake().broken() : std::nullopt;
  }

  // Before looking: where receipts settle at admission, what was enqueued must be seen by its own
  // producer, as it is on every other store.
  void require_settled() {
    require_open();
    if (settles_at_once) admission.wait_passed(std::chrono::seconds(5));
  }

  void push_settled(Settled settled) {
    settler.push(std::move(settled));
    writer.poke();
  }

  // Claimed messages that nobody will run here go back to their queue, unspent.
  void give_back(std::vector<Span> spans) {
    Settled settled;
    settled.spans = std::move(spans);
    settled.returns = true;
    push_settled(std::move(settled));
  }

  // Messages that need no handler to be decided.
  void decide_all(const std::vector<Span>& spans, const Decision& decision) {
    Settled settled;
    for (const Span& span : spans)
      for (std::uint32_t i = span.from; i < span.to; ++i)
        settled.named.push_back({span.held, i, decision});
    settled.only_named = true;
    push_settled(std::move(settled));
  }

  std::shared_ptr<Scheduler> make_scheduler(WorkerSpec spec) {
    auto scheduler = std::make_shared<Scheduler>(config, world.clock, std::move(spec));
    scheduler->on_returned = [this](std::vector<Span> spans) { give_back(std::move(spans)); };
    scheduler->on_unroutable = [this](const Span& span) {
      // Its handler lives in some other worker: it goes back, and comes again in a while.
      constexpr std::int64_t kUnknownDelayMs = 1'000;
      decide_all({span}, {0, Verdict::kSnooze, kUnknownDelayMs, {}, {}});
    };
    scheduler->on_expired = [this](const std::vector<Span>& spans) {
      decide_all(spans, {0, Verdict::kExpire, 0, {}, {}});
    };
    scheduler->connect(keys);
    scheduler->on_shed = [this](std::vector<Shed> sheds) { settler.shed(std::move(sheds)); };
    scheduler->on_moves = [this](KeyGate::Moves moves) { pass(std::move(moves)); };
    scheduler->store_now = [this] { return store_now(); };
    return scheduler;
  }

  std::int64_t store_now() {
    const auto inside = visit();
    return inside ? inside->now_ms(world.clock) : world.clock.wall_ms();
  }

  Admitted make_admitted(Parcel& parcel, Traffic& traffic, bool has_receipt) {
    if (parcel.first_id.is_nil()) parcel.first_id = draw_ids(parcel.count(), world.clock.wall_ms());
    if (parcel.expires_ms != 0) parcel.expires_ms += store_now() - world.clock.wall_ms();
    Admitted a;
    a.count = parcel.count();
    a.bytes = parcel.bytes();
    a.on_duplicate = parcel.on_duplicate;
    a.has_once = parcel.has_once;
    a.is_loose = parcel.is_loose;
    if (has_receipt) a.receipt = std::make_shared<Receipt>(parcel.first_id, a.count);
    a.traffic = &traffic;
    a.admitted_at = world.clock.steady();
    return a;
  }

  // Takes what is kept, once there is room for it. In engine_commit.cpp.
  BundlePtr make_bundle(const std::vector<KeptPtr>& kept, Nanos wait);

  // REQUIRES: room was acquired. The batcher gives it back, also when close() comes in between.
  ReceiptPtr admit(Parcel parcel, Traffic& traffic, bool has_receipt = true, bool pokes = true) {
    const std::uint64_t number = parcel.count(), bytes = parcel.bytes();
    try {
      ReceiptPtr receipt = push(std::move(parcel), traffic, has_receipt);
      if (pokes) intake().poke();
      return receipt;
    } catch (...) {
      admission.release(number, bytes);
      throw;
    }
  }

  ReceiptPtr push(Parcel parcel, Traffic& traffic, bool has_receipt) {
    Admitted admitted = make_admitted(parcel, traffic, has_receipt);
    count(admitted.traffic->enqueued, admitted.count);
    count(admitted.traffic->in_flight, admitted.count);
    ReceiptPtr receipt = admitted.receipt;
    admitted.parcel = std::move(parcel);
    const bool at_once = settles(*admitted.traffic) && !admitted.parcel.has_once;
    if (at_once && receipt) receipt->resolve(ReceiptStatus::kPersisted);
    batcher.push(std::move(admitted));
    return receipt;
  }

  // Whether a receipt is settled once its messages are admitted.
  bool settles(const Traffic& traffic) const {
    return settles_at_once && !traffic.is_bounded.load(std::memory_order_relaxed);
  }

  void check(const Parcel& parcel) const {
    if (parcel.count() == 0) throw Error(ErrorCode::kPayloadInvalid, "a parcel has no messages");
    if (is_keyed(parcel.band)) check_keyed(parcel);
    if (parcel.has_once && !transport->capability().has_dedup)
      throw Error(ErrorCode::kUnsupported, std::string("dedup ids are not offered on ") +
                                               transport->capability().scheme + " stores");
    std::uint32_t before = 0;
    for (const std::uint32_t end : parcel.ends) {
      if (end - before > config.message_bytes_max + 128'000)
        throw Error(ErrorCode::kPayloadInvalid, "a message has " + std::to_string(end - before) +
                                                    " bytes, at most " +
                                                    std::to_string(config.message_bytes_max) +
                                                    " are allowed (message_bytes_max)");
      before = end;
    }
  }

  void check_keyed(const Parcel& parcel) const {
    const auto& can = transport->capability();
    if (!can.has_keys)
      throw Error(ErrorCode::kUnsupported,
                  std::string("messages with a key are not offered on ") + can.scheme + " stores");
    if (parcel.priority != kPriorityNormal)
      throw Error(ErrorCode::kConfigInvalid,
                  "a message with a key has no priority: it would overtake others of its key");
    if (parcel.due_ms != 0)
      throw Error(ErrorCode::kConfigInvalid,
                  "a message with a key has no delay: others of its key would overtake it");
  }

  bool is_quiet() { return pending() == 0 || is_broken(); }
  std::uint64_t pending() const { return admission.count() + settler.pending() + ledger.pending(); }

  bool wait_quiet(Nanos until) {
    while (!is_quiet()) {
      if (world.clock.steady() >= until) return false;
      writer.poke();
      intake().poke();
      take_nap();
    }
    return true;
  }

  // Answers everybody who still waits. What passed the doors before they were closed is on its way
  // into an inbox, a few instructions long: it is waited for.
  void give_up_rest() {
    const Error error(ErrorCode::kClosed,
                      "the engine was closed before this was stored or settled");
    const bool is_in_doubt = writer.is_in_doubt();
    for (int naps = 0; naps < 5'000; ++naps) {
      batcher.give_up(error, intake().is_in_doubt());
      if (own_intake) own_bundler.give_up(error, is_in_doubt);
      settler.give_up(error, is_in_doubt);
      ledger.give_up(error, is_in_doubt);
      if (pending() == 0) return;
      take_nap();
    }
  }

  // Somebody else closes.
  bool wait_ended(Nanos until) {
    while (!is_ended.load(std::memory_order_acquire)) {
      if (world.clock.steady() >= until) return false;
      take_nap();
    }
    return true;
  }

  void take_nap() { nap.wait(nap.key(), std::chrono::milliseconds(1)); }

  Nanos end_of(Nanos timeout) const {
    const Nanos now = world.clock.steady();
    return timeout >= kNever - now ? kNever : now + timeout;
  }

  // fixed after construction
  const Config config;
  const std::unique_ptr<OwnWorld> own_world;
  const World world;
  const std::unique_ptr<Log> log;
  transport::Tenancy transport;
  const std::uint32_t opened_in = fork_generation();
  // the rooms, in the order of the road
  TrafficBook book;
  Admission admission;
  Ledger ledger;
  Settler settler;
  AckWatch ack_watch;
  Batcher batcher, own_bundler;
  // What is in memory is as safe before the flush as after it: nobody need wait for one.
  const bool settles_at_once;
  Claimer claimer;
  const std::shared_ptr<KeyGate> keys = std::make_shared<KeyGate>(world.clock);
  const std::shared_ptr<RawClaims> raw_claims;
  transport::Writer writer;
  // Of its own where the store can serve two at once: settles and claims wait for no flush.
  std::optional<transport::Writer> own_intake;
  std::optional<Listener> listener;
  // atomic
  std::atomic<bool> is_closed{false};
  Event nap;  // nobody signals it: a bounded wait
  // guarded by mutex
  Mutex mutex;
  std::vector<std::shared_ptr<Scheduler>> schedulers MSGQ_GUARDED_BY(mutex);
  bool is_stopped MSGQ_GUARDED_BY(mutex) = false;
  // atomic: set once close() has done everything
  std::atomic<bool> is_ended{false};
};

}  // namespace msgq
