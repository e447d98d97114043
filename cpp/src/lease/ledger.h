// The claims that this process holds, and who renews them: the ledger is also the keeper.
//
// Threads: the writer thread; extend() and count() from any thread.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "base/inbox.h"
#include "base/turnstile.h"
#include "msgq/config.h"
#include "msgq/receipt.h"
#include "transport/batch_source.h"
#include "transport/held.h"

namespace msgq {

class Ledger final : public transport::BatchSource {
 public:
  Ledger(const Config& config, Clock& clock) : config_(config), clock_(clock) {}

  void add(const HeldPtr& held);
  void remove(const HeldPtr& held);
  // Its fence has gone: results for it are dropped from now on.
  void lose(const HeldPtr& held);
  // A claim of a lane of keys was lost, or its lease ended unrenewed. Called by the writer; set
  // before it starts.
  std::function<void(const HeldPtr&)> on_over;
  std::uint32_t count() const { return count_.load(std::memory_order_relaxed); }
  bool has_suspect() const { return suspects_ > 0; }
  std::vector<HeldPtr> all() const;
  // Moves the ends of these claims with the next exchange. The receipt is persisted, or failed with
  // kLeaseLost when one of them was lost; those that were settled do not count, unless all were.
  // Any thread.
  // After close() it fails with kClosed.
  void extend(const std::vector<HeldPtr>& claims, std::int64_t until_ms, ReceiptPtr receipt);
  // Calls of extend() not yet answered; only falls after close(). Any thread.
  std::uint64_t pending() const { return pending_.inside(); }
  void close() { pending_.close(); }

  void collect(transport::Exchange& out, Nanos now) override;
  void report(const transport::Exchange& in, const transport::ExchangeResult& result,
              Nanos now) override;
  void give_up(const Error& error, bool was_in_doubt) override;
  Nanos next_time(Nanos now) override;

 private:
  // What the extensions of one call have in common.
  struct Answer {
    ReceiptPtr receipt;
    std::size_t open = 0;
    std::optional<Error> error;  // the first that one of them met
    bool has_moved = false;      // the end of one of them at least
  };
  struct Extension {
    HeldPtr held;
    std::int64_t until_ms = 0;
    std::shared_ptr<Answer> answer;  // null: a renewal of ours
  };
  void collect_renewals(Nanos now);
  bool is_being_extended(const HeldPtr& held) const;
  Nanos next_end(Nanos now, std::int64_t boot) const;
  void tell(const std::shared_ptr<Answer>& answer, const std::optional<Error>& error);

  // fixed after construction
  const Config& config_;
  Clock& clock_;
  // any thread
  Inbox<Extension> asked_;
  // only the writer thread
  std::map<transport::ClaimKey, HeldPtr> open_;
  std::uint32_t suspects_ = 0;  // of open_
  std::vector<Extension> sent_;
  Nanos renew_at_ = kNever;
  // atomic: figures for others
  std::atomic<std::uint32_t> count_{0};
  Turnstile pending_;
};

}  // namespace msgq
