#include "transport/postgres/order_params.h"

#include <algorithm>
#include <map>
#include <utility>

#include "transport/postgres/columns.h"
#include "transport/postgres/readers.h"

namespace msgq::transport::postgres {
namespace {

using Type = Array::Type;

std::int64_t from_now(std::int64_t due_ms, const Asker& asker) {
  return std::max<std::int64_t>(due_ms - asker.wall_ms, 0);
}

std::string bits_of(const Bitmap& done, std::uint32_t n) {
  std::string out(n, '0');
  for (std::uint32_t i = 0; i < n; ++i)
    if (done.has(i)) out[i] = '1';
  return out;
}

// Bits up to the last one that is set; the server knows how many there are.
std::string bits_of(const Bitmap& done) {
  return bits_of(done, static_cast<std::uint32_t>(done.bytes().size() * 8));
}

void add_settles(Params& out, const std::vector<SettleOrder>& settles) {
  Array subscriptions(Type::kInt4), lanes(Type::kInt4), gens(Type::kInt8), owners(Type::kInt8);
  Array flags(Type::kInt4), done(Type::kText), acked(Type::kInt4), expired(Type::kInt4);
  for (const SettleOrder& order : settles) {
    subscriptions.add(static_cast<std::int64_t>(order.claim.subscription));
    lanes.add(static_cast<std::int64_t>(order.claim.lane));
    gens.add(static_cast<std::int64_t>(order.claim.gen));
    owners.add(static_cast<std::int64_t>(order.claim.owner));
    flags.add((order.is_whole ? 1 : 0) + (order.gives_back ? 2 : 0) + (order.has_acks ? 4 : 0) +
              (order.is_required ? 8 : 0));
    if (order.is_whole)
      done.add_null();
    else
      done.add(bits_of(order.done));
    acked.add(order.acked);
    expired.add(order.expired);
  }
  out.array(std::move(subscriptions)).array(std::move(lanes)).array(std::move(gens));
  out.array(std::move(owners)).array(std::move(flags)).array(std::move(done));
  out.array(std::move(acked)).array(std::move(expired));
}

int kind_of(SettleOrder::Return kind) {
  constexpr int kRetry = 1, kSnooze = 2, kBehind = 4;
  if (kind == SettleOrder::Return::kRetry) return kRetry;
  return kind == SettleOrder::Return::kSnooze ? kSnooze : kBehind;
}

// As packed_place() of the server has it.
std::int64_t packed(const KeyPlace& place) {
  return static_cast<std::int64_t>(place.seq << 20 | place.index);
}

// Hash of its key and its place; zeros without one.
void add_key(Array& out, const StoredMessage& message) {
  out.add(message.key.empty() ? 0 : static_cast<std::int64_t>(hash_of(message.key)));
  out.add(static_cast<std::int64_t>(message.place.seq));
  out.add(message.place.index);
}

// The messages that settles return or give up, each naming its settle from 1.
void add_set_aside(Params& out, const Asker& asker, const std::vector<SettleOrder>& settles) {
  constexpr int kDead = 3;
  Array numbers(Type::kInt4), kinds(Type::kInt4), bands(Type::kInt4), delays(Type::kInt8);
  Array reasons(Type::kText), keys(Type::kInt8);
  MessageColumns kept;
  for (std::size_t i = 0; i < settles.size(); ++i) {
    for (const auto& back : settles[i].backs) {
      numbers.add(static_cast<std::int64_t>(i + 1));
      kinds.add(kind_of(back.kind));
      bands.add(band_number(back.message.band()));
      const bool is_behind = back.kind == SettleOrder::Return::kBehind;
      delays.add(is_behind ? packed(back.waits_for) : from_now(back.due_ms, asker));
      reasons.add_null();
      kept.add(back.message);
      add_key(keys, back.message);
    }
    for (const auto& dead : settles[i].deads) {
      numbers.add(static_cast<std::int64_t>(i + 1));
      kinds.add(kDead);
      bands.add(band_number(dead.message.band()));
      delays.add(0);
      reasons.add(dead.reason);
      kept.add(dead.message);
      add_key(keys, dead.message);
    }
  }
  out.array(std::move(numbers)).array(std::move(kinds)).array(std::move(bands));
  out.array(std::move(delays)).array(std::move(reasons));
  kept.put(out);
  out.array(std::move(keys));
}

// The messages that settles decide and parked ones of their keys wait for: settle from 1, hash, how
// many.
void add_decided(Params& out, const std::vector<SettleOrder>& settles) {
  Array decided(Type::kInt8);
  for (std::size_t i = 0; i < settles.size(); ++i) {
    std::map<std::uint64_t, std::int64_t> counts;
    for (const std::uint64_t hash : settles[i].keys) ++counts[hash];
    for (const auto& [hash, count] : counts) {
      decided.add(static_cast<std::int64_t>(i + 1));
      decided.add(static_cast<std::int64_t>(hash));
      decided.add(count);
    }
  }
  out.array(std::move(decided));
}

void add_extends(Params& out, const Asker& asker, const std::vector<ExtendOrder>& extends) {
  Array subscriptions(Type::kInt4), lanes(Type::kInt4), gens(Type::kInt8), owners(Type::kInt8);
  Array leases(Type::kInt8);
  for (const ExtendOrder& order : extends) {
    subscriptions.add(static_cast<std::int64_t>(order.claim.subscription));
    lanes.add(static_cast<std::int64_t>(order.claim.lane));
    gens.add(static_cast<std::int64_t>(order.claim.gen));
    owners.add(static_cast<std::int64_t>(order.claim.owner));
    leases.add(order.until_ms - asker.boot_ms);
  }
  out.array(std::move(subscriptions)).array(std::move(lanes)).array(std::move(gens));
  out.array(std::move(owners)).array(std::move(leases));
}

void add_wishes(Params& out, const Asker& asker, const std::vector<ClaimWish>& wishes,
                const Directory& queues, const Readers* readers) {
  constexpr std::int64_t kAnyBytes = 1ll << 40;
  Array subscriptions(Type::kInt4), ends(Type::kInt4), lanes(Type::kInt4), counts(Type::kInt4);
  Array bytes(Type::kInt8), leases(Type::kInt8), flags(Type::kInt4);
  for (const ClaimWish& wish : wishes) {
    const Queue* queue = queues.find_giving(wish.queue);
    subscriptions.add(queue != nullptr ? queue->subscription : 0);
    if (queue != nullptr)
      for (const int lane : queue->lanes_in_turn(asker.request)) lanes.add(lane);
    ends.add(lanes.size());
    counts.add(static_cast<std::int64_t>(std::min<std::uint32_t>(wish.count_max, 1u << 30)));
    bytes.add(wish.bytes_max > 0 ? static_cast<std::int64_t>(wish.bytes_max) : kAnyBytes);
    leases.add(wish.lease_ms);
    const bool has_keys = queue != nullptr && queue->has_keys();
    const std::uint32_t others =
        has_keys && readers != nullptr ? readers->others_of(queue->subscription) : 0;
    flags.add((wish.may_take_suspect ? 1 : 0) + (wish.is_exact ? 2 : 0) + (wish.continues ? 4 : 0) +
              (queue != nullptr && queue->has_priorities() ? 16 : 0) + (has_keys ? 32 : 0) +
              (static_cast<std::int64_t>(others) << 8));
  }
  out.array(std::move(subscriptions)).array(std::move(ends)).array(std::move(lanes));
  out.array(std::move(counts)).array(std::move(bytes)).array(std::move(leases));
  out.array(std::move(flags));
}

}  // namespace

Params append_one_params(const Asker& asker, const Append& append, const Directory& queues) {
  const Queue& queue = *queues.find(append.queue);
  const Block& block = *append.block;
  Params out;
  out.integer(asker.owner).integer(asker.request).small(queues.lane_of(queue, append.band));
  out.small(queue.subscription).small(static_cast<int>(block.count()));
  out.small(static_cast<int>(block.body_bytes(0, block.count())));
  out.uuid(block.first_id()).uuid(block.last_id());
  out.integer(static_cast<std::int64_t>(block.checksum())).bytes(std::string(block.bytes()));
  return out;
}

Params append_params(const Asker& asker, const std::vector<Append>& appends,
                     const Directory& queues) {
  BlockColumns blocks;
  std::size_t bytes = 0;
  for (const Append& each : appends) bytes += each.block->bytes().size();
  blocks.reserve(bytes);
  for (const Append& each : appends) {
    const Queue& queue = *queues.find(each.queue);
    blocks.add(queues.lane_of(queue, each.band), queue.subscription, *each.block);
  }
  Params out;
  out.integer(asker.owner).integer(asker.request);
  blocks.put(out);
  return out;
}

std::map<std::string_view, Growth> growth_of(const Exchange& in, const Directory& queues) {
  std::map<std::string_view, Growth> out;
  for (const Append& each : in.appends) out[each.queue].brought += each.block->count();
  for (const Park& each : in.parks) ++out[each.queue].brought;
  for (const SettleOrder& order : in.settles) {
    const Queue* queue = queues.of_subscription(static_cast<int>(order.claim.subscription));
    const auto grows = queue != nullptr ? out.find(queue->name) : out.end();
    if (order.is_required && grows != out.end())
      grows->second.ended +=
          order.acked + order.expired + static_cast<std::int64_t>(order.deads.size());
  }
  return out;
}

Params room_params(const Asker& asker, const Exchange& in, const Directory& queues) {
  if (!queues.has_bounds()) return {};
  Array ids(Type::kInt4), counts(Type::kInt8);
  for (const auto& [name, growth] : growth_of(in, queues)) {
    const Queue* queue = queues.find(name);
    if (queue == nullptr || queue->settings.length_max == 0) continue;
    ids.add(queue->id);
    counts.add(growth.brought - growth.ended);
  }
  Params out;
  if (ids.size() == 0) return out;
  out.integer(asker.owner).array(std::move(ids)).array(std::move(counts));
  return out;
}

Params park_params(const Asker& asker, const std::vector<Park>& parks, const Directory& queues) {
  Array ids(Type::kInt4), subscriptions(Type::kInt4), bands(Type::kInt4), delays(Type::kInt8);
  MessageColumns kept;
  for (const Park& each : parks) {
    const Queue& queue = *queues.find(each.queue);
    ids.add(queue.id);
    subscriptions.add(queue.subscription);
    bands.add(band_number(each.message.band()));
    delays.add(from_now(each.due_ms, asker));
    kept.add(each.message);
  }
  Params out;
  out.integer(asker.owner).integer(asker.request).array(std::move(ids));
  out.array(std::move(subscriptions)).array(std::move(bands)).array(std::move(delays));
  kept.put(out);
  return out;
}

bool has_releases(const Exchange& in) {
  return !in.starts.empty() ||
         std::any_of(in.settles.begin(), in.settles.end(),
                     [](const SettleOrder& order) { return !order.releases.empty(); });
}

Params release_params(const Exchange& in) {
  Array subscriptions(Type::kInt4), lanes(Type::kInt4), gens(Type::kInt8), owners(Type::kInt8);
  Array messages(Type::kUuid);
  const auto add = [&](const ClaimKey& claim, const std::vector<MessageId>& ids) {
    for (const MessageId& id : ids) {
      subscriptions.add(static_cast<std::int64_t>(claim.subscription));
      lanes.add(static_cast<std::int64_t>(claim.lane));
      gens.add(static_cast<std::int64_t>(claim.gen));
      owners.add(static_cast<std::int64_t>(claim.owner));
      messages.add(id);
    }
  };
  for (const SettleOrder& order : in.settles) add(order.claim, order.releases);
  for (const StartOrder& order : in.starts) add(order.claim, order.messages);
  Params out;
  out.array(std::move(subscriptions)).array(std::move(lanes)).array(std::move(gens));
  out.array(std::move(owners)).array(std::move(messages));
  return out;
}

Params exchange_params(const Asker& asker, const Exchange& in, const Directory& queues,
                       const Asking& asking) {
  Params out;
  out.integer(asker.owner).integer(asker.request).small(asker.process);
  out.flag(asking.runs_suspect).flag(asking.looks_due);
  add_settles(out, in.settles);
  add_set_aside(out, asker, in.settles);
  add_decided(out, in.settles);
  add_extends(out, asker, in.extends);
  add_wishes(out, asker, in.claims, queues, asking.readers);
  out.integer(asking.priority_aging_ms);
  return out;
}

}  // namespace msgq::transport::postgres
