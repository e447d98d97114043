#include "transport/memory/memory_store.h"

#include <utility>

#include "msgq/error.h"
#include "transport/memory/administer.h"
#include "transport/memory/bounds.h"
#include "transport/memory/claim.h"
#include "transport/memory/dedup.h"
#include "transport/memory/search.h"
#include "transport/memory/subscriptions.h"

namespace msgq::transport::memory {

MemoryStore::MemoryStore(const Config& config, Clock& clock)
    : count_max_(config.store_count_max),
      bytes_max_(config.store_bytes_max),
      strict_queues_(config.strict_queues),
      dead_retention_ms_(config.dead_retention.count()),
      crash_rule_{config.crashes_max},
      block_bounds_{config.batch_count_max, config.batch_bytes_max},
      clock_(clock) {
  state_.priority_aging_ms = config.priority_aging.count();
}

Now MemoryStore::now() { return {clock_.wall_ms(), clock_.boot_ms()}; }

std::uint64_t MemoryStore::join() {
  MutexLock lock(mutex_);
  const std::uint64_t process = state_.draw();
  state_.processes[process];
  return process;
}

std::uint64_t MemoryStore::open_owner() {
  MutexLock lock(mutex_);
  return state_.draw();
}

void MemoryStore::exchange(const Caller& caller, const Exchange& in, ExchangeResult& out,
                           Graveyard& graveyard) {
  const Now at = now();
  MutexLock lock(mutex_);
  check_caller(caller);
  check_queues(in);
  const std::vector<Duplicate> duplicates = find_remembered(state_, in, at);
  const Exchange rest = duplicates.empty() ? Exchange{} : without(in, duplicates);
  const Exchange& fresh = duplicates.empty() ? in : rest;
  check_bounds(in, fresh, at);
  check_lengths(state_, in, fresh, duplicates);
  check_required(in, duplicates);
  settle_all(in, out, at, graveyard);
  out.duplicates = store_all(in, at);
  out.promoted = in.promote_max > 0 ? promote(state_, in.promote_max, block_bounds_, at) : 0;
  out.reclaimed = in.reclaims ? reclaim(state_, crash_rule_, at, graveyard) : 0;
  if (in.reclaims) trim_logs(state_, at);
  const std::int64_t due_ms = state_.parked.empty() ? 0 : state_.parked.begin()->first.due_ms;
  out.next_due_ms = due_ms == kHeldBack ? 0 : due_ms;
  claim_all(state_, caller, in.claims, at, out.claims);
  out.waited = Nanos::zero();
}

void MemoryStore::check_caller(const Caller& caller) {
  const auto process = state_.processes.find(caller.process);
  if (process == state_.processes.end() || !process->second.is_alive)
    throw Error(ErrorCode::kClosed, "this process has left the memory store");
}

void MemoryStore::check_queues(const Exchange& in) {
  const auto check = [this](std::string_view name) MSGQ_REQUIRES(mutex_) {
    const Queue* queue = strict_queues_ ? &require_queue(name) : state_.find_queue(name);
    if (queue != nullptr && queue->source != nullptr) refuse_send(name, queue->source->name);
  };
  for (const auto& each : in.appends) check(each.queue);
  for (const auto& each : in.parks) check(each.queue);
}

// What would refuse the exchange as a whole, before anything of it is done.
void MemoryStore::check_required(const Exchange& in, const std::vector<Duplicate>& duplicates) {
  for (std::size_t i = 0; i < in.settles.size(); ++i)
    if (in.settles[i].is_required && !is_open(state_, in.settles[i].claim)) throw ClaimLost(i);
  refuse_strict(in, duplicates);
}

void MemoryStore::check_bounds(const Exchange& in, const Exchange& fresh, const Now& at) {
  if (count_max_ == 0 && bytes_max_ == 0) return;
  if (fresh.appends.empty() && fresh.parks.empty()) return;
  if (bytes_max_ != 0) forget_old(state_, at);
  std::uint64_t count = state_.count + fresh.parks.size();
  std::uint64_t bytes = state_.bytes + bytes_of(once_wishes(fresh));
  for (const auto& each : fresh.appends) {
    const Queue* queue = state_.find_queue(each.queue);
    count += (queue == nullptr ? 1 : copies(*queue)) * each.block->count();
    bytes +=
        (queue == nullptr ? 1 : weights(*queue)) * each.block->body_bytes(0, each.block->count());
  }
  for (const auto& each : fresh.parks) bytes += bytes_of(each.message);
  for (const auto& each : in.settles) {
    const Freed freed = would_free(state_, each);
    count -= freed.count;
    bytes -= freed.bytes;
  }
  if (count_max_ != 0 && count > count_max_)
    throw Error(ErrorCode::kStoreFull, "the memory store would hold " + std::to_string(count) +
                                           " messages, at most " + std::to_string(count_max_) +
                                           " are allowed (store_count_max)");
  if (bytes_max_ != 0 && bytes > bytes_max_)
    throw Error(ErrorCode::kStoreFull, "the memory store would hold " + std::to_string(bytes) +
                                           " bytes, at most " + std::to_string(bytes_max_) +
                                           " are allowed (store_bytes_max)");
}

void MemoryStore::settle_all(const Exchange& in, ExchangeResult& out, const Now& at,
                             Graveyard& graveyard) {
  out.settle_lost.clear();
  out.extend_lost.clear();
  for (const auto& order : in.settles)
    out.settle_lost.push_back(!settle(state_, order, at, graveyard));
  for (const auto& order : in.starts) start(state_, order);
  for (const auto& order : in.extends) out.extend_lost.push_back(!extend(state_, order));
}

// Without what is there already, as its dedup id says.
std::vector<Duplicate> MemoryStore::store_all(const Exchange& in, const Now& at) {
  std::vector<Duplicate> duplicates = remember(state_, once_wishes(in), at);
  if (duplicates.empty())
    append_all(in, at);
  else
    append_all(without(in, duplicates), at);
  return duplicates;
}

void MemoryStore::append_all(const Exchange& in, const Now& at) {
  drop_oldest(state_, in);
  for (const auto& each : in.appends) {
    Queue& queue = state_.make_queue(each.queue);
    publish(state_, queue, each.band, each.block, at);
    if (queue.settings.is_topic) continue;
    queue.totals.sent += each.block->count();
    append(state_, queue, state_.make_band(queue, each.band).main, each.block);
  }
  for (const auto& each : in.parks) {
    Queue& queue = state_.make_queue(each.queue);
    ++queue.totals.sent;
    park(state_, queue, each.due_ms, each.message, at, true);
  }
}

void MemoryStore::leave(const Caller& caller) {
  MutexLock lock(mutex_);
  const auto process = state_.processes.find(caller.process);
  if (process != state_.processes.end() && process->second.is_alive)
    give_back_all(state_, caller.owner);
}

void MemoryStore::retire(std::uint64_t process) {
  MutexLock lock(mutex_);
  const auto found = state_.processes.find(process);
  if (found != state_.processes.end() && found->second.open_count == 0)
    state_.processes.erase(found);
}

void MemoryStore::test_only_kill(std::uint64_t process) {
  MutexLock lock(mutex_);
  const auto found = state_.processes.find(process);
  if (found != state_.processes.end()) found->second.is_alive = false;
}

Queue& MemoryStore::require_queue(std::string_view name) {
  if (Queue* queue = state_.find_queue(name)) return *queue;
  throw Error(ErrorCode::kNotFound, "there is no queue '" + std::string(name) + "'");
}

std::vector<std::string> MemoryStore::queues() {
  MutexLock lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [name, queue] : state_.queues) out.push_back(name);
  return out;
}

