#include "transport/sqlite/session.h"

#include <utility>

#include "base/fork.h"
#include "msgq/error.h"
#include "transport/sqlite/administer.h"
#include "transport/sqlite/append.h"
#include "transport/sqlite/bounds.h"
#include "transport/sqlite/claim.h"
#include "transport/sqlite/house.h"
#include "transport/sqlite/settle.h"
#include "transport/sqlite/subscriptions.h"

namespace msgq::transport::sqlite {
namespace {

// How often the path is looked at: is it still the file that is open?
constexpr Nanos kIdentityPeriod{200'000'000};
// How old the answer to "when is the next parked message due" may be.
constexpr std::int64_t kDueLookMs = 50;
// A closing process waits no longer for its turn; its lock says the rest.
constexpr Nanos kCloseTimeout{2'000'000'000};

// How much an exchange adds to the store, about.
std::size_t bytes_of(const Exchange& in) {
  std::size_t bytes = 0;
  for (const auto& each : in.appends) bytes += each.block->bytes().size();
  for (const auto& each : in.parks) bytes += each.message.body.size();
  return bytes;
}

}  // namespace

SqliteSession::SqliteSession(SessionParts parts)
    : parts_(std::move(parts)),
      store_(std::make_unique<Store>(parts_.spec, parts_.clock, parts_.log, parts_.rules)),
      reclaimer_(parts_.process, parts_.boot_id, parts_.second_look_max),
      dead_sweep_(parts_.rules.dead_retention_ms) {
  store_->process = parts_.process.id();
  open_owner();
  if (parts_.connections != nullptr) parts_.connections->fetch_add(1);
}

void SqliteSession::open_owner() {
  owner_ = static_cast<std::int64_t>(parts_.random.next() >> 2) + 1;
  request_ = 0;
  Transaction transaction(*store_, parts_.gate, parts_.spec.busy_timeout);
  store_->processes.open_owner(owner_, store_->process);
  transaction.commit();
}

void SqliteSession::check_usable() {
  if (is_closed_) throw Error(ErrorCode::kClosed, "this session of the store is closed");
  if (!refused_.empty()) throw Error(ErrorCode::kStoreRejected, refused_);
  if (is_in_doubt_) throw Error(ErrorCode::kStoreInDoubt, "the last exchange is still in doubt");
  const Nanos now = parts_.clock.steady();
  if (parts_.identity == nullptr ||
      (checked_at_ != Nanos(0) && now - checked_at_ < kIdentityPeriod))
    return;
  parts_.identity->check();
  checked_at_ = now;
}

void SqliteSession::exchange(const Exchange& in, ExchangeResult& out) {
  const ForkHold hold;
  check_usable();
  try {
    try_exchange(in, out);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kStoreFull) throw;
    empty_log();  // what it leaves empty is room that is already ours
    if (!refused_.empty()) throw;
    try_exchange(in, out);
  }
}

void SqliteSession::try_exchange(const Exchange& in, ExchangeResult& out) {
  out = {};
  Transaction transaction(*store_, parts_.gate, parts_.spec.busy_timeout, owner_);
  gen_before_ = store_->counter.last();
  asked_settles_ = static_cast<std::uint32_t>(in.settles.size());
  store_->author = {owner_, request_ + 1};
  run(in, out);
  if (transaction.end_unchanged()) {
    if (in.reclaims) reclaimer_.confirm();
    out.waited = transaction.waited();
    return;
  }
  Bitmap lost;
  for (std::uint32_t i = 0; i < out.settle_lost.size(); ++i)
    if (out.settle_lost[i]) lost.set(i);
  if (!store_->processes.raise_request(owner_, request_ + 1, lost))
    throw Error(ErrorCode::kStoreRejected,
                "this connection was closed by others; nothing was written");
  if (!in.appends.empty() || !in.parks.empty()) store_->spare.hold(bytes_of(in));
  try {
    transaction.commit();
  } catch (const Error& error) {
    is_in_doubt_ = error.is_in_doubt();
    throw;
  }
  ++request_;
  if (in.reclaims) reclaimer_.confirm();
  out.waited = transaction.waited();
  if (store_->connection.log_pages() >= kLogPagesMax) empty_log();
}

void SqliteSession::empty_log() {
  try {
    store_->connection.checkpoint(SQLITE_CHECKPOINT_PASSIVE);
  } catch (const Error& error) {
    // The log is whole, so what was committed stays; but a disk that failed once is not trusted
    // again.
    if (error.is_in_doubt()) refuse_from_now(error.what());
  }
}

void SqliteSession::run(const Exchange& in, ExchangeResult& out) {
  Store& store = *store_;
  for (const auto& each : in.settles) {
    out.settle_lost.push_back(!settle(store, each));
    if (each.is_required && out.settle_lost.back()) throw ClaimLost(out.settle_lost.size() - 1);
  }
  for (const auto& each : in.extends) out.extend_lost.push_back(!extend(store, each));
  for (const auto& each : in.starts) start(store, each);
  duplicates_ = store.dedup.remember(store, once_wishes(in));
  refuse_strict(in, duplicates_);
  out.duplicates = duplicates_;
  if (duplicates_.empty())
    store_all(in);
  else
    store_all(without(in, duplicates_));
  if (in.promote_max > 0) out.promoted = promote(store, in.promote_max);
  if (in.reclaims) {
    beat();
    out.reclaimed = reclaimer_.run(store);
  }
  if (in.reclaims || store.has_more_to_sweep) store.has_more_to_sweep = sweep_logs(store);
  out.next_due_ms = next_due_ms(in);
  claim_all(store, in.claims, out.claims);
}

void SqliteSession::store_all(const Exchange& in) {
  make_room(*store_, in, duplicates_);
  for (const auto& each : in.appends) append(*store_, each);
  for (const auto& each : in.parks) park(*store_, each);
}

// Others park too: looked up when this exchange may have changed it, and now and then.
std::int64_t SqliteSession::next_due_ms(const Exchange& in) {
  bool may_have_changed = in.promote_max > 0 || in.reclaims || !in.parks.empty();
  for (const auto& each : in.settles) may_have_changed |= !each.backs.empty();
  if (may_have_changed || store_->now.boot_ms - due_looked_ms_ >= kDueLookMs) {
    next_due_ms_ = store_->parked.next_due_ms();
    due_looked_ms_ = store_->now.boot_ms;
  }
  return next_due_ms_;
}

void SqliteSession::beat() {
  if (store_->now.boot_ms - beaten_ms_ < parts_.heartbeat.count()) return;
  store_->processes.beat(store_->process, store_->now.wall_ms);
  beaten_ms_ = store_->now.boot_ms;
}

void SqliteSession::refuse_from_now(std::string why) {
  refused_ = "the store is closed for writing since " + std::move(why) +
             "; the disk may have lost data: check it, then open the store again";
  parts_.log.write(LogLevel::kError, refused_);
}

bool SqliteSession::resolve(ExchangeResult& out) {
  if (!is_in_doubt_) throw Error(ErrorCode::kInternal, "nothing is in doubt");
  const ForkHold hold;
  // The page cache lies after a failed sync: only what a full checkpoint moved, with syncs that
  // succeeded, is believed. A new connection, as the old one may remember what is not on the disk.
  try {
    store_.reset();
    store_ = std::make_unique<Store>(parts_.spec, parts_.clock, parts_.log, parts_.rules);
    store_->process = parts_.process.id();
    Turn turn(parts_.gate, parts_.spec.busy_timeout);
    if (!checkpoint_all(*store_))
      throw Error(ErrorCode::kStoreInDoubt, "a reader keeps the log from being emptied; try again");
  } catch (const Error& error) {
    throw Error(ErrorCode::kStoreInDoubt, std::string("cannot find out yet: ") + error.what(),
                error.store_code());
  }
  Transaction transaction(*store_, parts_.gate, parts_.spec.busy_timeout);
  const LastRequest last = store_->processes.read_owner(owner_);
  store_->processes.close_owner(owner_);
  for (ClaimRow& row : store_->claims.read_of_owner(owner_, gen_before_))
    lapse(*store_, std::move(row), false);
  transaction.commit();
  is_in_doubt_ = false;
  refuse_from_now("a sync of it failed");
  const bool has_happened = last.is_known && last.request == request_ + 1;
  if (!has_happened) return false;
  out.duplicates = duplicates_;
  out.settle_lost.clear();
  for (std::uint32_t i = 0; i < asked_settles_; ++i) out.settle_lost.push_back(last.lost.has(i));
  return true;
}

// A look first: an idle process that finds nothing takes no turn.
Nanos SqliteSession::sweep_dead(Nanos budget) {
  return dead_sweep_.run(parts_.clock.steady(), [&](std::int64_t age_ms, std::uint32_t limit) {
    const std::int64_t before_ms = parts_.clock.wall_ms() - age_ms;
    if (store_->dead.list_old(before_ms, 1).empty()) return std::uint32_t{0};
    Transaction transaction(*store_, parts_.gate, budget);
    const std::uint32_t count = forget_dead(*store_, before_ms, limit);
    transaction.commit();
    return count;
  });
}

Nanos SqliteSession::tidy(Nanos budget) {
  if (is_closed_ || is_in_doubt_ || !refused_.empty()) return kNever;
  const ForkHold hold;
  try {
    const Nanos again_at = sweep_dead(budget);
    return keep_house(*store_, parts_.gate, budget) ? Nanos::zero() : again_at;
  } catch (const Error& error) {
    if (error.is_in_doubt()) refuse_from_now(error.what());
    return kNever;
  }
}

void SqliteSession::close() noexcept {
  if (std::exchange(is_closed_, true)) return;
  if (parts_.connections != nullptr) parts_.connections->fetch_sub(1);
  if (store_ == nullptr) return;
  const ForkHold hold;
  try {
    if (refused_.empty() && !is_in_doubt_) {
      Transaction transaction(*store_, parts_.gate, kCloseTimeout);
      for (ClaimRow& row : store_->claims.read_of_owner(owner_, 0))
        lapse(*store_, std::move(row), false);
      store_->processes.delete_owner(owner_);
      transaction.commit();
    }
  } catch (const std::exception& error) {
    // Nothing is lost: claims lapse with the process.
    parts_.log.write(LogLevel::kWarning, std::string("leaving the store: ") + error.what());
  }
  store_.reset();
}

}  // namespace msgq::transport::sqlite
