#include "dispatch/raw_claims.h"

#include <algorithm>
#include <utility>

namespace msgq {

class RawClaims::Wait final : public ClaimWait {
 public:
  Wait(std::shared_ptr<RawClaims> claims, Place place)
      : claims_(std::move(claims)), place_(place) {}
  ~Wait() override { claims_->end(place_); }
  LotPtr take(Nanos most) override { return claims_->take(place_, most); }
  bool is_over() override { return claims_->is_over(place_); }

 private:
  const std::shared_ptr<RawClaims> claims_;
  const Place place_;
};

std::unique_ptr<ClaimWait> RawClaims::begin(std::string queue, std::uint32_t count, Nanos wait,
                                            std::int64_t lease_ms) {
  constexpr Nanos kAnswerMax = std::chrono::seconds(5);
  const Nanos now = clock_.steady();
  const Nanos until = wait >= kNever - now ? kNever : now + wait;
  Request request{0, std::move(queue), count, lease_ms, until, now + kAnswerMax, false, false, {}};
  Place place;
  {
    MutexLock lock(mutex_);
    if (error_) throw *error_;
    request.ticket = ++tickets_;
    place = requests_.insert(requests_.end(), std::move(request));
  }
  if (gate_->is_in_use()) serve(place->queue);
  auto out = std::make_unique<Wait>(shared_from_this(), place);
  on_request();
  return out;
}

Nanos RawClaims::end_of(const Request& request) const {
  if (is_closed_ || error_ || request.is_served) return Nanos::zero();
  return request.is_asked ? request.until : std::max(request.until, request.answer_until);
}

std::shared_ptr<SpanLot> RawClaims::take(Place place, Nanos most) {
  const Nanos start = clock_.steady();
  const Nanos slice_end = most >= kNever - start ? kNever : start + most;
  while (true) {
    const auto key = answered_.key();
    std::vector<Span> expired;
    Nanos left = Nanos::zero();
    {
      MutexLock lock(mutex_);
      const Nanos now = clock_.steady();
      expired = drop_expired(*place);
      place->is_served = place->is_served || !place->spans.empty();
      if (!place->spans.empty() && expired.empty())
        return std::make_shared<SpanLot>(place->queue, 0, std::exchange(place->spans, {}), now);
      if (error_) throw *error_;
      const Nanos end = std::min(slice_end, end_of(*place));
      if (now >= end && expired.empty()) return nullptr;
      left = end == kNever ? kNever : end - now;
    }
    if (expired.empty()) {
      answered_.wait(key, left);
      continue;
    }
    on_expired(std::move(expired));
    on_request();
  }
}

// Takes out what is over; a request that is left with nothing asks again.
std::vector<Span> RawClaims::drop_expired(Request& request) {
  std::vector<Span> expired;
  const auto may_expire = [](const Span& span) { return span.held->may_expire; };
  if (std::none_of(request.spans.begin(), request.spans.end(), may_expire)) return expired;
  split_expired(request.spans, expired, store_now());
  if (request.spans.empty()) request.is_asked = false;
  return expired;
}

bool RawClaims::is_over(Place place) {
  MutexLock lock(mutex_);
  return place->spans.empty() && clock_.steady() >= end_of(*place);
}

void RawClaims::end(Place place) {
  std::vector<Span> spans;
  {
    MutexLock lock(mutex_);
    spans = std::move(place->spans);
    requests_.erase(place);
  }
  if (!spans.empty()) on_unwanted(std::move(spans));
}

void RawClaims::close() {
  {
    MutexLock lock(mutex_);
    is_closed_ = true;
  }
  answered_.signal();
}

RawClaims::Place RawClaims::find(std::uint64_t ticket) {
  return std::find_if(requests_.begin(), requests_.end(),
                      [&](const Request& request) { return request.ticket == ticket; });
}

void RawClaims::demands(std::vector<Demand>& out, Nanos) {
  MutexLock lock(mutex_);
  if (is_closed_) return;
  for (auto& request : requests_) {
    if (request.is_served || !request.spans.empty()) continue;
    const auto outlet = outlets_.find(request.queue);
    if (outlet != outlets_.end() && outlet->second->fresh_blocked() >= gate_->waiting_max())
      continue;
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

// Where too much waits for others of its keys, slow keys go back to the store.
Nanos RawClaims::tick(Nanos now) {
  constexpr Nanos kShedGap = std::chrono::milliseconds(50);
  if (!gate_->is_in_use()) return kNever;
  std::vector<KeyGate::OutletPtr> full;
  {
    MutexLock lock(mutex_);
    for (const auto& [queue, outlet] : outlets_)
      if (outlet->fresh_blocked() >= gate_->waiting_max()) full.push_back(outlet);
  }
  if (full.empty() || now < shed_at_) return full.empty() ? kNever : shed_at_;
  std::vector<Shed> sheds;
  KeyGate::Moves moves;
  for (const auto& outlet : full) gate_->shed(*outlet, sheds, moves);
  shed_at_ = now + kShedGap;
  if (sheds.empty()) return shed_at_;
  on_shed(std::move(sheds));
  on_moves(std::move(moves));
  return now;
}

KeyGate::OutletPtr RawClaims::outlet_of(const std::string& queue) {
  KeyGate::OutletPtr& outlet = outlets_[queue];
  if (!outlet) {
    outlet = std::make_shared<KeyGate::Outlet>();
    outlet->on_ready = [weak = weak_from_this(), queue] {
      if (const auto self = weak.lock()) self->serve(queue);
    };
    outlet->on_gone = [](const KeyGate::Ref&) {};
  }
  return outlet;
}

// Gives what the gate lets out to those who wait; the rest stays there for the next who asks, or
// until its lease ends: given back, it would keep its claim open while others of it wait.
void RawClaims::serve(const std::string& queue) {
  std::vector<std::pair<HeldPtr, std::int64_t>> late;
  {
    MutexLock lock(mutex_);
    const KeyGate::OutletPtr outlet = outlet_of(queue);
    for (Request& request : requests_) {
      if (request.queue != queue || request.is_served || !request.spans.empty()) continue;
      gate_->take(*outlet, request.count, request.spans);
      for (const Span& span : request.spans) late.emplace_back(span.held, request.lease_ms);
    }
  }
  for (const auto& [held, lease_ms] : late) on_late(held, lease_ms);
  answered_.signal();
}

bool RawClaims::admit(const HeldPtr& held, const std::string& queue) {
  KeyGate::Moves moves;
  {
    MutexLock lock(mutex_);
    const KeyGate::OutletPtr outlet = outlet_of(queue);
    for (std::uint32_t i = 0; i < held->total; ++i)
      if (!held->done.has(i)) gate_->admit({held, i}, *outlet, moves);
  }
  on_moves(std::move(moves));
  return true;
}

bool RawClaims::is_wanted(const Demand& demand) {
  MutexLock lock(mutex_);
  const auto found = find(demand.ticket);
  return found != requests_.end() && !is_closed_ && !found->is_served;
}

bool RawClaims::deliver(const Demand& demand, const HeldPtr& held) {
  if (held->claim.is_keyed) return is_wanted(demand) && admit(held, demand.queue);
  MutexLock lock(mutex_);
  const auto found = find(demand.ticket);
  if (found == requests_.end() || is_closed_ || found->is_served) return false;
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
