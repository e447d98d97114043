// Small parts of the road for tests of one room: parcels, blocks, claims as a store would give
// them, and a world in which nothing runs by itself.
//
// Threads: one at a time, unless a test says otherwise.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/runtime.h"
#include "intake/batcher.h"
#include "support/fake_clock.h"
#include "support/fake_random.h"
#include "transport/held.h"

namespace msgq::test {

// Nobody steps a service but the test.
class NoRuntime final : public Runtime {
 public:
  void start(Service&) override {}
  void stop(Service&) override {}
};

struct QuietWorld {
  FakeClock clock;
  FakeRandom random{1};
  NoRuntime runtime;
  World world{clock, random, runtime};
};

inline Parcel parcel_of(const std::vector<std::string>& bodies, const std::string& queue = "q",
                        const std::string& type = "t") {
  Parcel parcel;
  parcel.queue = queue;
  parcel.type = type;
  parcel.first_id = draw_ids(bodies.size(), FakeClock::kWallStartMs);
  for (const auto& body : bodies) parcel.add(body);
  return parcel;
}

inline std::vector<std::string> numbers(std::uint32_t count, std::uint32_t from = 0) {
  std::vector<std::string> out;
  for (std::uint32_t i = 0; i < count; ++i) out.push_back(std::to_string(from + i));
  return out;
}

// A claim of one block with these parcels. Each has a gen of its own.
inline transport::Claimed claimed_of(std::vector<Parcel> parcels, std::uint64_t gen = 0) {
  static std::uint64_t last_gen = 1'000;
  transport::Claimed claimed;
  claimed.queue = parcels.front().queue;
  claimed.key = {1, 1, gen != 0 ? gen : ++last_gen, 1};
  const auto block = transport::Block::build(std::move(parcels), FakeClock::kWallStartMs);
  claimed.parts.push_back({block, 0, block->count()});
  return claimed;
}

// Messages of keys as a claim of their lane: key and body.
inline transport::Claimed keyed_claim_of(
    const std::vector<std::pair<std::string, std::string>>& messages, std::uint64_t seq,
    const std::string& queue = "q", const std::string& type = "t") {
  Parcel parcel;
  parcel.queue = queue;
  parcel.type = type;
  parcel.band = kKeyedBand;
  parcel.first_id = draw_ids(messages.size(), FakeClock::kWallStartMs);
  for (const auto& [key, body] : messages) parcel.add(body, {}, key);
  transport::Claimed claimed = claimed_of({std::move(parcel)});
  claimed.parts.front().seq = seq;
  claimed.is_keyed = true;
  return claimed;
}

// The same where they came back: the place of each is its index behind `seq`.
inline transport::Claimed returned_claim_of(
    const std::vector<std::pair<std::string, std::string>>& messages, std::uint64_t seq) {
  std::vector<Parcel> parcels;
  std::uint32_t index = 0;
  for (const auto& [key, body] : messages) {
    StoredMessage message;
    message.id = draw_ids(1, FakeClock::kWallStartMs);
    message.type = "t";
    message.body = body;
    message.key = key;
    message.place = {seq, index++};
    Parcel parcel = Parcel::like(message.view());
    parcel.queue = "q";
    parcel.add(message.view());
    parcels.push_back(std::move(parcel));
  }
  transport::Claimed claimed = claimed_of(std::move(parcels));
  claimed.key.lane = 2;
  claimed.is_keyed = claimed.is_returned = true;
  return claimed;
}

inline HeldPtr held_of(transport::Claimed claimed, Traffic& traffic, Nanos now,
                       bool renews = true) {
  return std::make_shared<Held>(std::move(claimed), traffic, now, renews);
}

inline Admitted admitted_of(Parcel parcel, Traffic& traffic, Nanos now) {
  Admitted a;
  a.count = parcel.count();
  a.bytes = parcel.bytes();
  a.is_loose = parcel.is_loose;
  a.receipt = std::make_shared<Receipt>(parcel.first_id, a.count);
  a.traffic = &traffic;
  a.admitted_at = now;
  a.parcel = std::move(parcel);
  return a;
}

}  // namespace msgq::test
