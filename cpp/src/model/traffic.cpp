#include "model/traffic.h"

#include <algorithm>
#include <bit>

namespace msgq {
namespace {

std::atomic<std::uint64_t> serials{0};

// The entry this thread used last.
struct LastUsed {
  std::uint64_t serial = 0;
  Traffic* traffic = nullptr;
};
thread_local LastUsed last_used;

std::uint64_t read(const Counter& counter) { return counter.load(std::memory_order_relaxed); }

}  // namespace

void AtomicHistogram::record(Nanos span, std::uint64_t times) {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(span.count(), 0));
  count(buckets_[std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(ns)), 63)], times);
}

Histogram AtomicHistogram::snapshot() const {
  Histogram out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = read(buckets_[i]);
  return out;
}

QueueTraffic Traffic::snapshot() const {
  QueueTraffic out;
  out.queue = queue;
  out.enqueued = read(enqueued);
  out.persisted = read(persisted);
  out.failed = read(failed);
  out.dropped = read(dropped);
  out.duplicates = read(duplicates);
  out.in_flight = read(in_flight);
  out.claimed = read(claimed);
  out.done = read(done);
  out.retried = read(retried);
  out.snoozed = read(snoozed);
  out.dead = read(dead);
  out.expired = read(expired);
  out.lost = read(lost);
  out.held = read(held);
  out.enqueue_ns = enqueue_ns.snapshot();
  out.handle_ns = handle_ns.snapshot();
  out.age_ns = age_ns.snapshot();
  return out;
}

TrafficBook::TrafficBook() : serial_(serials.fetch_add(1) + 1) {}

Traffic& TrafficBook::find(std::string_view queue) {
  if (last_used.serial == serial_ && last_used.traffic->queue == queue) return *last_used.traffic;
  MutexLock lock(mutex_);
  auto found = entries_.find(queue);
  if (found == entries_.end()) {
    validate_queue_name(queue);
    found = entries_.emplace(std::string(queue), std::make_unique<Traffic>(queue)).first;
  }
  last_used = {serial_, found->second.get()};
  return *found->second;
}

std::vector<QueueTraffic> TrafficBook::snapshot() {
  MutexLock lock(mutex_);
  std::vector<QueueTraffic> out;
  out.reserve(entries_.size());
  for (const auto& entry : entries_) out.push_back(entry.second->snapshot());
  return out;
}

}  // namespace msgq
