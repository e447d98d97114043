// Gathers what handlers decided and makes it durable with the next exchange, guarded by the fence.
//
// Threads: push() from any thread, lock-free; the rest from the writer thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/inbox.h"
#include "base/turnstile.h"
#include "lease/ledger.h"
#include "msgq/config.h"
#include "msgq/delivery.h"
#include "msgq/receipt.h"
#include "transport/batch_source.h"

namespace msgq {

// What was decided about some spans. Ordinals not named by a decision are acknowledged, unless
// `only_named`; with `returns` nothing is acknowledged and all of it goes back unspent.
struct Settled {
  struct Named {
    HeldPtr held;
    std::uint32_t ordinal = 0;
    Decision decision;
  };
  std::vector<Span> spans;
  std::vector<Named> named;
  bool only_named = false;
  bool returns = false;
  ReceiptPtr receipt;  // may be null
};

class Settler final : public transport::BatchSource {
 public:
  Settler(Clock& clock, Ledger& ledger, Expired expired = Expired::kDrop)
      : clock_(clock), ledger_(ledger), expired_(expired) {}

  // Acknowledgements that nobody waits for wait for at most so long for a claim to go along with:
  // in a store where every exchange costs a flush, one for both. REQUIRES: before the first push.
  void linger(Nanos most, std::function<bool()> is_claiming) {
    linger_ = most;
    is_claiming_ = std::move(is_claiming);
  }
  // Called with what is pushed, before it is: others may have to go along. Any thread. REQUIRES:
  // before the first push, as those below, which the writer calls.
  std::function<void(Settled&)> on_push;
  // A message of a lane of keys was parked, or lost with its claim; a claim of one was given back.
  std::function<void(const HeldPtr&, std::uint32_t ordinal)> on_parked;
  std::function<void(const HeldPtr&)> on_given_back;
  // What joined an exchange that happened.
  std::function<void(Settled)> on_joined;
  // What is named goes with the exchange that is being gathered, which does not happen if one of
  // the claims is lost. Why it cannot: one is, or a message is decided. Only the writer, before
  // collect().
  std::optional<Error> join(const Settled& settled);
  // The exchange certainly did not happen: what was added to it is taken out and comes again, but
  // for what joined. Nothing where nothing did.
  void withdraw(transport::Exchange& out);
  // Before that: the claim of a settle of it is lost.
  void lose(const transport::Exchange& out, std::size_t settle);
  // With the next exchange. Only the writer.
  void shed(std::vector<Shed> sheds);
  // After close() nothing is taken any more: a receipt fails with kClosed, the rest is dropped.
  void push(Settled settled);
  // Pushed and not yet durable; only falls after close(). Any thread.
  std::uint64_t pending() const { return pending_.inside(); }
  void close() { pending_.close(); }

  void collect(transport::Exchange& out, Nanos now) override;
  void report(const transport::Exchange& in, const transport::ExchangeResult& result,
              Nanos now) override;
  void give_up(const Error& error, bool was_in_doubt) override;
  Nanos next_time(Nanos now) override;

 private:
  // The order being made for one claim, and what it will count.
  struct Order {
    HeldPtr held;
    transport::SettleOrder order;
    std::vector<std::uint32_t> parked;  // ordinals, of a claim of keys
  };
  // What settles change of a claim before they are durable.
  struct Before {
    HeldPtr held;
    Bitmap done, left, returned, ahead;
    std::uint32_t done_count = 0, returned_count = 0;
    bool gives_back = false, is_lapsing = false;
  };
  struct Waiting {
    ReceiptPtr receipt;
    std::vector<HeldPtr> on;
    bool is_lost = false;
  };
  bool lingers(Nanos now);
  void keep(const HeldPtr& held);
  Order& order_of(const HeldPtr& held);
  void apply(Settled& settled);
  void apply_shed(const Shed& shed);
  void decide(Order& order, std::uint32_t ordinal, const Decision& decision);
  void acknowledge(Order& order, std::uint32_t from, std::uint32_t to);
  void park(Order& order, std::uint32_t ordinal, const Decision& decision, StoredMessage message);
  static void release(Order& order, std::uint32_t from, std::uint32_t to);
  // Whether parked messages of its key wait for it.
  static bool is_awaited(const Held& held, std::uint32_t ordinal);
  void note_done(Order& order, std::uint32_t ordinal);
  void return_spans(const std::vector<Span>& spans);
  void return_keyed(const Span& span);
  void finish(Order& order);
  void answer();

  // fixed after construction
  Clock& clock_;
  Ledger& ledger_;
  const Expired expired_;
  Nanos linger_{0};
  std::function<bool()> is_claiming_;
  // any thread
  Inbox<Settled> inbox_;
  std::atomic<bool> is_urgent_{false};  // somebody waits for what is in the inbox
  // only the writer thread
  Nanos lingers_until_ = kNever;                 // kNever: nothing does
  std::map<transport::ClaimKey, Order> orders_;  // of the present exchange, in its order
  std::vector<Waiting> receipts_;
  std::uint64_t taken_ = 0;               // from the inbox, for the present exchange
  std::vector<Shed> sheds_;               // for the next exchange
  std::vector<Settled> again_;            // likewise: of one that was withdrawn
  std::vector<Settled> joined_;           // the present exchange
  std::map<const Held*, Before> before_;  // when something joined: what is undone,
  std::vector<Settled> kept_;             // and comes again
  std::vector<Shed> kept_sheds_;
  // atomic: what close() waits for
  Turnstile pending_;
};

}  // namespace msgq
