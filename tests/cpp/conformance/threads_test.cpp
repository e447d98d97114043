// Promise: many processes at once, each on its own thread, lose nothing and do nothing twice.
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "conformance/harness.h"

namespace msgq::test {
namespace {

class ThreadsConformance : public ConformanceTest {
 protected:
  static constexpr std::uint32_t kProducers = 3, kWorkers = 3, kBlocks = 60, kPerBlock = 8;

  void produce(Process& process, std::uint32_t base) {
    for (std::uint32_t i = 0; i < kBlocks; ++i)
      process.append(numbered(kPerBlock, base + i * kPerBlock));
  }

  // Settles in two halves, so that parts, retries and lapses of others cross.
  void work(Process& process, std::atomic<std::uint32_t>& left, std::vector<std::string>& seen) {
    while (left.load() > 0) {
      Exchange in;
      in.reclaims = true;
      in.promote_max = 10;
      in.claims.push_back({kQueue, 5, 0, 30'000, false, false});
      const auto out = process.exchange(in);
      for (const auto& claimed : out.claims.at(0).claims) {
        const auto ordinals = left_of(claimed);
        SettleOrder order = ack_some(claimed, {ordinals[0]});
        seen.emplace_back(message_at(claimed, ordinals[0]).body);
        left.fetch_sub(1);
        for (std::size_t i = 1; i < ordinals.size(); ++i) {
          if (message_at(claimed, ordinals[i]).counts.failures == 0) {
            add_back(order, claimed, ordinals[i], SettleOrder::Return::kRetry, wall_ms());
          } else {
            order.done.set(ordinals[i]);
            ++order.acked;
            seen.emplace_back(message_at(claimed, ordinals[i]).body);
            left.fetch_sub(1);
          }
        }
        order.is_whole = true;
        EXPECT_TRUE(process.settle(order));
      }
    }
  }
};

TEST_P(ThreadsConformance, EveryMessageIsDoneOnce) {
  std::atomic<std::uint32_t> left{kProducers * kBlocks * kPerBlock};
  std::vector<std::vector<std::string>> seen(kWorkers);
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < kProducers; ++i)
    threads.emplace_back(
        [this, &process = join(), base = i * kBlocks * kPerBlock] { produce(process, base); });
  for (std::uint32_t i = 0; i < kWorkers; ++i)
    threads.emplace_back(
        [this, &process = join(), &left, &mine = seen[i]] { work(process, left, mine); });
  for (auto& thread : threads) thread.join();
  std::multiset<std::string> all;
  for (const auto& mine : seen) all.insert(mine.begin(), mine.end());
  const auto wanted = numbered(kProducers * kBlocks * kPerBlock);
  EXPECT_EQ(all, std::multiset<std::string>(wanted.begin(), wanted.end()));
  EXPECT_EQ(depth().done, wanted.size());
}

TEST_P(ThreadsConformance, LookingNeverDisturbs) {
  Process& process = join();
  std::atomic<bool> is_over{false};
  std::thread looker([&, look = &observer()] {
    while (!is_over.load())
      for (const auto& d : look->depth())
        EXPECT_EQ(d.sent, d.waiting + d.parked + d.leased + d.done + d.dead + d.purged);
  });
  for (std::uint32_t i = 0; i < 200; ++i) {
    process.append(numbered(5, 5 * i));
    EXPECT_TRUE(process.settle(ack_all(process.claim_one(5))));
  }
  is_over.store(true);
  looker.join();
  EXPECT_EQ(depth().done, 1'000u);
}

MSGQ_CONFORMANCE(ThreadsConformance);

}  // namespace
}  // namespace msgq::test
