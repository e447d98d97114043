#include "transport/memory/dedup.h"

namespace msgq::transport::memory {
namespace {

void forget(Dedup& dedup, std::map<std::string, DedupEntry, std::less<>>::iterator entry) {
  dedup.by_end.erase({entry->second.until_ms, entry->first});
  dedup.by_message.erase(entry->second.as.message);
  dedup.by_id.erase(entry);
}

void forget_old(Dedup& dedup, const Now& now) {
  while (!dedup.by_end.empty() && dedup.by_end.begin()->first <= now.wall_ms)
    forget(dedup, dedup.by_id.find(dedup.by_end.begin()->second));
}

}  // namespace

std::vector<Duplicate> remember(State& state, const std::vector<OnceWish>& wishes, const Now& now) {
  std::vector<Duplicate> out;
  for (const OnceWish& wish : wishes) {
    Dedup& dedup = state.make_queue(*wish.queue).dedup;
    forget_old(dedup, now);
    const auto found = dedup.by_id.find(wish.once.id);
    if (found != dedup.by_id.end()) {
      out.push_back(wish.duplicate_of(found->second.as));
      continue;
    }
    const std::int64_t until_ms = wish.until_ms(now.wall_ms);
    const std::string id(wish.once.id);
    dedup.by_id.emplace(id, DedupEntry{wish.as, until_ms});
    dedup.by_end.emplace(until_ms, id);
    if (wish.once.until != Once::Until::kWindow) dedup.by_message.emplace(wish.as.message, id);
  }
  return out;
}

std::vector<Duplicate> find_duplicates(const State& state, const std::vector<OnceWish>& wishes,
                                       const Now& now) {
  std::vector<Duplicate> out;
  std::map<std::pair<std::string, std::string>, Remembered> own;
  for (const OnceWish& wish : wishes) {
    const auto queue = state.queues.find(*wish.queue);
    if (queue != state.queues.end()) {
      const auto& by_id = queue->second->dedup.by_id;
      const auto found = by_id.find(wish.once.id);
      if (found != by_id.end() && found->second.until_ms > now.wall_ms) {
        out.push_back(wish.duplicate_of(found->second.as));
        continue;
      }
    }
    const auto [first, is_new] = own.try_emplace({*wish.queue, std::string(wish.once.id)}, wish.as);
    if (!is_new) out.push_back(wish.duplicate_of(first->second));
  }
  return out;
}

void release(Queue& queue, const std::vector<MessageId>& messages) {
  Dedup& dedup = queue.dedup;
  for (const MessageId& message : messages)
    if (const auto found = dedup.by_message.find(message); found != dedup.by_message.end())
      forget(dedup, dedup.by_id.find(found->second));
}

void release_all(Queue& queue) {
  while (!queue.dedup.by_message.empty()) release(queue, {queue.dedup.by_message.begin()->first});
}

}  // namespace msgq::transport::memory
