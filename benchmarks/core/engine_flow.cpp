// How fast the core alone moves messages in and out at once: what is left of a figure when Python
// is taken away. Between a ceiling and the same row of the runner it tells which of the two is
// short.
//
//   engine_flow FILE [scheme=sqlite] [block=1000] [bytes=200] [seconds=3] [producers=1] [window=1]
//                    [batch=0]
//
// `producers` threads enqueue parcels of `block` messages and keep `window` receipts open each; one
// thread takes lots (of a batch handler when `batch` is its size), touches each body and settles.
// FILE is made anew and removed. Prints one JSON object: messages durably stored and durably
// settled per second, by the store's own counts.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "../ceilings/arguments.h"
#include "msgq/engine.h"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Plan {
  std::uint32_t block;
  std::size_t bytes;
  double seconds;
  std::int64_t producers;
  std::size_t window;
  std::uint32_t batch;
};

constexpr const char* kQueue = "bench";

msgq::Parcel make_parcel(const Plan& plan, const std::string& body) {
  msgq::Parcel parcel;
  parcel.queue = kQueue;
  parcel.type = "count";
  parcel.reserve(plan.block, plan.block * plan.bytes);
  for (std::uint32_t i = 0; i < plan.block; ++i) parcel.add(body);
  return parcel;
}

void produce(msgq::Engine& engine, const Plan& plan, const std::atomic<bool>& stop) {
  const std::string body(plan.bytes, 'x');
  std::deque<msgq::ReceiptPtr> open;
  while (!stop) {
    open.push_back(engine.enqueue(make_parcel(plan, body)));
    while (open.size() >= plan.window) {
      open.front()->wait(milliseconds(60'000));
      open.pop_front();
    }
  }
  for (const auto& receipt : open) receipt->wait(milliseconds(60'000));
}

void consume(msgq::Engine& engine, const msgq::Engine::WorkerPtr& worker,
             const std::atomic<bool>& stop, std::uint64_t& checksum) {
  while (!stop) {
    const msgq::LotPtr lot = engine.take(worker, milliseconds(100));
    if (!lot) continue;
    for (std::uint32_t i = 0; i < lot->size(); ++i) {
      checksum += static_cast<unsigned char>(lot->body(i).back());
    }
    engine.settle(lot, {});
  }
}

msgq::QueueDepth depth(msgq::Engine& engine) {
  for (const auto& queue : engine.stats(true).depth) {
    if (queue.queue == kQueue) return queue;
  }
  return {};
}

void measure(msgq::Engine& engine, const Plan& plan) {
  std::atomic<bool> stop{false};
  std::uint64_t checksum = 0;
  msgq::WorkerSpec spec;
  msgq::ChannelSpec channel;
  channel.queue = kQueue;
  channel.type = "count";
  channel.batch_count = plan.batch;
  spec.channels.push_back(channel);
  const auto worker = engine.open_worker(spec);
  std::vector<std::thread> threads;
  threads.emplace_back([&] { consume(engine, worker, stop, checksum); });
  for (std::int64_t i = 0; i < plan.producers; ++i) {
    threads.emplace_back([&] { produce(engine, plan, stop); });
  }
  std::this_thread::sleep_for(milliseconds(500));
  const auto start = Clock::now();
  const msgq::QueueDepth before = depth(engine);
  const std::uint64_t flushes = engine.stats(false).flushes;
  std::this_thread::sleep_for(std::chrono::duration<double>(plan.seconds));
  const msgq::QueueDepth after = depth(engine);
  const double took = std::chrono::duration<double>(Clock::now() - start).count();
  const std::uint64_t commits = engine.stats(false).flushes - flushes;
  stop = true;
  for (std::thread& thread : threads) thread.join();
  engine.stop_worker(worker);
  std::printf(
      "{\"in_per_s\": %.0f, \"out_per_s\": %.0f, \"commits_per_s\": %.0f, \"left\": %llu,"
      " \"checksum\": %llu}\n",
      static_cast<double>(after.sent - before.sent) / took,
      static_cast<double>(after.done - before.done) / took, static_cast<double>(commits) / took,
      static_cast<unsigned long long>(after.sent - after.done),
      static_cast<unsigned long long>(checksum));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: engine_flow FILE [name=value ...]\n");
    return 2;
  }
  const ceiling::Arguments given(argc, argv);
  const std::string path = argv[1];
  const auto remove_files = [&] {
    for (const char* suffix : {"", "-wal", "-shm", "-lock", "-wake"}) {
      std::remove((path + suffix).c_str());
    }
  };
  remove_files();
  msgq::Config config;
  config.scheme = given.text("scheme", "sqlite");
  if (config.scheme == "sqlite") config.path = path;
  {
    msgq::Engine engine(config);
    measure(engine,
            {static_cast<std::uint32_t>(given.number("block", 1000)),
             static_cast<std::size_t>(given.number("bytes", 200)), given.seconds("seconds", 3),
             given.number("producers", 1), static_cast<std::size_t>(given.number("window", 1)),
             static_cast<std::uint32_t>(given.number("batch", 0))});
    engine.close(std::chrono::seconds(30));
  }
  remove_files();
  return 0;
}
