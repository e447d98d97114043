// The order of keys in the model. Of a key, in the order in which its messages were stored (a dead
// letter that is redriven goes to the end):
//
//   - no two are in hand at once under leases that hold, and open claims of it are in one process;
//   - a message is handed out only when of each before it a handler said, before anybody else was
//     given it, that it is done with (acknowledged or rejected), or it is done, dead or purged.
//
// So a message runs after a later one only where its handler had finished before that one began,
// and the news of it was lost with its claim.
#include <algorithm>

#include "simulator/model.h"

namespace msgq::sim {
namespace {

bool is_over(const ModelMessage& m) {
  return m.is_completed || m.state == MessageState::kUnsent || m.state == MessageState::kDone ||
         m.state == MessageState::kDead || m.state == MessageState::kPurged;
}

}  // namespace

// What runs under a lease that was lost proves nothing: somebody else decides.
void Model::check_order(std::uint32_t number, const ModelClaim& claim) {
  const ModelMessage& m = message(number);
  if (m.key == 0 || !open_.contains(claim.gen)) return;
  ++tally_.keyed;
  for (const std::uint32_t other : keys_.at({m.queue, m.key})) {
    const ModelMessage& o = message(other);
    if (other == number) continue;
    if (o.order < m.order && !is_over(o))
      violate("I4: message " + std::to_string(number) + " was handed out before " +
              std::to_string(other) + " of its key");
    if (o.state != MessageState::kLeased || dead_.contains(claims_.at(o.gen).process)) continue;
    const ModelClaim& its = claims_.at(o.gen);
    for (std::size_t i = 0; i < its.messages.size(); ++i)
      if (its.messages[i] == other && its.seen[i] == Seen::kRunning)
        violate("I4: messages " + std::to_string(number) + " and " + std::to_string(other) +
                " of a key are in hand at once");
  }
}

void Model::check_holder(const ModelClaim& claim, std::uint32_t number) {
  const ModelMessage& m = message(number);
  if (m.key == 0) return;
  for (const std::uint32_t other : keys_.at({m.queue, m.key})) {
    const ModelMessage& o = message(other);
    const bool is_elsewhere = o.state == MessageState::kLeased && o.gen != claim.gen;
    if (is_elsewhere && claims_.at(o.gen).process != claim.process)
      violate("I4: message " + std::to_string(number) + " was claimed while another process had " +
              std::to_string(other) + " of its key");
  }
}

// The first of a key that is parked waits for the one in hand before it.
void Model::wait_behind(const SettleOrder::Back& back, std::uint32_t number) {
  const ModelMessage& m = message(number);
  const auto& numbers = keys_.at({m.queue, m.key});
  const bool is_first = std::none_of(numbers.begin(), numbers.end(), [&](std::uint32_t other) {
    return message(other).state == MessageState::kParked;
  });
  Waits& waits = waits_[{m.queue, hash_of(key_name(m.key))}];
  if (back.waits_for.seq == 0) return;
  ++tally_.shed;
  if (!is_first || waits.in_hand == back.waits_for) return;
  waits.in_hand = back.waits_for;
  ++waits.count;
}

// A message was decided that parked ones of its key wait for.
void Model::named(std::uint32_t queue, std::uint64_t hash) {
  Waits& waits = waits_[{queue, hash}];
  if (waits.count > 0) --waits.count;
}

// The store gave it up by itself.
void Model::buried(const ModelMessage& m, const KeyPlace& place, bool is_returned) {
  const std::uint64_t hash = hash_of(key_name(m.key));
  if (is_returned || waits_[{m.queue, hash}].in_hand == place) named(m.queue, hash);
}

std::uint32_t Model::promote_keys() {
  std::uint32_t count = 0;
  for (const auto& [key, numbers] : keys_)
    count += promote_key(numbers, waits_[{key.first, hash_of(key_name(key.second))}].count);
  return count;
}

// Of a key that waits for no decision, the first parked message when it is due, and what is behind
// it and due, up to a chunk.
std::uint32_t Model::promote_key(const std::vector<std::uint32_t>& numbers, std::uint32_t& waits) {
  if (waits > 0) return 0;
  std::map<std::uint64_t, std::uint32_t> parked;  // by order
  for (const std::uint32_t number : numbers)
    if (message(number).state == MessageState::kParked) parked[message(number).order] = number;
  for (const auto& [order, number] : parked) {
    if (message(number).due_ms > clock_.wall_ms() || waits == transport::kKeyChunkMax) break;
    set_state(number, MessageState::kWaiting);
    ++waits;
  }
  return waits;
}

std::string key_name(std::uint32_t key) { return "key-" + std::to_string(key); }

}  // namespace msgq::sim
