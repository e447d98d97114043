#include "transport/memory/dedup.h"

#include <map>
#include <set>
#include <utility>

#include "transport/memory/settle.h"

namespace msgq::transport::memory {
namespace {

// A guess: three nodes, and the id in each.
std::uint64_t weight_of(std::string_view id) { return 256 + 3 * id.size(); }

void forget(State& state, Dedup& dedup,
            std::map<std::string, DedupEntry, std::less<>>::iterator entry) {
  state.bytes -= weight_of(entry->first);
  dedup.by_end.erase({entry->second.until_ms, entry->first});
  dedup.by_message.erase(entry->second.as.message);
  dedup.by_id.erase(entry);
}

void forget_old(State& state, Dedup& dedup, const Now& now) {
  while (!dedup.by_end.empty() && dedup.by_end.begin()->first <= now.wall_ms)
    forget(state, dedup, dedup.by_id.find(dedup.by_end.begin()->second));
}

// Messages whose ids are free afterwards, with the subscription whose they are. What is lost frees
// nothing.
std::set<std::pair<std::uint64_t, MessageId>> freed_by(const State& state, const Exchange& in) {
  std::set<std::pair<std::uint64_t, MessageId>> out;
  const auto add = [&](const ClaimKey& claim, const std::vector<MessageId>& messages) {
    if (!is_open(state, claim)) return;
    for (const MessageId each : messages) out.emplace(claim.subscription, each);
  };
  for (const auto& each : in.settles) add(each.claim, each.releases);
  for (const auto& each : in.starts) add(each.claim, each.messages);
  return out;
}

}  // namespace

std::vector<Duplicate> find_remembered(const State& state, const Exchange& in, const Now& now) {
  std::vector<Duplicate> out;
  const std::vector<OnceWish> wishes = once_wishes(in);
  if (wishes.empty()) return out;
  const auto freed = freed_by(state, in);
  std::map<std::pair<std::string_view, std::string_view>, Remembered> seen;
  for (const OnceWish& wish : wishes) {
    const auto& [place, is_first] = seen.try_emplace({*wish.queue, wish.once.id}, wish.as);
    const auto queue = state.queues.find(*wish.queue);
    if (is_first && queue != state.queues.end()) {
      const auto& by_id = queue->second->dedup.by_id;
      const auto found = by_id.find(wish.once.id);
      const bool is_there =
          found != by_id.end() && found->second.until_ms > now.wall_ms &&
          !freed.contains({queue->second->subscription, found->second.as.message});
      if (is_there) place->second = found->second.as;
    }
    if (place->second.message != wish.as.message) out.push_back(wish.duplicate_of(place->second));
  }
  return by_number(std::move(out));
}

std::vector<Duplicate> remember(State& state, const std::vector<OnceWish>& wishes, const Now& now) {
  std::vector<Duplicate> out;
  for (const OnceWish& wish : wishes) {
    Dedup& dedup = state.make_queue(*wish.queue).dedup;
    forget_old(state, dedup, now);
    const auto found = dedup.by_id.find(wish.once.id);
    if (found != dedup.by_id.end()) {
      out.push_back(wish.duplicate_of(found->second.as));
      continue;
    }
    const std::int64_t until_ms = wish.until_ms(now.wall_ms);
    const std::string id(wish.once.id);
    state.bytes += weight_of(id);
    dedup.by_id.emplace(id, DedupEntry{wish.as, until_ms});
    dedup.by_end.emplace(until_ms, id);
    if (wish.once.until != Once::Until::kWindow) dedup.by_message.emplace(wish.as.message, id);
  }
  return by_number(std::move(out));
}

void release(State& state, Queue& queue, const std::vector<MessageId>& messages) {
  Dedup& dedup = queue.dedup;
  for (const MessageId& message : messages)
    if (const auto found = dedup.by_message.find(message); found != dedup.by_message.end())
      forget(state, dedup, dedup.by_id.find(found->second));
}

void release_all(State& state, Queue& queue) {
  while (!queue.dedup.by_message.empty())
    release(state, queue, {queue.dedup.by_message.begin()->first});
}

void forget_old(State& state, const Now& now) {
  for (const auto& [name, queue] : state.queues) forget_old(state, queue->dedup, now);
}

void forget_all(State& state, Queue& queue) {
  while (!queue.dedup.by_id.empty()) forget(state, queue.dedup, queue.dedup.by_id.begin());
}

std::uint64_t bytes_of(const std::vector<OnceWish>& wishes) {
  std::uint64_t out = 0;
  for (const OnceWish& wish : wishes) out += weight_of(wish.once.id);
  return out;
}

}  // namespace msgq::transport::memory
