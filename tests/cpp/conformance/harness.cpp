#include "conformance/harness.h"

namespace msgq::test {

using transport::Block;
using transport::BlockPtr;

BlockPtr block_of(const std::vector<std::string>& bodies, const std::string& type,
                  const std::string& headers) {
  Parcel parcel;
  parcel.type = type;
  parcel.content = Content::kJson;
  parcel.first_id = draw_ids(bodies.size(), FakeClock::kWallStartMs);
  for (const auto& body : bodies) parcel.add(body, headers);
  std::vector<Parcel> parcels;
  parcels.push_back(std::move(parcel));
  return Block::build(std::move(parcels), FakeClock::kWallStartMs);
}

std::vector<std::string> numbered(std::uint32_t count, std::uint32_t from) {
  std::vector<std::string> out;
  for (std::uint32_t i = 0; i < count; ++i) out.push_back(std::to_string(from + i));
  return out;
}

std::vector<std::uint32_t> left_of(const Claimed& claimed) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 0; i < claimed.count(); ++i)
    if (!claimed.done.has(i)) out.push_back(i);
  return out;
}

MessageView message_at(const Claimed& claimed, std::uint32_t ordinal) {
  for (const auto& part : claimed.parts) {
    if (ordinal < part.count) return part.block->view(part.first + ordinal);
    ordinal -= part.count;
  }
  ADD_FAILURE() << "ordinal outside the claim";
  return {};
}

std::vector<std::string> bodies_of(const Claimed& claimed) {
  std::vector<std::string> out;
  for (const std::uint32_t i : left_of(claimed)) out.emplace_back(message_at(claimed, i).body);
  return out;
}

SettleOrder ack_all(const Claimed& claimed) {
  SettleOrder order;
  order.claim = claimed.key;
  order.is_whole = true;
  order.done.set_range(0, claimed.count());
  order.acked = static_cast<std::uint32_t>(left_of(claimed).size());
  return order;
}

SettleOrder ack_some(const Claimed& claimed, const std::vector<std::uint32_t>& ordinals,
                     const Bitmap& before) {
  SettleOrder order;
  order.claim = claimed.key;
  order.done = claimed.done;
  order.done.merge(before);
  for (const std::uint32_t i : ordinals) order.done.set(i);
  order.acked = static_cast<std::uint32_t>(ordinals.size());
  return order;
}

void add_back(SettleOrder& order, const Claimed& claimed, std::uint32_t ordinal,
              SettleOrder::Return kind, std::int64_t due_ms) {
  auto message = StoredMessage::copy(message_at(claimed, ordinal));
  message.counts.deliveries += claimed.attempt;
  message.counts.crashes += claimed.crashes;
  if (kind == SettleOrder::Return::kRetry) ++message.counts.failures;
  order.done.set(ordinal);
  order.backs.push_back({kind, due_ms, std::move(message)});
}

void add_dead(SettleOrder& order, const Claimed& claimed, std::uint32_t ordinal,
              const std::string& reason) {
  auto message = StoredMessage::copy(message_at(claimed, ordinal));
  message.counts.deliveries += claimed.attempt;
  order.done.set(ordinal);
  order.deads.push_back({reason, std::move(message)});
}

SettleOrder give_back(const Claimed& claimed) {
  SettleOrder order;
  order.claim = claimed.key;
  order.gives_back = true;
  order.done = claimed.done;
  return order;
}

ExchangeResult Process::exchange(const Exchange& in) {
  ExchangeResult out;
  // As some do, before they wait; but the clock of the test reaches no store by it, and parked
  // messages need that.
  if (++turn_ % 2 == 0 && in.parks.empty()) session_->begin(in);
  session_->exchange(in, out);
  return out;
}

MessageId Process::append(const std::vector<std::string>& bodies, const std::string& queue) {
  Exchange in;
  in.appends.push_back({queue, block_of(bodies)});
  exchange(in);
  return in.appends[0].block->first_id();
}

void Process::park(const std::string& body, std::int64_t due_ms, const std::string& queue) {
  Exchange in;
  in.parks.push_back({queue, due_ms, StoredMessage::copy(block_of({body})->view(0))});
  exchange(in);
}

ClaimAnswer Process::claim(const ClaimWish& wish) {
  Exchange in;
  in.claims.push_back(wish);
  return exchange(in).claims.at(0);
}

ClaimAnswer Process::claim(std::uint32_t count_max, const std::string& queue) {
  return claim(ClaimWish{queue, count_max, 0, 30'000, false, false});
}

Claimed Process::claim_one(std::uint32_t count_max, const std::string& queue) {
  auto answer = claim(count_max, queue);
  EXPECT_EQ(answer.claims.size(), 1u);
  return answer.claims.empty() ? Claimed() : answer.claims[0];
}

ClaimAnswer Process::claim_idle(std::uint32_t count_max, const std::string& queue) {
  return claim(ClaimWish{queue, count_max, 0, 30'000, true, false});
}

bool Process::settle(const SettleOrder& order) {
  Exchange in;
  in.settles.push_back(order);
  return !exchange(in).settle_lost.at(0);
}

bool Process::extend(const Claimed& claimed, std::int64_t until_ms) {
  Exchange in;
  in.extends.push_back({claimed.key, until_ms});
  return !exchange(in).extend_lost.at(0);
}

std::uint32_t Process::reclaim() {
  Exchange in;
  in.reclaims = true;
  return exchange(in).reclaimed;
}

std::uint32_t Process::promote(std::uint32_t count_max) {
  Exchange in;
  in.promote_max = count_max;
  return exchange(in).promoted;
}

void ConformanceTest::open(const Config& config) {
  ASSERT_EQ(store_, nullptr);
  store_ = GetParam().open(config);
}

StoreUnderTest& ConformanceTest::store() {
  if (!store_) store_ = GetParam().open(Config());
  return *store_;
}

Process& ConformanceTest::join() {
  processes_.push_back(std::make_unique<Process>(store(), store().join()));
  return *processes_.back();
}

Process& ConformanceTest::join_with(std::shared_ptr<FaultPlan> plan) {
  auto wrapped = std::make_unique<FaultTransport>(store().join(), std::move(plan));
  processes_.push_back(std::make_unique<Process>(store(), std::move(wrapped)));
  return *processes_.back();
}

transport::Look& ConformanceTest::observer() {
  if (!observer_) observer_ = store().join();
  return observer_->look();
}

QueueDepth ConformanceTest::depth(const std::string& queue) {
  for (auto& each : observer().depth())
    if (each.queue == queue) return each;
  return {};
}

std::vector<std::string> ConformanceTest::drain(Process& process, const std::string& queue) {
  std::vector<std::string> out;
  for (;;) {
    const auto answer = process.claim_idle(100, queue);
    if (answer.claims.empty()) return out;
    for (const auto& claimed : answer.claims) {
      for (auto& body : bodies_of(claimed)) out.push_back(std::move(body));
      EXPECT_TRUE(process.settle(ack_all(claimed)));
    }
  }
}

void ConformanceTest::TearDown() {
  if (!store_) return;
  for (const auto& d : observer().depth())
    EXPECT_EQ(d.sent, d.waiting + d.parked + d.leased + d.done + d.dead + d.purged + d.quarantined +
                          d.expired + d.cancelled)
        << "queue " << d.queue << ": waiting " << d.waiting << " parked " << d.parked << " leased "
        << d.leased << " done " << d.done << " dead " << d.dead << " purged " << d.purged
        << " quarantined " << d.quarantined;
  processes_.clear();
  observer_.reset();
}

}  // namespace msgq::test
