#include "transport/postgres/pool.h"

#include <algorithm>
#include <string>
#include <utility>

#include "msgq/error.h"

namespace msgq::transport::postgres {
namespace {

constexpr Nanos kEpisodeGap = std::chrono::seconds(30);  // so long not busy ends an episode

std::string of(std::uint64_t used, std::uint64_t all) {
  return std::to_string(used) + " of " + std::to_string(all) + " connections (pool_size)";
}

}  // namespace

Pool::Pool(ConnectionSpec spec, PoolRules rules, Clock& clock, Log& log)
    : spec_(std::move(spec)), rules_(rules), clock_(clock), log_(log) {}

bool Pool::is_turn(std::uint64_t ticket) { return line_.front() == ticket && used_ < size(); }

void Pool::take_turn(Nanos until) {
  std::optional<std::uint64_t> ticket;
  for (bool is_mine = false, is_over = false; !is_mine;) {
    const auto key = freed_.key();
    const Nanos now = clock_.steady();
    {
      MutexLock lock(mutex_);
      if (!ticket) line_.push_back(ticket.emplace(++tickets_));
      is_mine = is_turn(*ticket);
      is_over = !is_mine && now >= until;
      if (is_mine) {
        ++used_;
        line_.pop_front();
      }
      note_busy();
      if (is_over) std::erase(line_, *ticket);
    }
    if (is_mine || is_over) freed_.signal();  // for whoever is first now
    if (is_over)
      throw Error(ErrorCode::kStoreUnavailable,
                  "PostgreSQL: " + of(rules_.total, rules_.total) + " were in use for " +
                      std::to_string(rules_.wait.count()) +
                      " ms (pool_wait): raise pool_size, or look with fewer threads at once");
    if (!is_mine) freed_.wait(key, until - now);
  }
}

// In a pool of one, to use it is no news.
void Pool::note_busy() {
  const bool is_full = (rules_.reserved + used_) * 10 >= rules_.total * 9;
  if (!is_full || (size() == 1 && line_.empty())) return;
  const Nanos now = clock_.steady();
  if (!busy_at_ || now - *busy_at_ >= kEpisodeGap)
    log_.write(LogLevel::kWarning, "PostgreSQL: " + of(rules_.reserved + used_, rules_.total) +
                                       " are in use; looks wait for one up to " +
                                       std::to_string(rules_.wait.count()) + " ms (pool_wait)");
  busy_at_ = now;
}

void Pool::note_borrowed(Nanos took) {
  MutexLock lock(mutex_);
  const auto ns = static_cast<std::uint64_t>(took.count());
  ++figures_.borrows;
  figures_.borrow_ns += ns;
  figures_.borrow_ns_max = std::max(figures_.borrow_ns_max, ns);
}

Connection& Pool::Loan::get() {
  for (;;) {
    {
      MutexLock lock(pool_.mutex_);
      if (pool_.idle_.empty()) break;
      connection_ = std::move(pool_.idle_.back().connection);
      pool_.idle_.pop_back();
    }
    if (connection_->is_fit()) return *connection_;
    connection_.reset();
  }
  connection_ = std::make_unique<Connection>(pool_.spec_, pool_.log_);
  return *connection_;
}

Pool::Loan::~Loan() {
  if (connection_ && connection_->is_broken()) connection_.reset();
  {
    MutexLock lock(pool_.mutex_);
    --pool_.used_;
    if (connection_ && !pool_.is_closed_)
      pool_.idle_.push_back({std::move(connection_), pool_.clock_.steady()});
  }
  pool_.freed_.signal();
}

void Pool::close_idle() {
  if (rules_.idle.count() == 0) return;
  std::vector<Idle> closed;  // they end after the mutex is free
  MutexLock lock(mutex_);
  const Nanos before = clock_.steady() - rules_.idle;
  while (!idle_.empty() && idle_.front().since <= before) {
    closed.push_back(std::move(idle_.front()));
    idle_.erase(idle_.begin());
  }
}

void Pool::drop_idle() {
  std::vector<Idle> closed;  // they end after the mutex is free
  MutexLock lock(mutex_);
  closed.swap(idle_);
}

void Pool::close() {
  std::vector<Idle> closed;  // they end after the mutex is free
  MutexLock lock(mutex_);
  is_closed_ = true;
  closed.swap(idle_);
}

ConnectionFigures Pool::figures() {
  const Tally& tally = spec_.shared->tally;
  MutexLock lock(mutex_);
  ConnectionFigures out = figures_;
  out.size = rules_.total;
  out.idle = idle_.size();
  out.used = tally.open() - std::min<std::uint64_t>(tally.open(), out.idle);
  out.waiting = line_.size();
  out.connects = tally.made();
  out.reconnects = tally.made_again();
  return out;
}

}  // namespace msgq::transport::postgres
