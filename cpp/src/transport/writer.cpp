#include "transport/writer.h"

#include <algorithm>

namespace msgq::transport {
namespace {

constexpr Nanos kBackoffMin = std::chrono::milliseconds(2);
constexpr Nanos kBackoffMax = std::chrono::seconds(1);
constexpr Nanos kTidyBudget = std::chrono::milliseconds(10);
// So long after a caller's exchange at most the writer's thread keeps house.
constexpr Nanos kRestMax = std::chrono::milliseconds(250);

// Who has the turn; and that somebody was refused it because a caller had it, who sees to it then.
enum Turn : std::uint32_t { kThread = 1, kCaller = 2, kCalled = 4, kBarred = 8 };

Error as_error(const std::exception& e) {
  const auto* error = dynamic_cast<const Error*>(&e);
  return error ? *error : Error(ErrorCode::kInternal, std::string("writer: ") + e.what());
}

// False for a look that found nothing: no commit.
bool has_written(const Exchange& in, const ExchangeResult& out) {
  return !in.settles.empty() || !in.extends.empty() || !in.appends.empty() || !in.parks.empty() ||
         !in.starts.empty() || out.promoted > 0 || out.reclaimed > 0 ||
         std::any_of(out.claims.begin(), out.claims.end(),
                     [](const ClaimAnswer& answer) { return !answer.claims.empty(); });
}

}  // namespace

Writer::Writer(World world, Log& log, std::unique_ptr<Session> session)
    : world_(world), log_(log), session_(std::move(session)) {}

// The thread keeps its turn for as long as it is awake. It is refused one that a caller has: what
// it was woken for is then the caller's to see to.
bool Writer::take_turn() {
  if (has_turn_) return true;
  std::uint32_t seen = turn_.load(std::memory_order_relaxed);
  while (!turn_.compare_exchange_weak(seen, (seen & kCaller) != 0 ? seen | kCalled : kThread,
                                      std::memory_order_acq_rel)) {
  }
  has_turn_ = (seen & kCaller) == 0;
  return has_turn_;
}

Nanos Writer::step() {
  if (!take_turn()) return kNever;
  const Nanos now = world_.clock.steady();
  const Nanos next = step_in_turn(now);
  rest_until_ = next;
  if (next > now && state_ == State::kIdle) {
    has_turn_ = false;
    turn_.fetch_and(kBarred, std::memory_order_acq_rel);
  }
  return next;
}

Nanos Writer::step_in_turn(Nanos now) {
  if (is_broken()) {
    if (const auto error = broken())
      for (auto* source : sources_) source->give_up(*error, false);
    return kNever;
  }
  try {
    if (now < retry_at_) return retry_at_;
    if (state_ == State::kInDoubt) return resolve(now);
    if (state_ == State::kFailed) {
      state_ = State::kSending;
      return failed(*std::exchange(left_error_, std::nullopt), now);
    }
    if (state_ == State::kIdle) {
      gather(now);
      if (exchange_.empty()) return idle(now);
      state_ = State::kSending;
    }
    return send(now);
  } catch (const std::exception& e) {
    give_up(as_error(e));
    return kNever;
  }
}

void Writer::gather(Nanos now) {
  exchange_ = Exchange{};
  for (auto* source : sources_) source->prepare(now);
  for (auto* source : sources_) source->collect(exchange_, now);
}

Nanos Writer::send(Nanos now) {
  result_ = ExchangeResult{};
  try {
    session_->exchange(exchange_, result_);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kQueueFull && error.code() != ErrorCode::kLeaseLost)
      count(errors);
    return failed(error, world_.clock.steady());  // it may have waited long for another writer
  }
  const Nanos end = world_.clock.steady();
  if (has_written(exchange_, result_)) flush_ns.record(end - now);
  succeeded(end);
  if (only_stores_) go_ahead(end);
  announce();
  return state_ == State::kAwaiting ? Nanos::zero() : end;
}

void Writer::succeeded(Nanos now) {
  if (has_written(exchange_, result_)) count(flushes);
  count(blocks, exchange_.appends.size());
  count(waited_ns, static_cast<std::uint64_t>(result_.waited.count()));
  if (is_failing_) log_.write(LogLevel::kInfo, "the store answers again");
  is_failing_ = false;
  backoff_ = Nanos::zero();
  state_ = State::kIdle;
  for (auto* source : sources_) source->report(exchange_, result_, now);
  const bool makes_work =
      !exchange_.appends.empty() || !exchange_.parks.empty() || result_.promoted > 0 ||
      result_.reclaimed > 0 ||
      std::any_of(exchange_.settles.begin(), exchange_.settles.end(),
                  [](const auto& s) { return s.gives_back || !s.backs.empty(); });
  if (makes_work && on_work_made) on_work_made(exchange_);
}

// Waking thirty who wait takes as long as the store does: it is given the next flush first.
void Writer::go_ahead(Nanos now) {
  gather(now);
  if (!exchange_.empty()) state_ = session_->begin(exchange_) ? State::kAwaiting : State::kSending;
}

void Writer::announce() {
  for (auto* source : sources_) source->announce();
}

void Writer::work(Nanos most) {
  std::uint32_t free = 0;
  if (!only_stores_) return poke();
  if (!turn_.compare_exchange_strong(free, kCaller, std::memory_order_acq_rel)) {
    if ((turn_.fetch_or(kCalled, std::memory_order_acq_rel) & kCaller) == 0) poke();
    return;
  }
  const bool is_done = work_in_turn(most);
  const bool is_called = (turn_.fetch_and(kBarred, std::memory_order_acq_rel) & kCalled) != 0;
  if (!is_done || is_called) poke();
}

