// A transport that fails on purpose: it wraps a real one, and a plan says before each exchange what
// goes wrong with it.
//
// Threads: as transport.h says; the plan is asked by the sessions' threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>

#include "transport/transport.h"

namespace msgq::test {

enum class Fault : std::uint8_t {
  kNone,
  kUnavailable,  // nothing happened, and it is known
  kFull,         // nothing happened: no room
  kDoubtUndone,  // the request was lost: kStoreInDoubt, and it did not happen
  kDoubtDone,    // the reply was lost: kStoreInDoubt, and it happened
  kCrashBefore,  // the process ends before the exchange
  kCrashAfter,   // the process ends when the exchange is durable and nobody was told
};

class FaultPlan {
 public:
  virtual ~FaultPlan() = default;
  virtual Fault choose(const transport::Exchange& in) = 0;
  // True: this resolve() cannot find out yet.
  virtual bool delays_resolve() { return false; }
  // True: a resolved exchange that happened is reported as one that did not.
  virtual bool forgets_flushed() { return false; }
  // Sees each exchange on its way into the store and what came of it; planted bugs change them.
  virtual void before_commit(transport::Exchange&) {}
  virtual void after_commit(const transport::Exchange& /*asked*/, transport::ExchangeResult&) {}
  // The session leaves properly; what it held is given back now.
  virtual void on_close() {}
};

// Does what was pushed, in order, then kNone.
class ScriptedPlan final : public FaultPlan {
 public:
  void push(Fault fault, int count = 1) {
    script_.insert(script_.end(), std::size_t(count), fault);
  }
  Fault choose(const transport::Exchange&) override {
    if (script_.empty()) return Fault::kNone;
    const Fault fault = script_.front();
    script_.pop_front();
    return fault;
  }

 private:
  std::deque<Fault> script_;
};

class FaultTransport final : public transport::Transport {
 public:
  FaultTransport(std::unique_ptr<transport::Transport> inner, std::shared_ptr<FaultPlan> plan);
  ~FaultTransport() override;

  // Says that it is durable, also over memory: it stands for a store that outlives its processes.
  const transport::Capability& capability() const override { return capability_; }
  std::unique_ptr<transport::Session> open_session() override;
  transport::Look& look() override { return inner_->look(); }
  transport::Wake* wake() override { return is_deaf_ ? nullptr : inner_->wake(); }
  // Before the engine has it: hints are neither sent nor waited for.
  void be_deaf() { is_deaf_ = true; }
  transport::Transport& inner() { return *inner_; }
  // A crash was chosen: every session refuses from now on; whoever drives the process drops it.
  bool has_crashed() const { return has_crashed_->load(); }

 private:
  const std::unique_ptr<transport::Transport> inner_;
  transport::Capability capability_;
  const std::shared_ptr<FaultPlan> plan_;
  const std::shared_ptr<std::atomic<bool>> has_crashed_;
  bool is_deaf_ = false;
};

}  // namespace msgq::test
