#include "transport/postgres/session.h"

#include <algorithm>
#include <utility>

#include "msgq/error.h"
#include "transport/once.h"
#include "transport/postgres/failure.h"
#include "transport/sql_text.h"

namespace msgq::transport::postgres {
namespace {

// How old the answer to "when is the next parked message due" may be.
constexpr std::int64_t kDueLookMs = 50;
// How often the outbox is looked at while it is in use.
constexpr std::int64_t kOutboxGapMs = 25;
enum Answer {
  kSettleLost = 1,
  kExtendLost = 2,
  kWish = 3,
  kDueIn = 4,
  kVersion = 5,
  kRunsSuspect = 6,
  kClaim = 7
};

}  // namespace

PostgresSession::PostgresSession(SessionParts parts)
    : parts_(std::move(parts)),
      reclaimer_(parts_.clock, parts_.log, parts_.rules.reclaim),
      glancer_(parts_.clock, parts_.rules.reclaim),
      sweeper_(parts_.clock),
      promoter_(parts_.clock),
      dead_sweep_(parts_.rules.dead_retention_ms),
      outbox_(parts_.clock) {
  connect();
}

void PostgresSession::check_usable() {
  if (is_closed_) throw Error(ErrorCode::kClosed, "this session of the store is closed");
  if (is_in_doubt_) throw Error(ErrorCode::kStoreInDoubt, "the last exchange is still in doubt");
}

// Makes the connection, and closes the owner of the one before: what that one claimed and we never
// heard of is given back.
void PostgresSession::connect() {
  if (connection_ && !connection_->is_fit()) connection_.reset();
  if (connection_ && asker_.owner != 0) return;
  if (asker_.owner != 0) lose_owner();
  try {
    if (!connection_) connection_ = std::make_unique<Connection>(parts_.spec, parts_.log);
    if (parts_.test_only_before) parts_.test_only_before(*connection_);
    if (lost_owner_ != 0) {
      Params params;
      params.integer(lost_owner_);
      connection_->call("close_owner", params);
      params.integer(heard_gen_);
      connection_->call("give_back", params);
      lost_owner_ = 0;
    }
    open_owner();
    forget_server();
    has_connected_ = true;
  } catch (const Error& error) {
    // Of the exchange nothing was sent. A URL that was right once is not wrong now: the server is
    // being changed, and tried again.
    const bool is_passing = error.code() == ErrorCode::kConfigInvalid && has_connected_;
    if (error.code() != ErrorCode::kStoreInDoubt && !is_passing) throw;
    throw Error(ErrorCode::kStoreUnavailable, error.what());
  }
}

// The next connection may lead to a standby that took over, and whose numbers begin again behind
// those that we have seen.
void PostgresSession::forget_server() {
  directory_.forget();
  cache_ = {};
  outbox_.forget();
  sweeper_.forget();
  promoter_.forget();
  readers_.forget();
  heard_gen_ = 0;
}

void PostgresSession::open_owner() {
  for (;;) {
    const int process = parts_.presence.process();
    const auto owner = static_cast<std::int64_t>(parts_.random.next() >> 2) + 1;
    Params params;
    params.integer(owner).small(process);
    if (connection_->call("open_owner", params).integer(0, 0) != 0) {
      asker_.owner = owner;
      asker_.process = process;
      directory_.set_shard(parts_.presence.shard());
      asker_.request = 0;
      swept_ = 0;
      return;
    }
    parts_.presence.rejoin(process);
  }
}

void PostgresSession::note_time() {
  asker_.wall_ms = parts_.clock.wall_ms();
  asker_.boot_ms = parts_.clock.boot_ms();
}

void PostgresSession::exchange(const Exchange& in, ExchangeResult& out) {
  out = {};
  if (has_begun_) return finish(in, out);
  check_usable();
  connect();
  note_time();
  look_at_readers(in);
  if (!parts_.rules.may_work || !glancer_.is_worth(in)) return exchange_all(in, out);
  if (glancer_.may_skip(in)) return answer_nothing(in, out);
  const Glance seen = glance(in, out);
  note_due(seen.due_in_ms, out);
  if (directory_.is_stale()) return exchange_all(in, out);
  const Narrowed few(in, seen, directory_);
  if (seen.shows_nothing_for(few.exchange())) return answer_nothing(in, out);
  exchange_all(few.exchange(), out);
  few.widen(out, in.claims.size());
}

Glance PostgresSession::glance(const Exchange& in, ExchangeResult& out) {
  Glance seen;
  ask_first([&] {
    directory_.refresh(*connection_);
    out.promoted = promoter_.run(*connection_, asker_, 0, directory_.has_keys());
    seen = glancer_.look(*connection_, asker_.process, outbox_.mark(), in, directory_, sweeper_);
  });
  return seen;
}

// What was known at the last look still holds.
void PostgresSession::answer_nothing(const Exchange& in, ExchangeResult& out) {
  out.claims.resize(in.claims.size());
  out.next_due_ms = next_due_ms_;
}

void PostgresSession::exchange_all(const Exchange& in, ExchangeResult& out) {
  ask_first([&] {
    do_chores(in, out);
    prepare_queues(in);
  });
  start(in, looks_due(in));
  finish(in, out);
  glancer_.note(in, out);
  if (directory_.is_stale()) claim_again(in, out);
}

// Nothing has to be asked before it: it only stores, and everything for that is at hand.
bool PostgresSession::is_ready_for(const Exchange& in) const {
  const bool has_connection = connection_ && connection_->is_fresh() && asker_.owner != 0;
  const bool only_stores = in.settles.empty() && in.starts.empty() && in.extends.empty() &&
                           in.claims.empty() && in.ack_looks.empty() && in.promote_max == 0 &&
                           !in.reclaims;
  const auto is_known = [&](const Append& each) {
    return directory_.can_append(each.queue, each.band);
  };
  const auto is_there = [&](const Park& each) { return directory_.can_append(each.queue); };
  return has_connection && only_stores && !is_closed_ && !is_in_doubt_ && knows_directory() &&
         asker_.request - swept_ < kSweepEvery &&
         std::all_of(in.appends.begin(), in.appends.end(), is_known) &&
         std::all_of(in.parks.begin(), in.parks.end(), is_there);
}

bool PostgresSession::begin(const Exchange& in) {
  if (!is_ready_for(in)) return false;
  note_time();
  start(in, false);
  connection_->await(Nanos::zero());
  return true;
}

bool PostgresSession::await(Nanos most) {
  return !has_begun_ || begin_error_ || connection_->await(most);
}

void PostgresSession::start(const Exchange& in, bool looks_due) {
  once_ = OnceFilter(in);
  refuse_strict(in, once_.duplicates());
  ++asker_.request;
  asked_settles_ = in.settles.size();
  has_begun_ = true;
  try {
    sent_ = send_fresh(in, looks_due);
  } catch (const Error& error) {
    begin_error_ = error;
  }
}

void PostgresSession::finish(const Exchange& in, ExchangeResult& out) {
  has_begun_ = false;
  try {
    if (begin_error_) throw Error(*std::exchange(begin_error_, std::nullopt));
    while (!is_received(in, out)) {
      ++asker_.request;
      sent_ = send_fresh(in, sent_.looks_due);
    }
    out.duplicates = once_.duplicates();
    once_ = {};
  } catch (const Refusal& refusal) {
    note_refusal(refusal);
    throw;
  } catch (const Error& error) {
    is_in_doubt_ = error.is_in_doubt();
    throw;
  }
}

// False: some messages are there already, as their dedup ids say, and nothing was done; the rest is
// to be sent again.
bool PostgresSession::is_received(const Exchange& in, ExchangeResult& out) {
  try {
    receive(sent_, in, out);
    return true;
  } catch (const Refusal& refusal) {
    if (refusal.state() != kRemembered) throw;
    once_.note(refusal.detail());
    refuse_strict(in, once_.duplicates());
    return false;
  }
}

// Without what is known to be there.
PostgresSession::Sent PostgresSession::send_fresh(const Exchange& in, bool looks_due) {
  const auto duplicates = once_.duplicates();
  if (duplicates.empty()) return send(in, looks_due);
  Exchange rest = in;
  Exchange fresh = without(in, duplicates);
  rest.appends = std::move(fresh.appends);
  rest.parks = std::move(fresh.parks);
  return send(rest, looks_due);
}

// Others have made queues or lanes that this exchange did not know: wishes that got nothing look
// again. What goes wrong here leaves the exchange done.
void PostgresSession::claim_again(const Exchange& in, ExchangeResult& out) {
  Exchange again;
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < in.claims.size(); ++i)
    if (out.claims[i].claims.empty() && !in.claims[i].continues) {
      again.claims.push_back(in.claims[i]);
      numbers.push_back(i);
    }
  if (numbers.empty() || asker_.owner == 0) return;
  ExchangeResult found;
  try {
    directory_.refresh(*connection_);
    ++asker_.request;
    receive(send(again, false), again, found);
  } catch (const Refusal&) {
    return;
  } catch (const Error&) {
    return lose_owner();
  }
  for (std::size_t i = 0; i < numbers.size(); ++i)
    out.claims[numbers[i]] = std::move(found.claims[i]);
}

