// What the conformance tests are written in: processes that append, claim and settle with one line
// each, and the law of conservation, checked when every test ends.
//
// Threads: one at a time.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "conformance/store_under_test.h"
#include "support/fault_transport.h"
#include "support/outcome.h"

namespace msgq::test {

inline constexpr char kQueue[] = "orders";

using transport::ClaimAnswer;
using transport::Claimed;
using transport::ClaimWish;
using transport::Exchange;
using transport::ExchangeResult;
using transport::SettleOrder;

// A block of messages with these bodies, ids drawn now.
transport::BlockPtr block_of(const std::vector<std::string>& bodies, const std::string& type = "t",
                             const std::string& headers = {});
// "0", "1", ... `count` of them.
std::vector<std::string> numbered(std::uint32_t count, std::uint32_t from = 0);

// Ordinals of a claim that are to be run.
std::vector<std::uint32_t> left_of(const Claimed& claimed);
std::vector<std::string> bodies_of(const Claimed& claimed);
MessageView message_at(const Claimed& claimed, std::uint32_t ordinal);

// Settles everything that is left.
SettleOrder ack_all(const Claimed& claimed);
// Settles the named ordinals; earlier ones are given with `before`.
SettleOrder ack_some(const Claimed& claimed, const std::vector<std::uint32_t>& ordinals,
                     const Bitmap& before = {});
// Returns one message, with its counts as the engine would write them.
void add_back(SettleOrder& order, const Claimed& claimed, std::uint32_t ordinal,
              SettleOrder::Return kind, std::int64_t due_ms);
void add_dead(SettleOrder& order, const Claimed& claimed, std::uint32_t ordinal,
              const std::string& reason);
SettleOrder give_back(const Claimed& claimed);

// One process on the store, with one session.
class Process {
 public:
  Process(StoreUnderTest& store, std::unique_ptr<transport::Transport> transport)
      : store_(store), transport_(std::move(transport)), session_(transport_->open_session()) {}

  ExchangeResult exchange(const Exchange& in);
  // Appends one block; its first id.
  MessageId append(const std::vector<std::string>& bodies, const std::string& queue = kQueue);
  void park(const std::string& body, std::int64_t due_ms, const std::string& queue = kQueue);
  ClaimAnswer claim(const ClaimWish& wish);
  ClaimAnswer claim(std::uint32_t count_max, const std::string& queue = kQueue);
  // REQUIRES: exactly one claim comes.
  Claimed claim_one(std::uint32_t count_max, const std::string& queue = kQueue);
  // A wish of a process that holds nothing: suspects may come.
  ClaimAnswer claim_idle(std::uint32_t count_max, const std::string& queue = kQueue);
  // False when the lease was lost.
  bool settle(const SettleOrder& order);
  bool extend(const Claimed& claimed, std::int64_t until_ms);
  std::uint32_t reclaim();
  std::uint32_t promote(std::uint32_t count_max = 1'000);

  transport::Transport& transport() { return *transport_; }
  transport::Session& session() { return *session_; }
  transport::Look& look() { return transport_->look(); }
  void kill() { store_.kill(*transport_); }

 private:
  StoreUnderTest& store_;
  std::unique_ptr<transport::Transport> transport_;
  std::unique_ptr<transport::Session> session_;
  int turn_ = 0;
};

class ConformanceTest : public ::testing::TestWithParam<StoreCase> {
 protected:
  // Opens the store; REQUIRES: once, before the first process.
  void open(const Config& config);
  Process& join();
  // A process whose exchanges go wrong as the plan says.
  Process& join_with(std::shared_ptr<FaultPlan> plan);
  StoreUnderTest& store();
  FakeClock& clock() { return store().clock; }
  std::int64_t wall_ms() { return store().clock.wall_ms(); }
  QueueDepth depth(const std::string& queue = kQueue);
  // Claims and acknowledges until nothing comes; the bodies, in order of their coming.
  std::vector<std::string> drain(Process& process, const std::string& queue = kQueue);

  // The Look of a process that does nothing else.
  transport::Look& observer();

  // sent = waiting + parked + leased + done + dead + purged + quarantined + expired + cancelled,
  // for every queue.
  void TearDown() override;

 private:
  std::unique_ptr<StoreUnderTest> store_;
  std::unique_ptr<transport::Transport> observer_;
  std::vector<std::unique_ptr<Process>> processes_;
};

inline std::string store_name(const ::testing::TestParamInfo<StoreCase>& info) {
  return info.param.name;
}

}  // namespace msgq::test

// Runs the tests of a fixture over every store.
#define MSGQ_CONFORMANCE(Fixture)                                                             \
  INSTANTIATE_TEST_SUITE_P(Stores, Fixture, ::testing::ValuesIn(::msgq::test::store_cases()), \
                           ::msgq::test::store_name)
