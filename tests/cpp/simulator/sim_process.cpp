#include "simulator/sim_process.h"

#include <algorithm>

#include "msgq/error.h"

namespace msgq::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

Config make_config(test::FakeRandom& random) {
  Config config;
  config.scheme = "memory";
  config.inflight_count_max = random.one_in(4) ? 20 : 20'000;
  config.overflow = random.one_in(4) ? Overflow::kRaise : Overflow::kBlock;
  config.batch_count_max = random.one_in(3) ? 3 : 1'000;
  config.flush_count_max = random.one_in(3) ? 1 : 16;
  config.linger = milliseconds(random.one_in(3) ? 5 : 0);
  config.claim_size = random.one_in(3) ? 4 : 0;
  config.lease = milliseconds(random.one_in(2) ? 30'000 : 2'000);
  config.prefetch = random.one_in(3) ? 10 : 0;
  return config;
}

Nanos between(test::FakeRandom& random, Nanos low, Nanos high) {
  return low + Nanos(static_cast<std::int64_t>(
                   random.below(static_cast<std::uint64_t>((high - low).count() + 1))));
}

Seen seen_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAck:
      return Seen::kAck;
    case Verdict::kRetry:
      return Seen::kRetry;
    case Verdict::kSnooze:
      return Seen::kSnooze;
    case Verdict::kReject:
      return Seen::kReject;
    case Verdict::kLeave:
    case Verdict::kExpire:
    case Verdict::kBehind:  // nobody handles these
      break;
  }
  return Seen::kNo;
}

}  // namespace

SimProcess::SimProcess(Stage& stage, std::uint32_t number) : stage_(stage), number_(number) {
  auto faulty = std::make_unique<test::FaultTransport>(
      stage.store.join(),
      std::make_shared<SimPlan>(stage.random, stage.model, stage.weather, stage.plant, number));
  faulty->be_deaf();  // nobody may block in the one thread
  transport_ = faulty.get();
  engine_ = EngineParts::make(make_config(stage.random), World{stage.clock, stage.random, runtime_},
                              std::move(faulty));
  if (stage.random.one_in(2))
    EngineParts::test_only_limit_keys(*engine_,
                                      static_cast<std::uint32_t>(1 + stage.random.below(4)),
                                      milliseconds(stage.random.below(3)));
  actors_.push_back({[this](Nanos now) { return produce(now); }});
  actors_.push_back({[this](Nanos now) { return try_close(now); }});
  worker_ = engine_->open_worker(make_spec());
  if (stage.random.one_in(2)) actors_.push_back({[this](Nanos now) { return claim_by_hand(now); }});
}

SimProcess::~SimProcess() {
  if (engine_ && !is_closed_) kill();
}

WorkerSpec SimProcess::make_spec() {
  auto& random = stage_.random;
  WorkerSpec spec;
  spec.order = static_cast<QueueOrder>(random.below(3));
  spec.slots = static_cast<std::uint32_t>(1 + random.below(3));
  const bool is_async = random.one_in(3), is_batch = random.one_in(4);
  const std::vector<std::string> types =
      random.one_in(3) ? std::vector<std::string>{"a", "b"} : std::vector<std::string>{"*"};
  for (const auto& queue : stage_.queues)
    for (const auto& type : types) {
      ChannelSpec channel;
      channel.queue = queue;
      channel.type = type;
      channel.is_async = is_async;
      if (is_batch) {
        channel.batch_count = static_cast<std::uint32_t>(1 + random.below(10));
        channel.batch_wait = milliseconds(5);
      }
      spec.channels.push_back(channel);
    }
  for (std::uint32_t i = 0; i < spec.slots; ++i) {
    slots_.push_back(std::make_unique<Slot>());
    slots_.back()->is_async = is_async;
    actors_.push_back({[this, slot = slots_.back().get()](Nanos now) { return run(*slot, now); }});
  }
  return spec;
}

Nanos SimProcess::ready_at(std::size_t part) const {
  const Nanos at =
      part < runtime_.size() ? runtime_.ready_at(part) : actors_[part - runtime_.size()].wake_at;
  return at == kNever ? kNever : std::max(at, paused_until);
}