// The connection is lost, but nothing is in doubt: what it claimed unheard is given back.
void PostgresSession::lose_owner() { lost_owner_ = std::exchange(asker_.owner, 0); }

// Others park too: looked up when this exchange may have changed it, and now and then.
bool PostgresSession::looks_due(const Exchange& in) {
  if (!parts_.rules.may_work) return false;
  bool looks = in.promote_max > 0 || in.reclaims || !in.parks.empty();
  for (const auto& each : in.settles) looks |= !each.backs.empty();
  if (!in.claims.empty()) looks |= asker_.boot_ms - due_looked_ms_ >= kDueLookMs;
  return looks;
}

PostgresSession::Sent PostgresSession::send(const Exchange& in, bool looks_due) {
  Sent sent;
  sent.looks_due = looks_due;
  sent.is_once = once_.is_asking();
  sent.is_release = has_releases(in);
  sent.is_append = !in.appends.empty();
  sent.is_park = !in.parks.empty();
  sent.is_exchange = !in.settles.empty() || !in.extends.empty() || !in.claims.empty() || looks_due;
  sent.is_claim = !in.claims.empty();
  Params room = room_params(asker_, in, directory_);
  sent.is_bounded = room.count() > 0;
  connection_->begin();
  // Before what is sent: a message may pass its dedup id on.
  if (sent.is_release) connection_->send("release", release_params(in));
  if (sent.is_once) connection_->send("remember", once_.params(directory_));
  if (sent.is_bounded) connection_->send("make_room", room);
  if (in.appends.size() == 1)
    connection_->send("append_one", append_one_params(asker_, in.appends[0], directory_));
  else if (sent.is_append)
    connection_->send("append", append_params(asker_, in.appends, directory_));
  if (sent.is_park) connection_->send("park", park_params(asker_, in.parks, directory_));
  if (sent.is_exchange)
    connection_->send("exchange", exchange_params(asker_, in, directory_,
                                                  {runs_suspect_, looks_due,
                                                   parts_.rules.priority_aging_ms, &readers_}));
  connection_->commit();
  if (!sent.is_claim) return sent;
  Array subscriptions(Array::Type::kInt4), lanes(Array::Type::kInt4);
  std::set<std::pair<int, int>> asked;
  for (const ClaimWish& wish : in.claims)
    if (const Queue* queue = directory_.find(wish.queue))
      for (const int lane : queue->lanes())
        if (asked.emplace(queue->subscription, lane).second) {
          subscriptions.add(queue->subscription);
          lanes.add(lane);
        }
  Params params;
  params.integer(asker_.owner).integer(asker_.request).integer(heard_gen_);
  params.array(std::move(subscriptions)).array(std::move(lanes)).array(cache_.known());
  connection_->send("read_claims", params);
  connection_->sync();
  return sent;
}

