// Promise: however many look for leases that are over at the same moment, each is returned once,
// nothing that was settled comes back, and a row that nobody can have stops none of the others.
#include <array>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <map>
#include <thread>

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

constexpr std::size_t kRescuers = 4;

// `make torture-pg` has ten thousand.
std::uint32_t lease_count() {
  const char* text = std::getenv("MSGQ_RESCUES");
  return text != nullptr ? static_cast<std::uint32_t>(std::atoi(text)) : 400;
}

class PostgresRescues : public PostgresRoomTest {
 protected:
  void SetUp() override {
    PostgresRoomTest::SetUp();
    if (IsSkipped()) return;
    for (std::uint32_t from = 0; from < count_; from += 100) holder().append(numbered(100, from));
    Exchange in;
    in.claims.push_back({kQueue, 1, 0, 30'000, false, false, true});
    for (std::uint32_t i = 0; i < count_; ++i)
      claims_.push_back(holder().exchange(in).claims.at(0).claims.at(0));
    clock().advance(std::chrono::seconds(31));
  }
  Process& holder() {
    if (holder_ == nullptr) holder_ = &join();
    return *holder_;
  }
  // All of them at once, until none finds any; how many leases they returned.
  std::uint32_t rescue() {
    std::array<Process*, kRescuers> rescuers{};
    for (auto& each : rescuers) each = &join();
    std::atomic<std::uint32_t> returned{0};
    std::vector<std::thread> threads;
    const Nanos begin = system_clock().steady();
    for (auto* each : rescuers)
      threads.emplace_back([&returned, each] {
        for (std::uint32_t n = 1; n > 0; returned += n) n = each->reclaim();
      });
    for (auto& each : threads) each.join();
    const double seconds = std::chrono::duration<double>(system_clock().steady() - begin).count();
    std::cout << "[ figures] " << kRescuers << " rescuers returned " << returned << " leases in "
              << seconds << " s\n";
    return returned;
  }

  const std::uint32_t count_ = lease_count();
  std::vector<Claimed> claims_;

 private:
  Process* holder_ = nullptr;
};

TEST_F(PostgresRescues, EachLeaseThatIsOverIsReturnedOnce) {
  EXPECT_EQ(rescue(), count_);
  EXPECT_EQ(ask("select count(*) from :schema.claim where state = 0"), "0");
  EXPECT_EQ(drain(join()).size(), count_);
  EXPECT_EQ(depth().done, count_);
}

TEST_F(PostgresRescues, WhatIsSettledAtTheSameMomentDoesNotComeBack) {
  std::map<std::string, bool> is_done;
  std::thread worker([&] {
    for (const auto& claimed : claims_)
      is_done[bodies_of(claimed).at(0)] = holder().settle(ack_all(claimed));
  });
  rescue();
  worker.join();
  rescue();
  std::size_t settled = 0;
  for (const auto& [body, done] : is_done) settled += done ? 1 : 0;
  const auto rest = drain(join());
  EXPECT_EQ(rest.size() + settled, count_) << "none is stuck, none is twice";
  for (const auto& body : rest) EXPECT_FALSE(is_done.at(body)) << body << " was settled";
  EXPECT_EQ(depth().done, count_);
}

TEST_F(PostgresRescues, ARowThatSomebodyHoldsStopsNoOther) {
  OpenTransaction holder(store().config().schema);
  holder.run("select 1 from :schema.claim where gen = " + std::to_string(claims_[7].key.gen) +
             " for update");
  EXPECT_EQ(rescue(), count_ - 1);
  holder.run("commit");
  EXPECT_EQ(rescue(), 1u);
  EXPECT_EQ(drain(join()).size(), count_);
}

}  // namespace
}  // namespace msgq::test