std::vector<QueueDepth> MemoryStore::depth() {
  MutexLock lock(mutex_);
  std::vector<QueueDepth> out;
  for (const auto& [name, queue] : state_.queues) out.push_back(depth_of(*queue));
  return out;
}

std::vector<FoundMessage> MemoryStore::peek(std::string_view queue, std::string_view after,
                                            std::uint32_t limit) {
  MutexLock lock(mutex_);
  return memory::peek(state_, require_queue(queue), after, limit);
}

std::optional<FoundMessage> MemoryStore::find(std::string_view queue, MessageId id) {
  MutexLock lock(mutex_);
  return memory::find(state_, require_queue(queue), id);
}

std::vector<FoundMessage> MemoryStore::dead(std::string_view queue, std::string_view after,
                                            std::uint32_t limit) {
  MutexLock lock(mutex_);
  return list_dead(state_, queue.empty() ? nullptr : &require_queue(queue), after, limit);
}

std::uint64_t MemoryStore::redrive(std::string_view queue, const std::vector<MessageId>& ids) {
  const Now at = now();
  MutexLock lock(mutex_);
  return memory::redrive(state_, require_queue(queue), ids, block_bounds_, at);
}

std::uint64_t MemoryStore::delete_dead(std::string_view queue, const std::vector<MessageId>& ids) {
  MutexLock lock(mutex_);
  return memory::delete_dead(state_, require_queue(queue), ids);
}

