// A writer over a scripted session, with an intake before it, that a test steps by hand.
//
// Threads: one at a time.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "lease/claimer.h"
#include "lease/settler.h"
#include "support/road.h"
#include "support/scripted_session.h"
#include "transport/writer.h"

namespace msgq::test {

class WriterTest : public ::testing::Test {
 protected:
  WriterTest() {
    config.enqueue_timeout = std::chrono::seconds(30);
    remake();
  }

  void remake() {
    batcher = std::make_unique<Batcher>(config, clock(), admission, true);
    settler = std::make_unique<Settler>(clock(), ledger);
    writer = std::make_unique<transport::Writer>(quiet.world, log,
                                                 std::make_unique<ScriptedSession>(script));
    writer->add(*settler);
    writer->add(ledger);
    writer->add(*batcher);
    writer->set_intake(*batcher);
  }

  FakeClock& clock() { return quiet.clock; }

  ReceiptPtr push(const std::string& body, const std::string& queue = "q") {
    auto admitted = admitted_of(parcel_of({body}, queue), book.find(queue), clock().steady());
    EXPECT_TRUE(admission.try_acquire(admitted.count, admitted.bytes));
    auto receipt = admitted.receipt;
    batcher->push(std::move(admitted));
    return receipt;
  }

  // Steps until the writer wants to wait, moving the clock to `most` at the latest.
  void run(Nanos most = Nanos::zero()) {
    const Nanos end = clock().steady() + most;
    for (int i = 0; i < 10'000; ++i) {
      const Nanos next = writer->step();
      if (next <= clock().steady()) continue;
      if (next > end) return;
      clock().advance(next - clock().steady());
    }
    FAIL() << "the writer runs hot";
  }

  static std::vector<std::string> bodies(const transport::Exchange& ex) {
    std::vector<std::string> out;
    for (const auto& append : ex.appends)
      for (std::uint32_t i = 0; i < append.block->count(); ++i)
        out.emplace_back(append.block->body(i));
    return out;
  }

  QuietWorld quiet;
  Log log;
  Config config;
  TrafficBook book;
  Admission admission{quiet.clock, 10'000, 1 << 20};
  Ledger ledger{config, quiet.clock};
  std::shared_ptr<Script> script = std::make_shared<Script>();
  std::unique_ptr<Batcher> batcher;
  std::unique_ptr<Settler> settler;
  std::unique_ptr<transport::Writer> writer;
};

}  // namespace msgq::test
