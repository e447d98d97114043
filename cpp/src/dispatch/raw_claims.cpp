#include "dispatch/raw_claims.h"

#include <algorithm>

namespace msgq {

std::shared_ptr<SpanLot> RawClaims::claim(std::string queue, std::uint32_t count, Nanos wait,
                                          std::int64_t lease_ms) {
  std::list<Request>::iterator mine;
  {
    MutexLock lock(mutex_);
    if (error_) throw *error_;
    if (is_closed_) return nullptr;
    mine = requests_.insert(requests_.end(), {++tickets_, queue, count, lease_ms, false, {}});
  }
  on_request();
  const Nanos start = clock_.steady();
  // Even a claim that does not wait gives the store one round trip to answer.
  constexpr Nanos kAnswerMax = std::chrono::seconds(5);
  const Nanos until = wait >= kNever - start ? kNever : start + wait;
  while (true) {
    const auto key = answered_.key();
    Nanos left;
    {
      MutexLock lock(mutex_);
      const Nanos now = clock_.steady();
      const Nanos end = mine->is_asked ? until : std::max(until, start + kAnswerMax);
      const bool is_over = now >= end || is_closed_ || error_;
      if (!mine->spans.empty() || is_over) {
        std::vector<Span> spans = std::move(mine->spans);
        requests_.erase(mine);
        if (!spans.empty())
          return std::make_shared<SpanLot>(std::move(queue), 0, std::move(spans), now);
        if (error_) throw *error_;
        return nullptr;
      }
      left = end == kNever ? kNever : end - now;
    }
    answered_.wait(key, left);
  }
}

void RawClaims::close() {
  {
    MutexLock lock(mutex_);
    is_closed_ = true;
  }
  answered_.signal();
}

std::list<RawClaims::Request>::iterator RawClaims::find(std::uint64_t ticket) {
  return std::find_if(requests_.begin(), requests_.end(),
                      [&](const Request& request) { return request.ticket == ticket; });
}

void RawClaims::demands(std::vector<Demand>& out, Nanos) {
  MutexLock lock(mutex_);
  if (is_closed_) return;
  for (auto& request : requests_) {
    if (!request.spans.empty()) continue;
    Demand demand;
    demand.queue = request.queue;
    demand.count_max = request.count;
    demand.lease_ms = request.lease_ms;
    demand.is_renewed = false;
    demand.is_exact = true;
    demand.is_urgent = !request.is_asked;
    demand.ticket = request.ticket;
    out.push_back(std::move(demand));
  }
}

bool RawClaims::deliver(const Demand& demand, const HeldPtr& held) {
  MutexLock lock(mutex_);
  const auto found = find(demand.ticket);
  if (found == requests_.end() || is_closed_) return false;
  for (std::uint32_t i = 0; i < held->total; ++i) {
    if (held->done.has(i)) continue;
    if (!found->spans.empty() && found->spans.back().held == held && found->spans.back().to == i)
      ++found->spans.back().to;
    else
      found->spans.push_back({held, i, i + 1});
  }
  return true;
}

void RawClaims::answered(const Demand& demand) {
  {
    MutexLock lock(mutex_);
    if (const auto found = find(demand.ticket); found != requests_.end()) found->is_asked = true;
  }
  answered_.signal();
}

void RawClaims::give_up(const Error& error) {
  {
    MutexLock lock(mutex_);
    error_ = error;
  }
  answered_.signal();
}

}  // namespace msgq