void PostgresSession::receive(const Sent& sent, const Exchange& in, ExchangeResult& out) {
  out.settle_lost.assign(in.settles.size(), false);
  out.extend_lost.assign(in.extends.size(), false);
  out.claims.resize(in.claims.size());
  out.next_due_ms = next_due_ms_;
  wish_of_gen_.clear();
  has_parked_keys_ = false;
  try {
    connection_->receive_begin();
    if (sent.is_release) connection_->receive();
    if (sent.is_once) connection_->receive();
    if (sent.is_bounded) connection_->receive();
    if (sent.is_append) connection_->receive();
    if (sent.is_park) connection_->receive();
    if (sent.is_exchange) read_answers(connection_->receive(), in, out);
    connection_->receive_commit();
  } catch (const Refusal& refusal) {
    connection_->skip_to_sync();
    if (sent.is_claim) connection_->skip_to_sync();
    connection_->rollback();
    if (refusal.state() == kQueueFull) tell_full(in);
    if (refusal.state() == kClaimLost) throw ClaimLost(std::stoul(refusal.detail()));
    throw;
  }
  for (std::size_t i = 0; i < in.settles.size(); ++i)
    if (in.settles[i].is_whole || in.settles[i].gives_back || out.settle_lost[i])
      sweeper_.note_ended(in.settles[i]);
  if (!sent.is_claim) return;
  try {
    const Rows rows = connection_->receive();
    connection_->receive_sync();
    deliver(rows, out);
  } catch (const Refusal& refusal) {
    connection_->skip_to_sync();
    parts_.log.write(LogLevel::kError,
                     std::string("claimed messages could not be read: ") + refusal.what());
    lose_owner();
  } catch (const Error&) {
    lose_owner();  // settled and appended it has, certainly
  }
}