std::uint64_t MemoryStore::edit_dead(std::string_view queue, const DeadEdit& edit) {
  const Now at = now();
  MutexLock lock(mutex_);
  return memory::edit_dead(state_, require_queue(queue), edit, block_bounds_, at);
}

std::uint32_t MemoryStore::forget_dead(std::int64_t age_ms, std::uint32_t limit) {
  const Now at = now();
  MutexLock lock(mutex_);
  return memory::forget_dead(state_, at.wall_ms - age_ms, limit);
}

std::uint64_t MemoryStore::purge(std::string_view queue) {
  MutexLock lock(mutex_);
  return memory::purge(state_, require_queue(queue));
}

std::uint64_t MemoryStore::cancel(std::string_view queue, const std::vector<MessageId>& ids) {
  const Now at = now();
  MutexLock lock(mutex_);
  return memory::cancel(state_, require_queue(queue), ids, at);
}

std::uint64_t MemoryStore::reschedule(std::string_view queue, const std::vector<MessageId>& ids,
                                      std::int64_t due_ms) {
  MutexLock lock(mutex_);
  return memory::reschedule(state_, require_queue(queue), ids, due_ms);
}

QueueSettings MemoryStore::settings(std::string_view queue) {
  MutexLock lock(mutex_);
  return require_queue(queue).settings;
}

void MemoryStore::alter(std::string_view queue, const QueueChange& change) {
  MutexLock lock(mutex_);
  Queue& known = change.creates ? state_.make_queue(queue) : require_queue(queue);
  if (known.source != nullptr) check_change(queue, change, known.settings);
  change.apply(known.settings);
  known.totals.is_paused = known.settings.is_paused;
}

void MemoryStore::delete_queue(std::string_view queue) {
  MutexLock lock(mutex_);
  memory::delete_queue(state_, require_queue(queue));
}

void MemoryStore::rename_queue(std::string_view queue, std::string_view name) {
  MutexLock lock(mutex_);
  memory::rename_queue(state_, require_queue(queue), name);
}

bool MemoryStore::subscribe(std::string_view queue, std::string_view name, const Start& start) {
  const Now at = now();
  MutexLock lock(mutex_);
  return memory::subscribe(state_, queue, name, start, at);
}

std::uint64_t MemoryStore::seek(std::string_view subscription, const Start& start) {
  const Now at = now();
  MutexLock lock(mutex_);
  return memory::seek(state_, require_queue(subscription), start, at);
}

std::uint64_t MemoryStore::bytes() {
  MutexLock lock(mutex_);
  return state_.bytes;
}

}  // namespace msgq::transport::memory
