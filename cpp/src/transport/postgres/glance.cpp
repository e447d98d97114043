#include "transport/postgres/glance.h"

#include <algorithm>
#include <utility>

namespace msgq::transport::postgres {
namespace {

// So many wishes cost more than a look at all lanes.
constexpr std::size_t kManyWishes = 16;
// Chores of all processes together come about as often as those of one would alone.
constexpr Nanos kChoreGap = std::chrono::milliseconds(400);
constexpr Nanos kChoreGapMax = std::chrono::seconds(1);

enum GlanceColumn {
  kVersion,
  kProcesses,
  kMayBeDead,
  kIsOver,
  kDueIn,
  kHasOutbox,
  kWork,
  kLeftSubscriptions,
  kLeftLanes
};

bool has_wishes_alone(const Exchange& in) {
  return in.settles.empty() && in.extends.empty() && in.appends.empty() && in.parks.empty() &&
         in.starts.empty() && in.ack_looks.empty();
}

// The lanes of few wishes; of many all that have blocks are looked at.
void put_lanes(const Exchange& in, const Directory& queues, Params& out) {
  const bool are_many = in.claims.size() > kManyWishes;
  std::set<int> lanes;
  for (const ClaimWish& wish : in.claims)
    if (const Queue* queue = are_many ? nullptr : queues.find_giving(wish.queue))
      for (const int lane : queue->lanes()) lanes.insert(lane);
  Array numbers(Array::Type::kInt4);
  for (const int lane : lanes) numbers.add(lane);
  out.flag(are_many).array(std::move(numbers));
}

}  // namespace

bool Glance::shows_nothing_for(const Exchange& in) const {
  const bool has_due = has_chores || due_in_ms == 0;
  return has_wishes_alone(in) && in.claims.empty() &&
         !(has_due && (in.promote_max > 0 || in.reclaims));
}

Narrowed::Narrowed(const Exchange& all, const Glance& seen, const Directory& queues)
    : exchange_(all) {
  exchange_.claims.clear();
  std::uint32_t room = 0;  // that a chain without its head has
  bool is_headless = false;
  for (std::size_t i = 0; i < all.claims.size(); ++i) {
    ClaimWish wish = all.claims[i];
    is_headless = is_headless && wish.continues;
    if (is_headless) wish.count_max = std::min(wish.count_max, room);
    const Queue* queue = queues.find_giving(wish.queue);
    if (queue == nullptr || seen.work.count(queue->subscription) == 0) {
      is_headless = is_headless || !wish.continues;
      room = wish.count_max;
      continue;
    }
    wish.continues = wish.continues && !std::exchange(is_headless, false);
    exchange_.claims.push_back(std::move(wish));
    numbers_.push_back(i);
  }
}

void Narrowed::widen(ExchangeResult& out, std::size_t wishes) const {
  std::vector<ClaimAnswer> all(wishes);
  for (std::size_t i = 0; i < numbers_.size(); ++i) all[numbers_[i]] = std::move(out.claims[i]);
  out.claims = std::move(all);
}

bool Glancer::is_worth(const Exchange& in) const {
  const bool are_many = in.claims.size() > kManyWishes && !was_filled_;
  return are_many || (in.is_poll && has_wishes_alone(in));
}

void Glancer::note(const Exchange& in, const ExchangeResult& out) {
  if (in.claims.empty()) return;
  std::uint64_t got = 0;
  for (const ClaimAnswer& answer : out.claims)
    for (const Claimed& claimed : answer.claims) got += claimed.count();
  was_filled_ = got > 0 && got >= in.claims.front().count_max;
}

bool Glancer::may_skip(const Exchange& in) const {
  return in.is_poll && has_wishes_alone(in) && in.claims.empty() &&
         clock_.steady() - looked_at_ < gap_;
}

Glance Glancer::look(Connection& connection, int process, std::int64_t mark, const Exchange& in,
                     Directory& queues, Sweeper& sweeper) {
  Params params;
  params.small(process).integer(rules_.late.count()).integer(mark);
  put_lanes(in, queues, params);
  const Rows rows = connection.call("glance", params);
  Glance out;
  queues.note_version(rows.integer(0, kVersion));
  out.has_chores = queues.is_stale() || rows.integer(0, kMayBeDead) != 0 ||
                   rows.integer(0, kIsOver) != 0 || rows.integer(0, kHasOutbox) != 0;
  if (!rows.is_null(0, kDueIn)) out.due_in_ms = std::max<std::int64_t>(rows.integer(0, kDueIn), 0);
  for (const std::int64_t subscription : rows.integers(0, kWork))
    out.work.insert(static_cast<int>(subscription));
  const auto readers = rows.integers(0, kLeftSubscriptions), lanes = rows.integers(0, kLeftLanes);
  for (std::size_t i = 0; i < lanes.size(); ++i)
    sweeper.note_left(static_cast<int>(readers[i]), static_cast<int>(lanes[i]));
  looked_at_ = clock_.steady();
  // Who may be dead is looked at again soon.
  gap_ = out.has_chores ? Nanos::zero()
                        : std::min<Nanos>(kChoreGap * rows.integer(0, kProcesses), kChoreGapMax);
  return out;
}

}  // namespace msgq::transport::postgres