void PostgresSession::read_answers(const Rows& rows, const Exchange& in, ExchangeResult& out) {
  std::int64_t due_in_ms = -1;
  for (int row = 0; row < rows.size(); ++row) {
    const auto i = static_cast<std::size_t>(rows.integer(row, 1));
    const std::int64_t value = rows.integer(row, 2);
    switch (rows.integer(row, 0)) {
      case kSettleLost:
        out.settle_lost.at(i) = true;
        break;
      case kExtendLost:
        out.extend_lost.at(i) = true;
        break;
      case kWish:
        out.claims.at(i).has_more = (value & 1) != 0;
        out.claims.at(i).suspects_waiting = (value & 2) != 0;
        out.claims.at(i).was_passed_over = (value & 4) != 0;
        has_parked_keys_ = has_parked_keys_ || (value & 8) != 0;
        break;
      case kDueIn:
        due_in_ms = std::max<std::int64_t>(value, 0);
        break;
      case kVersion:
        directory_.note_version(value);
        directory_at_ = parts_.clock.steady();
        break;
      case kRunsSuspect:
        runs_suspect_ = value != 0;
        break;
      case kClaim:
        wish_of_gen_[static_cast<std::uint64_t>(value)] = i;
        break;
      default:
        break;
    }
  }
  if (looks_due(in)) note_due(due_in_ms, out);
}

// -1: no message is parked.
void PostgresSession::note_due(std::int64_t due_in_ms, ExchangeResult& out) {
  if (outbox_.is_in_use() && (due_in_ms < 0 || due_in_ms > kOutboxGapMs)) due_in_ms = kOutboxGapMs;
  next_due_ms_ = out.next_due_ms = due_in_ms < 0 ? 0 : asker_.wall_ms + due_in_ms;
  due_looked_ms_ = asker_.boot_ms;
}

