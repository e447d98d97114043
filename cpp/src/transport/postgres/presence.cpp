#include "transport/postgres/presence.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <utility>

#include "msgq/error.h"
#include "transport/sql_text.h"

namespace msgq::transport::postgres {
namespace {

constexpr Nanos kHintGap = std::chrono::milliseconds(2);
// Who has just begun to listen looks for itself, at least this often.
constexpr Nanos kOthersGap = std::chrono::milliseconds(250);
// Clocks drift apart by no more than a few milliseconds in this time.
constexpr Nanos kCompareGap = std::chrono::seconds(30);
constexpr Nanos kBackoffMin = std::chrono::milliseconds(50);
constexpr Nanos kBackoffMax = std::chrono::seconds(2);

constexpr char kLost[] =
    "a pooler is between this process and PostgreSQL: hints are not heard (polling instead, up to "
    "poll_max), a dead process is seen after 10 s instead of 1 s and its messages are not blamed, "
    "statements are not prepared";
constexpr char kOnlySends[] =
    "PostgreSQL: permission denied: the role of this URL may send messages and take none; msgq db "
    "grant --worker lets it work";
constexpr char kHowToSay[] = "; pgbouncer=on says that this is meant, off that sessions are kept";

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

}  // namespace

Presence::Presence(ConnectionSpec spec, Log& log, const PresenceRules& rules)
    : spec_(std::move(spec)),
      log_(log),
      rules_(rules),
      event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      server_clock_(*rules.clock) {
  MutexLock lock(mutex_);
  connect();
  join();
  store_name_ = connection_->call("store_name").bytes(0, 0);
}

Presence::~Presence() { ::close(event_); }

// What is found to be lost is said once, and again after it was otherwise. The old connection goes
// first: at no time are there two.
void Presence::connect() {
  connection_.reset();
  connection_ = std::make_unique<Connection>(spec_, log_);
  const bool is_pooled = connection_->is_pooled();
  if (is_pooled_.exchange(is_pooled, std::memory_order_acq_rel) || !is_pooled) return;
  if (spec_.pooler == Pooler::kOn) return log_.write(LogLevel::kInfo, kLost);
  log_.write(LogLevel::kWarning, std::string(kLost).append(kHowToSay));
}

void Presence::join() {
  Params params;
  params.text(host_name()).small(getpid()).flag(!connection_->is_pooled());
  const int process = static_cast<int>(connection_->call("join_process", params).integer(0, 0));
  Params place;
  place.small(process).small(rules_.lanes);
  shard_.store(static_cast<int>(connection_->call("shard_of", place).integer(0, 0)),
               std::memory_order_release);
  process_.store(process, std::memory_order_release);
  compare_clocks();
  keep_up();
  beat();
}

// What was no use is done again at the next beat.
void Presence::compare_clocks() {
  Connection& connection = *connection_;
  if (server_clock_.compare([&] { return connection.call("clock_ms").integer(0, 0); }))
    compared_at_ = steady_now();
}

// What a session has to hold and a new one must take up again: the lock, and the ear for hints.
void Presence::keep_up() {
  Params params;
  params.small(process_.load(std::memory_order_relaxed));
  if (!connection_->is_pooled()) connection_->call("lock_process", params);
  params.flag(!connection_->is_pooled());
  connection_->call("note_lock", params);
  is_listening_ = false;
  outbox_.lose();
  if (is_wanting_.load(std::memory_order_acquire)) start_listening();
}

void Presence::start_listening() {
  is_listening_ = true;
  Params params;
  params.small(process_.load(std::memory_order_relaxed)).flag(!connection_->is_pooled());
  if (!connection_->is_pooled()) {
    connection_->send_statement("listen", sql::postgres::kListen);
    connection_->sync();
    connection_->receive();
    connection_->receive_sync();
  }
  connection_->call("note_listens", params);
  outbox_.try_take(*connection_, steady_now());
}

bool Presence::watch() {
  const Nanos at = steady_now();
  return at >= outbox_.next_at() && outbox_.look(*connection_, at);
}

void Presence::listen() {
  if (!rules_.may_work) throw Error(ErrorCode::kStoreRejected, kOnlySends);
  if (!is_wanting_.exchange(true, std::memory_order_acq_rel)) eventfd_write(event_, 1);
}

void Presence::rejoin(int buried) {
  MutexLock lock(mutex_);
  if (has_left_) throw Error(ErrorCode::kClosed, "this process has left the store");
  if (process() != buried) return;  // somebody else has done it
  if (!connection_ || connection_->is_broken()) connect();
  log_.write(LogLevel::kWarning,
             "others took this process for dead and reclaimed its messages; it joins anew");
  join();
}

void Presence::beat() {
  Params params;
  params.small(process());
  const Rows answer = connection_->call("beat", params);
  has_others_ = answer.integer(0, 1) != 0;
  beaten_at_ = steady_now();
  if (answer.integer(0, 0) == 0) return join();
  if (beaten_at_ - compared_at_ >= kCompareGap) compare_clocks();
  if (is_listening_) outbox_.try_take(*connection_, beaten_at_);
}

// Nobody listens, no hint: a commit that notifies takes a lock of the whole server. Whoever begins
// to listen meanwhile looks for itself. The thread that waits sends it, so that the caller need not
// wait for the server; when there is none, the caller sends it.
void Presence::hint() {
  if (!has_others_.load(std::memory_order_relaxed) &&
      steady_now().count() < others_at_.load(std::memory_order_relaxed))
    return;
  if (is_served_.load(std::memory_order_acquire)) {
    if (!hints_.exchange(true, std::memory_order_acq_rel)) eventfd_write(event_, 1);
    return;
  }
  hints_.store(true, std::memory_order_release);
  if (!mutex_.try_lock()) return;  // whoever is about to wait sends it
  send_now();
  mutex_.unlock();
}

void Presence::send_now() {
  try {
    if (!connection_ || PQconsumeInput(connection_->raw()) != 1) return;
    take_hints();
    send_hint();
  } catch (const Error&) {
    connection_.reset();  // a hint may be lost
  }
}

void Presence::send_hint() {
  if (!hints_.load(std::memory_order_acquire) || steady_now() - hinted_at_ < kHintGap) return;
  hints_.store(false, std::memory_order_release);
  hinted_at_ = steady_now();
  if (!has_others_.load(std::memory_order_relaxed)) {
    Params params;
    params.small(process());
    has_others_ = connection_->call("has_listeners", params).integer(0, 0) != 0;
    others_at_ = (hinted_at_ + kOthersGap).count();
  }
  if (has_others_.load(std::memory_order_relaxed)) connection_->call("hint");
}

void Presence::stop() {
  is_stopped_.store(true, std::memory_order_release);
  eventfd_write(event_, 1);
}

// Takes up the hints of other processes that have come.
void Presence::take_hints() {
  PGconn* raw = connection_->raw();
  while (PGnotify* hint = PQnotifies(raw)) {
    has_heard_ = has_heard_ || hint->be_pid != PQbackendPID(raw);
    PQfreemem(hint);
  }
}

bool Presence::wait(Nanos timeout) {
  Nanos until = steady_now() + timeout;
  int socket = -1;
  bool has_due = false;
  is_served_.store(true, std::memory_order_release);
  {
    MutexLock lock(mutex_);
    if (has_left_ || is_stopped_.load(std::memory_order_acquire)) return false;
    try {
      if (!connection_ || !connection_->is_fit()) {
        if (steady_now() < retry_at_) throw Error(ErrorCode::kStoreUnavailable, "later");
        connect();
        keep_up();
        beat();
        backoff_ = Nanos::zero();
        if (std::exchange(is_away_, false)) log_.write(LogLevel::kInfo, "PostgreSQL answers again");
        return true;  // some may have been missed
      }
      if (steady_now() - beaten_at_ >= rules_.heartbeat / 2) {
        beat();
        if (on_beat) on_beat();
      }
      if (is_wanting_.load(std::memory_order_acquire) && !is_listening_) {
        start_listening();
        return true;  // what was sent before was not heard
      }
      send_hint();
      take_hints();
      if (std::exchange(has_heard_, false)) return true;
      socket = PQsocket(connection_->raw());
      if (hints_.load(std::memory_order_acquire)) until = std::min(until, hinted_at_ + kHintGap);
      has_due = watch();
      until = std::min(until, outbox_.next_at());
    } catch (const Error& error) {
      if (connection_) connection_.reset();
      if (!std::exchange(is_away_, true))
        log_.write(LogLevel::kWarning, std::string("hints are not heard: ") + error.what());
      if (steady_now() >= retry_at_) {
        backoff_ = std::clamp(backoff_ * 2, kBackoffMin, kBackoffMax);
        retry_at_ = steady_now() + backoff_ + backoff_ / 64 * (process() % 16);  // not all at once
      }
    }
  }
  if (has_due && on_due) on_due();
  // A negative descriptor is passed over: then the event or the time ends the wait.
  std::array<pollfd, 2> on{{{event_, POLLIN, 0}, {socket, POLLIN, 0}}};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - steady_now()).count();
  if (left > 0) static_cast<void>(poll(on.data(), on.size(), static_cast<int>(left)));
  eventfd_t count = 0;
  eventfd_read(event_, &count);
  MutexLock lock(mutex_);
  if (!connection_ || (on[1].revents & (POLLIN | POLLHUP | POLLERR)) == 0) return false;
  if (PQconsumeInput(connection_->raw()) != 1) {
    connection_.reset();
    return false;
  }
  take_hints();
  return std::exchange(has_heard_, false);
}

void Presence::leave() noexcept {
  MutexLock lock(mutex_);
  if (std::exchange(has_left_, true)) return;
  try {
    if (connection_ && !connection_->is_broken()) {
      Params params;
      params.small(process());
      connection_->call("leave_process", params);
    }
  } catch (const std::exception& error) {
    // The lock goes with the session in any case: others will see it.
    log_.write(LogLevel::kWarning, std::string("leaving the store: ") + error.what());
  }
  connection_.reset();
}

void Presence::test_only_kill() {
  is_killed_.store(true, std::memory_order_release);
  MutexLock lock(mutex_);
  has_left_ = true;
  connection_.reset();
}

}  // namespace msgq::transport::postgres
