#include "transport/postgres/reclaim.h"

#include <algorithm>
#include <utility>

#include "msgq/error.h"
#include "transport/postgres/columns.h"

namespace msgq::transport::postgres {
namespace {

constexpr Nanos kAsleep = std::chrono::seconds(5);

Params key_params(const Reclaimer::Key& key) {
  const auto [subscription, lane, gen] = key;
  Params out;
  out.small(static_cast<int>(subscription)).small(static_cast<int>(lane)).integer(gen);
  return out;
}

}  // namespace

std::uint32_t Reclaimer::run(Connection& connection, int self, const std::set<Key>& busy) {
  return bury_dead(connection, self) + lapse_expired(connection, busy);
}

std::uint32_t Reclaimer::bury_dead(Connection& connection, int self) {
  Params params;
  params.small(self).integer(rules_.late.count());
  const Rows rows = connection.call("look_at_processes", params);
  // Who was asleep for longer has seen nobody's silence.
  if (clock_.steady() - looked_at_ > std::max<Nanos>(rules_.heartbeat, kAsleep)) free_.clear();
  looked_at_ = clock_.steady();
  std::map<int, FreeLock> free;
  std::uint32_t count = 0;
  for (int row = 0; row < rows.size(); ++row) {
    const int process = static_cast<int>(rows.integer(row, 0));
    const std::string heartbeat(rows.bytes(row, 3));
    const auto known = free_.find(process);
    const bool is_same = known != free_.end() && known->second.heartbeat == heartbeat;
    const Nanos first = is_same ? known->second.first : clock_.steady();
    const bool is_young = rows.real(row, 4) * 1'000 < static_cast<double>(rules_.heartbeat.count());
    const Nanos silence = rows.integer(row, 5) != 0 ? rules_.death_look : rules_.heartbeat;
    if (clock_.steady() - first >= silence && !is_young)
      count +=
          bury(connection, process, heartbeat,
               std::to_string(rows.integer(row, 2)) + " on " + std::string(rows.bytes(row, 1)));
    else
      free[process] = {heartbeat, first};
  }
  free_ = std::move(free);
  return count;
}

std::uint32_t Reclaimer::bury(Connection& connection, int process, const std::string& heartbeat,
                              const std::string& name) {
  Params params;
  params.small(process).text(heartbeat).integer(rules_.crash_window_ms);
  const Rows rows = connection.call("bury_process", params);
  for (int row = 0; row < rows.size(); ++row) {
    const Key claim{rows.integer(row, 0), rows.integer(row, 1), rows.integer(row, 2)};
    if (rows.integer(row, 3) != 0)
      bury_poison(connection, claim, static_cast<std::uint32_t>(rows.integer(row, 4)));
  }
  if (rows.size() > 0)
    log_.write(LogLevel::kWarning, "process " + name + " died with " + std::to_string(rows.size()) +
                                       " open claims; they are claimable again");
  return static_cast<std::uint32_t>(rows.size());
}

// Gives a message up that has killed its worker too often.
void Reclaimer::bury_poison(Connection& connection, const Key& claim, std::uint32_t crashes) {
  const Rows rows = connection.call("read_alone", key_params(claim));
  if (rows.size() == 0) return;
  StoredMessage message;
  try {
    const BlockPtr block = Block::decode(rows.bytes(0, 2));
    message = StoredMessage::copy(block->view(static_cast<std::uint32_t>(rows.integer(0, 1))));
  } catch (const Error&) {
    return;  // damaged: whoever claims it next puts it into quarantine
  }
  if (message.counts.crashes + crashes < rules_.crashes_max) return;
  message.counts.deliveries += static_cast<std::uint32_t>(rows.integer(0, 0));
  message.counts.crashes += crashes;
  const BlockPtr letter = block_of_one(message);
  Params params = key_params(claim);
  params.text("worker lost").uuid(message.id);
  params.small(static_cast<int>(letter->body_bytes(0, 1)));
  params.integer(static_cast<std::int64_t>(letter->checksum())).bytes(letter->bytes());
  params.integer(message.key.empty() ? 0 : static_cast<std::int64_t>(hash_of(message.key)));
  connection.call("bury_message", params);
}

std::uint32_t Reclaimer::lapse_expired(Connection& connection, const std::set<Key>& busy) {
  const Rows rows = connection.call("look_at_expired");
  std::map<Key, Sight> seen;
  Array subscriptions(Array::Type::kInt4), lanes(Array::Type::kInt4), gens(Array::Type::kInt8);
  for (int row = 0; row < rows.size(); ++row) {
    const Key key{rows.integer(row, 0), rows.integer(row, 1), rows.integer(row, 2)};
    const std::int64_t until_ms = rows.integer(row, 3), now_ms = rows.integer(row, 5);
    if (busy.count(key) > 0) continue;
    const auto before = seen_.find(key);
    const bool is_known = before != seen_.end() && before->second.until_ms == until_ms;
    const std::int64_t first_ms = is_known ? before->second.first_ms : now_ms;
    const std::int64_t gap_ms =
        std::min<std::int64_t>(rows.integer(row, 4) / 3, rules_.second_look_max.count());
    if (now_ms - first_ms >= gap_ms && (is_known || gap_ms == 0)) {
      subscriptions.add(std::get<0>(key));
      lanes.add(std::get<1>(key));
      gens.add(std::get<2>(key));
    } else {
      seen[key] = {until_ms, first_ms};
    }
  }
  seen_ = std::move(seen);
  if (gens.size() == 0) return 0;
  Params params;
  params.array(std::move(subscriptions)).array(std::move(lanes)).array(std::move(gens));
  return static_cast<std::uint32_t>(connection.call("lapse_expired", params).integer(0, 0));
}

}  // namespace msgq::transport::postgres