// False when there is something left for the writer's thread: the rest of the exchange, whatever
// went wrong with it, or the house.
bool Writer::work_in_turn(Nanos most) {
  const Nanos now = world_.clock.steady();
  if (state_ != State::kIdle || is_broken() || now < retry_at_) return false;
  try {
    gather(now);
    if (exchange_.empty()) return false;
    state_ = session_->begin(exchange_) ? State::kAwaiting : State::kSending;
    if (state_ == State::kSending || !session_->await(most)) return false;
    result_ = ExchangeResult{};
    session_->exchange(exchange_, result_);
    const Nanos end = world_.clock.steady();
    flush_ns.record(end - now);
    succeeded(end);
    announce();
    return rest_until_ <= end + kRestMax;
  } catch (const std::exception& e) {
    count(errors);
    left_error_ = as_error(e);
    state_ = State::kFailed;
    return false;
  }
}

void Writer::bar_callers() {
  Event nap;  // nobody signals it: a bounded wait
  while ((turn_.fetch_or(kBarred, std::memory_order_acq_rel) & kCaller) != 0)
    nap.wait(nap.key(), std::chrono::milliseconds(1));
}

// Where an error of the store becomes an action. Certainly not written: again, later. Refused:
// taken apart until the culprit stands alone. Unknown: asked after.
Nanos Writer::failed(const Error& error, Nanos now) {
  const bool has_flush = intake_ != nullptr && intake_->has_flush();
  switch (error.code()) {
    case ErrorCode::kStoreInDoubt:
      state_ = State::kInDoubt;
      log_.write(LogLevel::kWarning, std::string("a flush is in doubt: ") + error.what());
      return resolve(now);
    case ErrorCode::kStoreFull:
      if (!has_flush) {
        if (intake_ != nullptr) intake_->expire(exchange_, error, now);
        return later(now);
      }
      intake_->refuse(exchange_, error, now);
      if (exchange_.empty()) state_ = State::kIdle;
      return now;
    case ErrorCode::kQueueFull:
      // Without what was known of the queue, as a caller's turn leaves it: it is asked again.
      if (const auto* full = dynamic_cast<const QueueFull*>(&error); full != nullptr && has_flush)
        intake_->limit(exchange_, *full);
      if (exchange_.empty()) state_ = State::kIdle;
      return now;
    case ErrorCode::kLeaseLost:
    case ErrorCode::kDuplicate:
    case ErrorCode::kDedupConflict:
      if (!has_flush) throw error;
      intake_->withdraw(exchange_, error);
      if (exchange_.empty()) state_ = State::kIdle;
      return now;
    case ErrorCode::kStoreUnavailable:
      if (!is_failing_)
        log_.write(LogLevel::kWarning,
                   std::string("the store is away, trying again: ") + error.what());
      is_failing_ = true;
      if (intake_ != nullptr) intake_->expire(exchange_, error, now);
      if (exchange_.empty()) state_ = State::kIdle;
      return later(now);
    default:
      if (!has_flush || error.code() == ErrorCode::kInternal) throw error;
      if (!intake_->isolate(exchange_)) intake_->fail(exchange_, error);
      if (exchange_.empty()) state_ = State::kIdle;
      return now;
  }
}

Nanos Writer::resolve(Nanos now) {
  try {
    result_ = ExchangeResult{};
    if (session_->resolve(result_)) {
      // Claims it made came to nobody's knowledge; the store has taken them back.
      result_.claims.resize(exchange_.claims.size());
      result_.settle_lost.resize(exchange_.settles.size(), false);
      result_.extend_lost.resize(exchange_.extends.size(), false);
      result_.acked.resize(exchange_.ack_looks.size());
      for (auto& answer : result_.claims) answer.has_more = true;
      succeeded(now);
      announce();
    } else {
      state_ = State::kSending;
      backoff_ = Nanos::zero();
    }
    return now;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kStoreInDoubt && error.code() != ErrorCode::kStoreUnavailable)
      throw error;
    if (intake_ != nullptr)
      intake_->doubt(Error(ErrorCode::kStoreInDoubt, error.what(), error.store_code()),
                     world_.clock.steady());
    return later(world_.clock.steady());
  }
}

Nanos Writer::later(Nanos now) {
  backoff_ = std::clamp(backoff_ * 2, kBackoffMin, kBackoffMax);
  const auto jitter = static_cast<std::int64_t>(
      world_.random.below(static_cast<std::uint64_t>(backoff_.count() / 4 + 1)));
  retry_at_ = now + backoff_ + Nanos(jitter);
  return retry_at_;
}

void Writer::give_up(const Error& error) {
  const bool was_in_doubt = state_ == State::kInDoubt;
  {
    MutexLock lock(mutex_);
    broken_ = error;
  }
  is_broken_.store(true, std::memory_order_release);
  log_.write(LogLevel::kError, std::string("the engine stops: ") + error.what());
  for (auto* source : sources_) source->give_up(error, was_in_doubt);
  state_ = State::kIdle;
}

std::optional<Error> Writer::broken() {
  MutexLock lock(mutex_);
  return broken_;
}

Nanos Writer::idle(Nanos now) {
  Nanos next = kNever;
  for (auto* source : sources_) next = std::min(next, source->next_time(now));
  return next > now ? std::min(next, tidy()) : next;
}

// Housekeeping that fails is tried again when the writer is idle the next time; nobody waits for
// it.
Nanos Writer::tidy() {
  try {
    return session_->tidy(kTidyBudget);
  } catch (const Error& error) {
    if (!error.is_retryable() && !error.is_in_doubt()) throw;
    count(errors);
    return kNever;
  }
}

}  // namespace msgq::transport
