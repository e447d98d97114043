// Promise: what an exchange appended is there, whole, in order, once; what it did not append is
// not.
#include "conformance/harness.h"

namespace msgq::test {
namespace {

class AppendConformance : public ConformanceTest {};

TEST_P(AppendConformance, GivesMessagesInTheOrderOfAppends) {
  Process& process = join();
  for (std::uint32_t i = 0; i < 50; ++i) process.append(numbered(3, 3 * i));
  EXPECT_EQ(drain(process), numbered(150));
}

TEST_P(AppendConformance, AClaimSeesWhatItsExchangeAppended) {
  Process& process = join();
  Exchange in;
  in.appends.push_back({kQueue, block_of({"a", "b"})});
  in.claims.push_back({kQueue, 10, 0, 30'000, false, false});
  const auto out = process.exchange(in);
  ASSERT_EQ(out.claims[0].claims.size(), 1u);
  EXPECT_EQ(bodies_of(out.claims[0].claims[0]), (std::vector<std::string>{"a", "b"}));
}

TEST_P(AppendConformance, KeepsBodiesHeadersTypesAndContent) {
  Process& process = join();
  const std::string large(3 << 20, 'x');
  const std::string binary("\0\xff\n\x00z", 5);
  Exchange in;
  in.appends.push_back({kQueue, block_of({"", large, binary}, "mail.send", R"({"a":"b"})")});
  const MessageId first = in.appends[0].block->first_id();
  process.exchange(in);
  const Claimed claimed = process.claim_one(10);
  ASSERT_EQ(claimed.count(), 3u);
  EXPECT_EQ(bodies_of(claimed), (std::vector<std::string>{"", large, binary}));
  for (std::uint32_t i = 0; i < 3; ++i) {
    const MessageView message = message_at(claimed, i);
    EXPECT_EQ(message.id, first.plus(i));
    EXPECT_EQ(message.type, "mail.send");
    EXPECT_EQ(message.content, Content::kJson);
    EXPECT_EQ(message.headers, R"({"a":"b"})");
    EXPECT_EQ(message.enqueued_ms, FakeClock::kWallStartMs);
    EXPECT_EQ(message.counts.deliveries, 0u);
  }
}

TEST_P(AppendConformance, KeepsQueuesApart) {
  Process& process = join();
  const std::string odd = "a \xc3\xa4'\"; drop table x --";
  process.append({"1"}, "a");
  process.append({"2"}, odd);
  process.append({"3"}, "A");
  EXPECT_EQ(drain(process, odd), (std::vector<std::string>{"2"}));
  EXPECT_EQ(drain(process, "a"), (std::vector<std::string>{"1"}));
  EXPECT_EQ(drain(process, "A"), (std::vector<std::string>{"3"}));
  auto names = process.look().queues();
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"A", "a", odd}));
}

TEST_P(AppendConformance, TakesSeveralBlocksOfSeveralQueuesAtOnce) {
  Process& process = join();
  Exchange in;
  for (std::uint32_t i = 0; i < 20; ++i)
    in.appends.push_back({i % 2 == 0 ? "even" : "odd", block_of(numbered(5, 5 * i))});
  process.exchange(in);
  EXPECT_EQ(depth("even").waiting, 50u);
  EXPECT_EQ(drain(process, "odd").size(), 50u);
  EXPECT_EQ(drain(process, "even").size(), 50u);
}

TEST_P(AppendConformance, OtherProcessesSeeItAtOnce) {
  Process& producer = join();
  Process& worker = join();
  EXPECT_TRUE(worker.claim(10).claims.empty());
  producer.append({"x"});
  EXPECT_EQ(bodies_of(worker.claim_one(10)), (std::vector<std::string>{"x"}));
}

TEST_P(AppendConformance, StrictQueuesRefuseWhatIsUnknownAndDoNothing) {
  Config config;
  config.strict_queues = true;
  open(config);
  Process& process = join();
  EXPECT_EQ(code_of([&] { process.append({"x"}, "tpyo"); }), ErrorCode::kNotFound);
  EXPECT_TRUE(process.look().queues().empty());
}

TEST_P(AppendConformance, AnEmptyExchangeIsAnswered) {
  Process& process = join();
  const auto out = process.exchange({});
  EXPECT_TRUE(out.settle_lost.empty());
  EXPECT_TRUE(out.claims.empty());
  EXPECT_EQ(out.next_due_ms, 0);
}

TEST_P(AppendConformance, AClosedSessionRefuses) {
  Process& process = join();
  process.append({"x"});
  process.session().close();
  process.session().close();
  EXPECT_EQ(code_of([&] { process.append({"y"}); }), ErrorCode::kClosed);
  EXPECT_EQ(depth().waiting, 1u);
}

MSGQ_CONFORMANCE(AppendConformance);

}  // namespace
}  // namespace msgq::test
