// Makes blocks of what queued while the last flush was in flight, and settles the receipts once the
// store has answered. A lone parcel in an idle system is a block of its own, at once.
//
// Threads: push() from any thread, lock-free; the rest from the writer thread.
#pragma once

#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "base/inbox.h"
#include "intake/admission.h"
#include "intake/admitted.h"
#include "intake/bundle.h"
#include "intake/full_queues.h"
#include "msgq/config.h"
#include "transport/writer.h"

namespace msgq {

class Batcher final : public transport::BatchSource, public transport::Intake {
 public:
  // `is_durable`: of the store. Its being full is the disk's, and fails; a bounded store in memory
  // being full is back-pressure, and follows the overflow policy.
  Batcher(const Config& config, Clock& clock, Admission& admission, bool is_durable)
      : config_(config), clock_(clock), admission_(admission), is_durable_(is_durable) {}

  void push(Admitted admitted);
  void push(BundlePtr bundle);
  // A flush with bundles certainly did not happen: what they let go along is to be taken out.
  // Called by the writer; set before it starts, as the next.
  std::function<void(transport::Exchange&)> on_withdraw;
  // Before that: the claim of this settle of the exchange is lost.
  std::function<void(const transport::Exchange&, std::size_t settle)> on_lost;
  void collect(transport::Exchange& out, Nanos now) override;
  void report(const transport::Exchange& in, const transport::ExchangeResult& result,
              Nanos now) override;
  void announce() override;
  void give_up(const Error& error, bool was_in_doubt) override;
  Nanos next_time(Nanos now) override;

  // Takes the appends and parks out of an exchange that certainly did not happen.
  // fail(): their receipts fail with `error`.
  void fail(transport::Exchange& ex, const Error& error) override;
  // isolate(): they come again one parcel an exchange, so that the culprit fails alone.
  // Returns false when there is but one parcel: it is the culprit.
  bool isolate(transport::Exchange& ex) override;
  // refuse(): fail, drop or hold back, as policy says.
  void refuse(transport::Exchange& ex, const Error& error, Nanos now) override;
  // limit(): all come again, but for what is beyond that of its queue.
  void limit(transport::Exchange& ex, const transport::QueueFull& full) override;
  // expire(): what was admitted enqueue_timeout ago fails, in the flush or not; the rest of a flush
  // that lost a parcel comes again.
  void expire(transport::Exchange& ex, const Error& error, Nanos now) override;
  // Settles what is over time: in the flush as in doubt, and the flush itself goes on; behind it as
  // failed.
  void doubt(const Error& error, Nanos now) override;
  // withdraw(): the bundle whose fault it is fails, now or when it is to go again.
  void withdraw(transport::Exchange& ex, const Error& error) override;
  bool has_flush() const override { return !flush_.empty() || !flush_bundles_.empty(); }
  // Lingers no more. Any thread.
  void hurry() { is_hurried_.store(true, std::memory_order_release); }

 private:
  struct Group;
  struct Making;
  bool lingers(Nanos now) const;
  bool is_over(const Admitted& admitted, Nanos now) const;
  void expire_backlog(const Error& error, Nanos now);
  void take_inbox();
  void take_bundles();
  bool is_over(const Bundle& bundle, Nanos now) const;
  void add_singles(Making& making);
  void add_bundles(Making& making);
  bool add(Making& making, Admitted& next, bool is_forced);
  bool goes_on(const BundlePtr& bundle, Nanos now);
  void end(Bundle& bundle, ReceiptStatus status, const std::optional<Error>& error);
  void refuse(const BundlePtr& bundle, const Error& error);
  void expire_bundles(const Error& error, Nanos now);
  void note_stricts(transport::Exchange& out) const;
  std::uint32_t units() const;  // of the flush: what may go alone
  std::uint64_t count_waiting() const;
  void take_in_order(std::vector<Admitted>& fresh);
  void put_back(transport::Exchange& ex);
  bool add_to_group(std::vector<Group>& groups, Admitted& next, bool is_forced);
  void cut_to_fit();
  bool goes_on(Admitted& next, Nanos now);
  void end_waiting(std::vector<Admitted> some, const Error& error);
  void add_parks(transport::Exchange& out, Admitted& admitted);
  void end_flush(transport::Exchange& ex, ReceiptStatus status, const std::optional<Error>& error);
  template <typename Note>
  void for_each(const std::vector<transport::Duplicate>& duplicates, const Note& note);
  void settle(std::span<Admitted> some, ReceiptStatus status, const std::optional<Error>& error);

  // fixed after construction
  const Config& config_;
  Clock& clock_;
  Admission& admission_;
  const bool is_durable_;
  // any thread
  Inbox<Admitted> inbox_;
  Inbox<BundlePtr> bundle_inbox_;
  std::atomic<bool> is_hurried_{false};
  std::atomic<std::uint64_t> order_{0};  // the last drawn
  // only the writer thread
  std::deque<Admitted> backlog_;  // taken from the inbox, not yet in a flush
  std::vector<Admitted> flush_;   // in the present exchange, in the order of its blocks, then parks
  std::vector<Admitted> stored_;  // their receipts are still to be told
  std::deque<BundlePtr> bundles_;         // as the backlog
  std::vector<BundlePtr> flush_bundles_;  // of the flush
  std::vector<BundlePtr> stored_bundles_;
  bool is_turned_ = false;  // bundles and single parcels take turns in being first
  FullQueues full_;
  std::uint32_t isolated_ = 0;  // so many parcels and bundles go one an exchange
  Nanos held_until_{0};         // the store was full; settles go on meanwhile
};

}  // namespace msgq
