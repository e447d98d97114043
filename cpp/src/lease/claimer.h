// Asks the store for as much as there is free room for, and no more; looks for due parked messages
// and for claims of the dead. The reaper is part of it: reclaiming is one flag of an exchange.
//
// Threads: hint() from any thread; the rest from the writer thread.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "transport/demand.h"
#include "lease/ledger.h"
#include "msgq/config.h"
#include "transport/batch_source.h"

namespace msgq {

class Claimer final : public transport::BatchSource {
 public:
  Claimer(const Config& config, Clock& clock, Ledger& ledger, TrafficBook& book)
      : config_(config), clock_(clock), ledger_(ledger), book_(book) {}

  // There may be work in any queue (another process said so). Any thread.
  void hint() { is_hinted_.store(true, std::memory_order_release); }
  void add(std::shared_ptr<DemandSource> source);
  void remove(const std::shared_ptr<DemandSource>& source);
  // No new claims from now on.
  void stop() { is_stopped_.store(true, std::memory_order_release); }
  // Gets claims that nobody wants any more.
  std::function<void(const HeldPtr&)> give_back;
  std::uint64_t reclaimed() const { return reclaimed_.load(std::memory_order_relaxed); }

  void collect(transport::Exchange& out, Nanos now) override;
  void report(const transport::Exchange& in, const transport::ExchangeResult& result,
              Nanos now) override;
  void give_up(const Error& error, bool was_in_doubt) override;
  Nanos next_time(Nanos now) override;

 private:
  // What is known of one queue's readiness.
  struct Outlook {
    bool maybe_work = true;
    Nanos poll_at{0};
    Nanos gap{0};
  };
  struct Asked {
    std::shared_ptr<DemandSource> source;
    Demand demand;
  };
  void take_hints(const transport::Exchange& out);
  void collect_chores(transport::Exchange& out, Nanos now);
  bool may_ask(Nanos now) const;
  void ask(const std::shared_ptr<DemandSource>& source, transport::Exchange& out, Nanos now);
  void answered(const Asked& asked, const transport::ClaimAnswer& answer, Nanos now);
  void note_suspects(bool waiting, Nanos now);
  std::vector<std::shared_ptr<DemandSource>> sources();

  // fixed after construction
  const Config& config_;
  Clock& clock_;
  Ledger& ledger_;
  TrafficBook& book_;
  // guarded by mutex_
  Mutex mutex_;
  std::vector<std::shared_ptr<DemandSource>> sources_ MSGQ_GUARDED_BY(mutex_);
  // only the writer thread
  std::map<std::string, Outlook, std::less<>> outlook_;
  std::vector<Asked> asked_;
  Nanos chores_at_{0};
  std::int64_t next_due_ms_ = 0;
  bool is_promoting_ = true;
  bool suspects_waiting_ = false;
  Nanos drain_until_{0};   // until then nothing else is claimed, so that a suspect can run alone
  Nanos drain_again_at_{0};
  std::size_t turn_ = 0;
  // atomic: flags from other threads, figures for them
  std::atomic<bool> is_hinted_{true};
  std::atomic<bool> is_stopped_{false};
  std::atomic<std::uint64_t> reclaimed_{0};
};

}  // namespace msgq