void PostgresSession::deliver(const Rows& rows, ExchangeResult& out) {
  ReadClaims read = read_claims(rows, asker_.owner, asker_.boot_ms, directory_, cache_);
  if (has_parked_keys_) find_away(*connection_, directory_, read.claims);
  std::set<std::uint64_t> ended;
  for (const BadBlock& bad : read.bad)
    if (give_up(bad)) ended.insert(bad.claim.gen);
  for (Claimed& claimed : read.claims) {
    heard_gen_ = std::max(heard_gen_, static_cast<std::int64_t>(claimed.key.gen));
    const auto wish = wish_of_gen_.find(claimed.key.gen);
    if (wish == wish_of_gen_.end()) continue;
    sweeper_.note_claimed(claimed);
    ClaimAnswer& answer = out.claims.at(wish->second);
    if (ended.count(claimed.key.gen) > 0)
      answer.has_more = true;
    else
      answer.claims.push_back(std::move(claimed));
  }
}

// True when the claim has ended with it.
bool PostgresSession::give_up(const BadBlock& bad) {
  if (bad.seq == 0) {
    parts_.log.write(LogLevel::kError, "a block of claim " + std::to_string(bad.claim.gen) +
                                           " is missing, its messages cannot be run; restore a "
                                           "backup");
    return true;
  }
  parts_.log.write(LogLevel::kError, "a damaged block of lane " + std::to_string(bad.claim.lane) +
                                         " was put into quarantine");
  promoter_.note_damage();
  Params params;
  params.small(static_cast<int>(bad.claim.subscription)).small(static_cast<int>(bad.claim.lane));
  params.integer(static_cast<std::int64_t>(bad.claim.gen)).integer(bad.seq);
  params.small(static_cast<int>(bad.first)).small(static_cast<int>(bad.count));
  return connection_->call("quarantine", params).integer(0, 0) != 0;
}

bool PostgresSession::resolve(ExchangeResult& out) {
  if (!is_in_doubt_) throw Error(ErrorCode::kInternal, "nothing is in doubt");
  const std::int64_t owner = asker_.owner;
  try {
    connection_.reset();
    connection_ = std::make_unique<Connection>(parts_.spec, parts_.log);
    if (parts_.test_only_before) parts_.test_only_before(*connection_);
    Params params;
    params.integer(owner);
    if (connection_->call("close_owner", params).integer(0, 0) == 0)
      throw Error(ErrorCode::kStoreInDoubt, "the store has forgotten this connection");
    Params asked;
    asked.integer(owner).integer(asker_.request);
    const Rows found = connection_->call("find_request", asked);
    const bool has_happened = found.integer(0, 0) != 0;
    out.settle_lost.assign(asked_settles_, false);
    if (!found.is_null(0, 1))
      for (const std::int64_t number : found.integers(0, 1))
        out.settle_lost.at(static_cast<std::size_t>(number) - 1) = true;
    params.integer(heard_gen_);
    connection_->call("give_back", params);
    open_owner();
    forget_server();
    is_in_doubt_ = false;
    if (has_happened) out.duplicates = once_.duplicates();
    return has_happened;
  } catch (const Error& error) {
    throw Error(ErrorCode::kStoreInDoubt, std::string("cannot find out yet: ") + error.what());
  }
}

void PostgresSession::close() noexcept {
  if (std::exchange(is_closed_, true)) return;
  try {
    if (parts_.presence.test_only_is_killed() || has_begun_) return connection_.reset();
    for (const std::int64_t owner : {asker_.owner, lost_owner_}) {
      if (owner == 0 || !connection_ || connection_->is_broken() || is_in_doubt_) continue;
      Params params;
      params.integer(owner);
      connection_->call("leave_owner", params);
    }
  } catch (const std::exception& error) {
    // Nothing is lost: claims are given back as the process leaves.
    parts_.log.write(LogLevel::kWarning, std::string("leaving the store: ") + error.what());
  }
  connection_.reset();
}

}  // namespace msgq::transport::postgres
