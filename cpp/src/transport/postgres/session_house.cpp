// How a session keeps house between its exchanges: rows that were heard of are folded, lanes swept,
// what closed connections left is removed.
#include <algorithm>

#include "transport/postgres/failure.h"
#include "transport/postgres/session.h"

namespace msgq::transport::postgres {
namespace {

// An idle session folds what is left of them so often at most.
constexpr Nanos kSweepGap = std::chrono::milliseconds(200);

// What closed connections left is kept for as long as a receipt may wait to be found out, a day.
constexpr std::int64_t kKeptMs = 25ll * 3'600'000;
constexpr Nanos kClearEvery = std::chrono::minutes(10);

Reclaimer::Key key_of(const ClaimKey& claim) {
  return {static_cast<std::int64_t>(claim.subscription), static_cast<std::int64_t>(claim.lane),
          static_cast<std::int64_t>(claim.gen)};
}

}  // namespace

// What is asked before an exchange leaves nothing in doubt: nothing of the exchange was sent.
void PostgresSession::ask_first(const std::function<void()>& ask) {
  try {
    if (parts_.test_only_before) parts_.test_only_before(*connection_);
    ask();
  } catch (const Refusal& refusal) {
    note_refusal(refusal);
    throw;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kStoreInDoubt) throw;
    lose_owner();
    throw Error(ErrorCode::kStoreUnavailable, error.what());
  }
}

void PostgresSession::note_refusal(const Refusal& refusal) {
  if (refusal.state() == kOwnerClosed) asker_.owner = 0;
  if (refusal.state() == kLaneClosed) directory_.forget();
}

void PostgresSession::look_at_readers(const Exchange& in) {
  if (!parts_.rules.may_work) return;
  const auto due = readers_.due(in, directory_, asker_.boot_ms);
  if (!due.empty()) ask_first([&] { readers_.look(*connection_, asker_, due); });
}

void PostgresSession::sweep() {
  Params params;
  params.integer(asker_.owner).integer(asker_.request);
  connection_->call("sweep_flushed", params);
  swept_ = asker_.request;
}

// Nobody waits for it: what is refused is tried again in its turn.
void PostgresSession::sweep_lanes() {
  try {
    sweeper_.run(*connection_, directory_);
  } catch (const Refusal& refusal) {
    parts_.log.write(LogLevel::kWarning, std::string("sweeping: ") + refusal.what());
  }
}

// Whoever has just become idle is mostly wanted again at once: its rows wait for a moment.
Nanos PostgresSession::tidy(Nanos) {
  if (is_closed_ || is_in_doubt_ || !connection_ || connection_->is_broken() || asker_.owner == 0)
    return kNever;
  const Nanos now = parts_.clock.steady();
  const Nanos again_at = parts_.rules.may_work ? sweep_dead(now) : kNever;
  if (now < sweep_at_) return asker_.request > swept_ ? std::min(sweep_at_, again_at) : again_at;
  sweep_at_ = now + kSweepGap;
  if (asker_.request > swept_) sweep();
  if (!parts_.rules.may_work) return kNever;
  sweep_lanes();
  clear_away();
  return again_at;
}

// As sweep_lanes(): what is refused is tried again in its turn.
Nanos PostgresSession::sweep_dead(Nanos now) {
  return dead_sweep_.run(now, [&](std::int64_t age_ms, std::uint32_t limit) {
    std::int64_t count = 0;
    try {
      ask_first([&] {
        Params params;
        params.integer(age_ms).small(static_cast<int>(limit));
        count = connection_->call("forget_dead", params).integer(0, 0);
      });
    } catch (const Refusal& refusal) {
      parts_.log.write(LogLevel::kWarning, std::string("dead_retention: ") + refusal.what());
    }
    return static_cast<std::uint32_t>(count);
  });
}

void PostgresSession::clear_away() {
  const Nanos now = parts_.clock.steady();
  if (now < clear_at_) return;
  clear_at_ = now + kClearEvery;
  Params params;
  params.integer(kKeptMs);
  connection_->call("clear_away", params);
}

void PostgresSession::do_chores(const Exchange& in, ExchangeResult& out) {
  if (asker_.request - swept_ >= kSweepEvery) sweep();
  if (!parts_.rules.may_work) return;
  if (in.reclaims || sweeper_.is_due()) sweep_lanes();
  out.promoted += promoter_.run(*connection_, asker_, in.promote_max, directory_.has_keys());
  if (in.promote_max > 0) {
    directory_.refresh(*connection_);
    out.promoted += outbox_.drain(*connection_, asker_, directory_, in.promote_max);
    if (out.promoted > 0) directory_.forget();
  }
  look_at_acks(in, out);
  if (!in.reclaims) return;
  clear_away();
  std::set<Reclaimer::Key> busy;
  for (const auto& each : in.settles) busy.insert(key_of(each.claim));
  for (const auto& each : in.extends) busy.insert(key_of(each.claim));
  out.reclaimed = reclaimer_.run(*connection_, asker_.process, busy);
}

void PostgresSession::look_at_acks(const Exchange& in, ExchangeResult& out) {
  out.acked.resize(in.ack_looks.size());
  if (in.ack_looks.empty()) return;
  Array gens(Array::Type::kInt8);
  for (const ClaimKey& claim : in.ack_looks) gens.add(static_cast<std::int64_t>(claim.gen));
  Params params;
  params.array(std::move(gens));
  const Rows rows = connection_->call("look_at_acks", params);
  for (int row = 0; row < rows.size(); ++row)
    for (std::size_t i = 0; i < in.ack_looks.size(); ++i)
      if (static_cast<std::int64_t>(in.ack_looks[i].gen) == rows.integer(row, 0))
        out.acked[i].push_back(static_cast<std::uint32_t>(rows.integer(row, 1)));
}

}  // namespace msgq::transport::postgres
