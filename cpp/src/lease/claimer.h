// Asks the store for as much as there is free room for, and no more; looks for due parked messages
// and for claims of the dead. The reaper is part of it: reclaiming is one flag of an exchange.
//
// Threads: hint() from any thread; the rest from the writer thread.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "lease/ledger.h"
#include "lease/starter.h"
#include "msgq/config.h"
#include "transport/batch_source.h"
#include "transport/demand.h"

namespace msgq {

class Claimer final : public transport::BatchSource {
 public:
  // `spread`, below 1,000, keeps processes from polling in step: each has its own.
  Claimer(const Config& config, Clock& clock, Ledger& ledger, TrafficBook& book,
          std::int64_t spread = 0)
      : config_(config), clock_(clock), ledger_(ledger), book_(book), spread_(spread) {}

  // There may be work in any queue: somebody says so. True when there is room for it, so that the
  // writer is to be poked. Any thread.
  bool hint() {
    is_hinted_.store(true, std::memory_order_seq_cst);
    return has_room_.load(std::memory_order_seq_cst);
  }
  // Something may have come due: it is promoted, whether there is room here or not. Any thread.
  void stir() { is_stirred_.store(true, std::memory_order_seq_cst); }
  // Another writer of this process did these appends and parks. True: somebody here may want what
  // they brought, so the writer is to be poked. Any thread.
  bool expect(const transport::Exchange& done);
  void add(std::shared_ptr<DemandSource> source);
  void remove(const std::shared_ptr<DemandSource>& source);
  // No new claims from now on.
  void stop() { is_stopped_.store(true, std::memory_order_release); }
  // What keeps claims until they may start. The writer has it before every other source.
  Starter& starter() { return starter_; }
  // Gets claims that nobody wants any more.
  std::function<void(const HeldPtr&)> give_back;
  // As prepare() found it: claims are asked for in the exchange that is being collected.
  bool is_asking() const { return is_asking_; }
  // Whether parked messages are due that did not go back yet, as far as it is known. Any thread.
  bool has_due() const {
    const std::int64_t due_ms = due_ms_.load(std::memory_order_relaxed);
    return due_ms != 0 && due_ms <= clock_.wall_ms();
  }
  std::uint64_t reclaimed() const { return reclaimed_.load(std::memory_order_relaxed); }

  void prepare(Nanos now) override;
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
    Nanos suspects_until{0};  // so long it is believed that suspects wait; somebody may stop asking
    // Work is to be expected; what is known of suspects stays.
    void refresh() { *this = {true, Nanos::zero(), Nanos::zero(), suspects_until}; }
    bool has_suspects(Nanos now) const { return now < suspects_until; }
    bool is_due(Nanos now) const { return maybe_work || now >= poll_at; }
    // Asked along with those that are due, so that the queues of a process are polled together.
    bool is_nearly_due(Nanos now) const { return is_due(now + gap / 2); }
  };
  struct Asked {
    std::shared_ptr<DemandSource> source;
    Demand demand;
    bool takes_suspect = false;
  };
  struct Room {
    std::shared_ptr<DemandSource> source;
    std::vector<Demand> demands;
  };
  void take_hints();
  void take_work_of(const transport::Exchange& out);
  void take_expected();
  void note_due(std::int64_t due_ms);
  void collect_chores(transport::Exchange& out, Nanos now);
  bool may_ask(Nanos now) const;
  bool is_any_due(Nanos now);
  void add_due(Room& room, std::vector<Asked>& due, Nanos now);
  void ask(Asked asked, transport::Exchange& out);
  void answered(const Asked& asked, const transport::ClaimAnswer& answer, Nanos now);
  void deliver(const Asked& asked, const std::vector<HeldPtr>& claims);
  void refresh_all();
  void refresh(const std::string& queue);
  Outlook& outlook_of(const std::string& queue);
  Nanos next_wish(Nanos now);
  void note_suspects(Nanos now);
  std::vector<std::shared_ptr<DemandSource>> sources();

  // fixed after construction
  const Config& config_;
  Clock& clock_;
  Ledger& ledger_;
  TrafficBook& book_;
  const std::int64_t spread_;
  // guarded by mutex_
  Mutex mutex_;
  std::vector<std::shared_ptr<DemandSource>> sources_ MSGQ_GUARDED_BY(mutex_);
  std::set<std::string, std::less<>> expected_ MSGQ_GUARDED_BY(mutex_);
  std::int64_t expected_due_ms_ MSGQ_GUARDED_BY(mutex_) = 0;
  // only the writer thread
  std::map<std::string, Outlook, std::less<>> outlook_;
  std::size_t subscriptions_ = 0;  // queues of the outlook that may be some
  std::vector<Room> rooms_;        // what every source has room for, in this exchange's order
  std::vector<Asked> asked_;
  Starter starter_;
  bool is_asking_ = false;
  Nanos chores_at_{0};
  std::int64_t next_due_ms_ = 0;
  bool is_promoting_ = true;
  bool suspects_waiting_ = false;
  Nanos drain_until_{0};  // until then nothing else is claimed, so that a suspect can run alone
  Nanos drain_again_at_{0};
  std::size_t turn_ = 0;
  // atomic: flags from other threads, figures for them
  std::atomic<bool> is_hinted_{true}, is_stirred_{false};
  // seq_cst: expect() stores the first and loads the second, next_time() the other way round, so
  // one of them sees the other.
  std::atomic<bool> has_expected_{false}, has_room_{true};
  std::atomic<bool> is_stopped_{false};
  std::atomic<std::uint64_t> reclaimed_{0};
  std::atomic<std::int64_t> due_ms_{0};  // when the next parked message is due; 0: none is
};

}  // namespace msgq