void SimProcess::step(std::size_t part) {
  if (part < runtime_.size()) return runtime_.step(part);
  const std::size_t index = part - runtime_.size();
  actors_[index].wake_at = actors_[index].act(stage_.clock.steady());
}

// --- producers ---

Nanos SimProcess::produce(Nanos now) {
  look_at_receipts(false);
  auto& random = stage_.random;
  const auto queue = static_cast<std::uint32_t>(random.below(stage_.queues.size()));
  if (!is_closing_ && stage_.to_send[queue] > 0) send(queue);
  const bool is_over = std::all_of(stage_.to_send.begin(), stage_.to_send.end(),
                                   [](std::uint32_t left) { return left == 0; });
  if (is_over || is_closing_) return pending_.empty() ? kNever : now + milliseconds(50);
  return now + between(random, microseconds(10), milliseconds(random.one_in(5) ? 2'000 : 20));
}

void SimProcess::send(std::uint32_t queue) {
  auto& random = stage_.random;
  const auto count = std::min<std::uint32_t>(stage_.to_send[queue],
                                             static_cast<std::uint32_t>(1 + random.below(12)));
  Parcel parcel;
  parcel.queue = stage_.queues[queue];
  parcel.type = random.one_in(2) ? "a" : "b";
  const auto key = static_cast<std::uint32_t>(random.one_in(2) ? 1 + random.below(4) : 0);
  const std::string name = key != 0 ? key_name(key) : "";
  parcel.band = band_of(kPriorityNormal, name);
  if (key == 0 && random.one_in(6))
    parcel.due_ms = stage_.clock.wall_ms() + static_cast<std::int64_t>(random.below(20'000));
  Pending pending;
  for (std::uint32_t i = 0; i < count; ++i) {
    pending.numbers.push_back(stage_.model.add_message(queue, random.one_in(150), key));
    parcel.add(std::to_string(pending.numbers.back()), {}, name);
  }
  stage_.to_send[queue] -= count;
  try {
    pending.receipt = engine_->try_enqueue(parcel);
  } catch (const Error&) {
    // full, or the engine is broken: certainly not stored
  }
  if (pending.receipt) return pending_.push_back(std::move(pending));
  for (const std::uint32_t number : pending.numbers) stage_.model.failed(number);
}

void SimProcess::look_at_receipts(bool is_over) {
  std::erase_if(pending_, [&](const Pending& each) {
    const ReceiptStatus status = each.receipt->status();
    for (const std::uint32_t number : each.numbers) {
      if (status == ReceiptStatus::kPersisted) stage_.model.acknowledged(number);
      if (status == ReceiptStatus::kFailed) stage_.model.failed(number);
    }
    return is_over || status != ReceiptStatus::kPending;
  });
}

// --- handlers ---

Nanos SimProcess::run(Slot& slot, Nanos now) {
  if (slot.lot) {
    if (now < slot.finish_at) return slot.finish_at;
    finish(slot);
    return now;
  }
  if (!takes_) return kNever;
  slot.lot = engine_->take(worker_, Nanos::zero(), slot.is_async);
  if (slot.lot) {
    slot.gap = milliseconds(1);
    begin(slot, now);
    return slot.finish_at;
  }
  slot.gap = std::clamp<Nanos>(slot.gap * 2, milliseconds(1), milliseconds(250));
  return now + slot.gap;
}

Nanos SimProcess::claim_by_hand(Nanos now) {
  auto& random = stage_.random;
  if (hand_.lot) {
    if (now < hand_.finish_at) return hand_.finish_at;
    finish(hand_);
  }
  if (!takes_) return kNever;
  if (!wait_)
    wait_ = engine_->begin_claim(stage_.queues[random.below(stage_.queues.size())],
                                 static_cast<std::uint32_t>(1 + random.below(5)), milliseconds(200),
                                 milliseconds(2'000));
  hand_.lot = wait_->take(Nanos::zero());
  if (hand_.lot || wait_->is_over()) wait_ = nullptr;
  if (!hand_.lot) return now + between(random, milliseconds(1), milliseconds(500));
  begin(hand_, now);
  if (random.one_in(4)) hand_.finish_at = now + between(random, Nanos::zero(), milliseconds(6'000));
  return hand_.finish_at;
}

void SimProcess::begin(Slot& slot, Nanos now) {
  auto& random = stage_.random;
  for (std::uint32_t i = 0; i < slot.lot->size(); ++i)
    if (!slot.lot->follows(i)) run_one(*slot.lot, i);
  const bool hangs = stage_.weather.pause > 0 && random.one_in(200);
  slot.finish_at =
      now + (hangs ? between(random, milliseconds(10'000), milliseconds(90'000))
                   : between(random, microseconds(5), milliseconds(random.one_in(10) ? 300 : 4)));
}

void SimProcess::run_one(const Lot& lot, std::uint32_t index) {
  const DeliveryView view = lot.view(index);
  const std::uint32_t number = number_of(view.message.body);
  stage_.model.delivered(number_, number, view.gen, view.attempt);
  if (number < stage_.model.message_count() && stage_.model.message(number).is_poison)
    has_crashed_ = true;
}

Decision SimProcess::decide(std::uint32_t index) {
  auto& random = stage_.random;
  Decision decision;
  decision.index = index;
  const std::uint64_t dice = random.below(20);
  if (dice == 0) decision.verdict = Verdict::kReject;
  if (dice == 1) decision.verdict = Verdict::kSnooze;
  if (dice == 2 || dice == 3) decision.verdict = Verdict::kRetry;
  if (decision.verdict == Verdict::kReject) decision.reason = "simulated";
  decision.delay_ms = static_cast<std::int64_t>(random.below(5'000));
  return decision;
}

void SimProcess::finish(Slot& slot) {
  const LotPtr lot = std::move(slot.lot);
  slot.lot = nullptr;
  const bool returns = stage_.random.one_in(40);
  std::vector<Decision> decisions;
  for (std::uint32_t i = 0; i < lot->size(); ++i) {
    if (lot->is_held_up(i) || (returns && lot->follows(i))) continue;
    if (lot->follows(i)) run_one(*lot, i);
    if (has_crashed_) return;
    const DeliveryView view = lot->view(i);
    Decision decision = decide(i);
    if (decision.verdict == Verdict::kRetry || decision.verdict == Verdict::kSnooze)
      lot->hold_up(i);
    stage_.model.decided(view.gen, number_of(view.message.body),
                         returns ? Seen::kReturned : seen_of(decision.verdict));
    if (slot.is_async || decision.verdict != Verdict::kAck)
      decisions.push_back(std::move(decision));
  }
  if (returns) return engine_->give_back(lot);
  if (!slot.is_async) return engine_->settle(lot, std::move(decisions));
  const auto half = decisions.begin() + static_cast<std::ptrdiff_t>(decisions.size() / 2);
  engine_->settle_some(lot, {half, decisions.end()});
  engine_->settle_some(lot, {decisions.begin(), half});
}

// --- the end ---

void SimProcess::give_up_slots() {
  for (auto& slot : slots_) slot->lot = nullptr;
  hand_.lot = nullptr;
  wait_ = nullptr;
}

void SimProcess::kill() {
  if (is_closed_) return;
  look_at_receipts(true);
  give_up_slots();
  stage_.model.killed(number_);
  stage_.store.kill(transport_->inner());
  worker_ = nullptr;
  EngineParts::test_only_kill(std::move(engine_));
  is_closed_ = true;
}

void SimProcess::begin_close() {
  if (is_closing_) return;
  is_closing_ = true;
  takes_ = false;
  engine_->stop_worker(worker_);
  for (Actor& actor : actors_) actor.wake_at = Nanos::zero();
}

Nanos SimProcess::try_close(Nanos now) {
  if (!is_closing_) return kNever;
  const bool is_patient = !stage_.random.one_in(4);  // the impatient leave with work in hand
  const bool is_busy = std::any_of(slots_.begin(), slots_.end(),
                                   [](const auto& slot) { return slot->lot != nullptr; }) ||
                       hand_.lot != nullptr;
  if (is_patient && (is_busy || !pending_.empty())) return now + milliseconds(20);
  wait_ = nullptr;
  engine_->close(Nanos::zero());
  look_at_receipts(true);
  give_up_slots();
  worker_ = nullptr;
  engine_ = nullptr;
  is_closed_ = true;
  return kNever;
}

}  // namespace msgq::sim
