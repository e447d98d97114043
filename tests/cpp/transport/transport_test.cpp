// What a store does not offer is refused by its name, not ignored.
#include "transport/transport.h"

#include <gtest/gtest.h>

#include "conformance/harness.h"

namespace msgq::test {
namespace {

class TransportTest : public ConformanceTest {};

TEST_P(TransportTest, OnlyAStoreThatUsersTransactionsReachBarsThem) {
  open(Config());
  Process& process = join();
  process.append({"x"});
  const Claimed claimed = process.claim_one(1);
  const std::vector<transport::AckPlace> places{{claimed.key, 0}};
  if (std::string(process.transport().capability().scheme) == "postgresql")
    EXPECT_EQ(process.look().bar(places), std::vector{AckFate::kBarred});
  else
    EXPECT_EQ(code_of([&] { process.look().bar(places); }), ErrorCode::kUnsupported);
}

MSGQ_CONFORMANCE(TransportTest);

}  // namespace
}  // namespace msgq::test
