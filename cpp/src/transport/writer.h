// The one thread that owns a session: gathers what its sources have, exchanges it with the store,
// reports back; and the one place where an exchange that failed is tried again, taken apart, asked
// after, or given up.
//
// Threads: step() by one thread (the runtime's), work() by any: whoever has the turn does the work,
// one at a time. poke() and the flags from any thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "base/runtime.h"
#include "model/traffic.h"
#include "transport/batch_source.h"

namespace msgq::transport {

// Of the exchange in hand, the part that producers wait for: it can be taken out when the store
// refuses it, so that settles go on.
class Intake {
 public:
  virtual ~Intake() = default;
  virtual bool has_flush() const = 0;
  virtual void fail(Exchange& ex, const Error& error) = 0;
  virtual bool isolate(Exchange& ex) = 0;
  // The store has no room: fails, drops or holds the flush back, as policy says.
  virtual void refuse(Exchange& ex, const Error& error, Nanos now) = 0;
  // A queue has no room for all of it: comes again, but for what is beyond that.
  virtual void limit(Exchange& ex, const QueueFull& full) = 0;
  // Its claim is lost, or one of its messages a duplicate: one bundle fails, all else comes again.
  virtual void withdraw(Exchange& ex, const Error& error) = 0;
  // The store is away: what has been on its way for too long fails.
  virtual void expire(Exchange& ex, const Error& error, Nanos now) = 0;
  // The exchange is in doubt: of it, what has been on its way for too long is told so.
  virtual void doubt(const Error& error, Nanos now) = 0;
};

class Writer final : public Service {
 public:
  Writer(World world, Log& log, std::unique_ptr<Session> session);

  // REQUIRES: before start. Sources are asked in the order given.
  void add(BatchSource& source) { sources_.push_back(&source); }
  void set_intake(Intake& intake) { intake_ = &intake; }
  // Its only source is the intake: then the next flush is sent before those who wait for the last
  // one are told, and callers may work(). REQUIRES: before start.
  void only_stores() { only_stores_ = true; }
  // Called after an exchange that made work for others.
  std::function<void(const Exchange&)> on_work_made;

  Nanos step() override;
  // For a caller that has just pushed and will wait. When nobody is at work, one exchange is done
  // here and now, for at most `most`: that saves the way to the writer's thread and back. What is
  // left, and what anybody else has pushed, goes to that thread. Any thread; blocks.
  void work(Nanos most);
  // From now on work() does nothing. Blocks until whoever is in it has left it.
  void bar_callers();
  const char* name() const override { return "msgq-writer"; }

  // Why nothing goes any more; empty while all is well. Any thread.
  std::optional<Error> broken();
  bool is_broken() const { return is_broken_.load(std::memory_order_acquire); }
  // Once it has stopped: the exchange in hand may or may not have happened.
  bool is_in_doubt() const { return state_ == State::kInDoubt || state_ == State::kAwaiting; }
  // Nothing is asked of the store from then on. REQUIRES: stopped, and callers barred.
  void close_session() noexcept {
    session_->close();
    session_.reset();
  }
  // Leaves the session as a killed process would: nothing is given back, nothing is closed.
  std::unique_ptr<Session> test_only_abandon() { return std::move(session_); }

  // atomic figures
  Counter flushes{0}, errors{0}, blocks{0}, waited_ns{0};
  AtomicHistogram flush_ns;

 private:
  // Awaiting: it was begun. Failed: by a caller, who left it to the writer's thread.
  enum class State { kIdle, kSending, kAwaiting, kFailed, kInDoubt };
  bool take_turn();
  Nanos step_in_turn(Nanos now);
  void gather(Nanos now);
  void go_ahead(Nanos now);
  void announce();
  bool work_in_turn(Nanos most);
  Nanos send(Nanos now);
  Nanos resolve(Nanos now);
  void succeeded(Nanos now);
  Nanos failed(const Error& error, Nanos now);
  Nanos later(Nanos now);
  void give_up(const Error& error);
  Nanos idle(Nanos now);
  Nanos tidy();

  // fixed after construction
  World world_;
  Log& log_;
  std::unique_ptr<Session> session_;
  std::vector<BatchSource*> sources_;
  Intake* intake_ = nullptr;
  bool only_stores_ = false;
  // only the writer's thread
  bool has_turn_ = false;
  // only who has the turn
  State state_ = State::kIdle;
  Exchange exchange_;
  ExchangeResult result_;
  Nanos backoff_{0};
  Nanos retry_at_{0};
  bool is_failing_ = false;          // said so in the log
  std::optional<Error> left_error_;  // of State::kFailed
  Nanos rest_until_{0};              // when the writer's thread looks again by itself
  // guarded by mutex_
  Mutex mutex_;
  std::optional<Error> broken_ MSGQ_GUARDED_BY(mutex_);
  // atomic: see take_turn() and work()
  std::atomic<std::uint32_t> turn_{0};
  std::atomic<bool> is_broken_{false};
};

}  // namespace msgq::transport
