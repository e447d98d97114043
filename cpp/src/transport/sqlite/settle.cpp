#include "transport/sqlite/settle.h"

#include "base/check.h"

namespace msgq::transport::sqlite {
namespace {

ParkKind kind_of(SettleOrder::Return kind) {
  if (kind == SettleOrder::Return::kRetry) return ParkKind::kRetry;
  return kind == SettleOrder::Return::kSnooze ? ParkKind::kSnooze : ParkKind::kBehind;
}

void park_back(Store& store, const Queue& queue, const SettleOrder::Back& back) {
  const bool is_behind = back.kind == SettleOrder::Return::kBehind;
  const std::int64_t due_ms =
      is_behind ? due_behind(store, queue, hash_of(back.message.key), back.waits_for) : back.due_ms;
  store.parked.add({store.counter.draw(), back.message, queue.id, queue.subscription,
                    kind_of(back.kind), due_ms, store.now.wall_ms});
}

void bury(Store& store, const Queue& queue, const SettleOrder::Dead& dead) {
  store.dead.add({store.counter.draw(), dead.message, queue.id, queue.subscription, dead.reason,
                  store.now.wall_ms});
}

}  // namespace

bool settle(Store& store, const SettleOrder& order) {
  auto row = store.claims.read_open(order.claim);
  if (!row) return false;
  const Queue* queue = store.directory.of_subscription(row->subscription);
  MSGQ_CHECK(queue != nullptr, "a claim's queue exists");
  const std::uint32_t before = row->left();
  row->done.merge(order.done);
  const std::uint32_t left = order.is_whole ? 0 : row->left();
  const std::uint32_t newly = before - left;
  MSGQ_CHECK(newly == order.acked + order.expired + order.backs.size() + order.deads.size(),
             "a settle decides each message once");
  for (const auto& back : order.backs) park_back(store, *queue, back);
  for (const auto& dead : order.deads) bury(store, *queue, dead);
  store.dedup.release(queue->id, order.releases);
  if (!order.keys.empty()) note_decided(store, *queue, order.keys);
  Totals& change = store.totals.change(row->subscription);
  change.leased -= newly;
  change.done += order.acked;
  change.expired += order.expired;
  change.parked += static_cast<std::int64_t>(order.backs.size());
  change.dead += static_cast<std::int64_t>(order.deads.size());
  if (left == 0)
    store.claims.end(*row);
  else if (order.gives_back)
    lapse(store, *std::move(row), false);
  else
    store.claims.save_done(*row);
  return true;
}

bool extend(Store& store, const ExtendOrder& order) {
  return store.claims.extend(order.claim, order.until_ms);
}

void start(Store& store, const StartOrder& order) {
  const auto row = store.claims.read_open(order.claim);
  if (row)
    store.dedup.release(store.directory.of_subscription(row->subscription)->id, order.messages);
}

void lapse(Store& store, ClaimRow row, bool counts) {
  if (!counts && row.attempt > 0) --row.attempt;
  store.totals.change(row.subscription).leased -= row.left();
  store.claims.lapse(row);
}

}  // namespace msgq::transport::sqlite
