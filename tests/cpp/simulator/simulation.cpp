#include "simulator/simulation.h"

#include <memory>
#include <vector>

#include "msgq/error.h"
#include "simulator/sim_process.h"

namespace msgq::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Nanos kStormMax = std::chrono::minutes(20);
constexpr Nanos kCalmMax = std::chrono::hours(4);

class Simulation {
 public:
  Simulation(std::uint64_t seed, Plant plant, const test::StoreCase& store)
      : store_(store.open(Config())),
        random_(seed),
        model_(clock_, kQueueCount, Config().crashes_max),
        stage_{clock_, random_, model_, weather_, plant, *store_, {"one", "two"}, {}} {
    for (std::uint32_t i = 0; i < kQueueCount; ++i)
      stage_.to_send.push_back(static_cast<std::uint32_t>(20 + random_.below(100)));
    draw_weather();
    for (std::uint64_t n = 1 + random_.below(3); n > 0; --n) start_process();
  }

  Outcome run() {
    const Nanos start = clock_.steady();
    while (model_.violation().empty() && !is_over(start)) step();
    if (model_.violation().empty()) compare_all();
    Outcome out;
    out.violation = model_.violation();
    out.steps = steps_;
    out.crashes = crashes_;
    for (std::uint32_t i = 0; i < model_.message_count(); ++i)
      out.messages += model_.message(i).state != MessageState::kUnsent ? 1 : 0;
    out.virtual_time = clock_.steady() - start;
    out.tally = model_.tally();
    out.trace = model_.trace() ^ steps_;
    return out;
  }

 private:
  static constexpr std::uint32_t kQueueCount = 2;
  struct Choice {
    std::size_t process;
    std::size_t part;
  };

  void draw_weather() {
    const auto pick = [&](std::uint32_t mild, std::uint32_t wild) {
      const std::uint64_t dice = random_.below(4);
      return dice == 0 ? 0 : dice == 1 ? wild : mild;
    };
    weather_.unavailable = pick(40, 5);
    weather_.full = pick(100, 10);
    weather_.doubt = pick(60, 6);
    weather_.crash = pick(400, 40);
    weather_.kill = pick(3'000, 300);
    weather_.pause = pick(1'000, 100);
    weather_.restart = pick(1'000, 200);
  }

  void start_process() {
    processes_.push_back(std::make_unique<SimProcess>(stage_, ++process_count_));
  }

  // The storm ends when everything is sent, or when it lasted long enough; then all must be
  // settled.
  bool is_over(Nanos start) {
    bool is_sent = true;
    for (const std::uint32_t left : stage_.to_send) is_sent = is_sent && left == 0;
    const Nanos now = clock_.steady();
    if (!is_calm_ && (is_sent || now - start > kStormMax) && random_.one_in(2'000)) {
      is_calm_ = true;
      calm_since_ = now;
      weather_ = Weather();
      for (auto& process : processes_) process->paused_until = Nanos::zero();
    }
    if (!is_calm_) return false;
    if (now - calm_since_ > kCalmMax) model_.violate("I11: never settled: " + model_.unsettled());
    return is_sent && model_.is_settled() && steps_ % 64 == 0;
  }

  void step() {
    ++steps_;
    disturb();
    bury_the_dead();
    if (processes_.empty()) start_process();
    std::vector<Choice> ready;
    const Nanos next = find_ready(ready);
    if (ready.empty()) {
      clock_.advance(next - clock_.steady());
      return;
    }
    const Choice chosen = ready[random_.below(ready.size())];
    try {
      processes_[chosen.process]->step(chosen.part);
    } catch (const std::exception& error) {
      model_.violate(std::string("an exception left the engine: ") + error.what());
    }
    clock_.advance(microseconds(static_cast<std::int64_t>(random_.below(100))));
  }

  Nanos find_ready(std::vector<Choice>& ready) {
    const Nanos now = clock_.steady();
    Nanos next = kNever;
    for (std::size_t p = 0; p < processes_.size(); ++p)
      for (std::size_t part = 0; part < processes_[p]->part_count(); ++part) {
        const Nanos at = processes_[p]->ready_at(part);
        if (at <= now) ready.push_back({p, part});
        next = std::min(next, at);
      }
    return next == kNever ? now + seconds(1) : next;
  }

  // Faults that strike between two steps, and the operator.
  void disturb() {
    SimProcess& victim = *processes_[random_.below(processes_.size())];
    if (happens(weather_.kill)) return kill(victim);
    if (happens(weather_.pause))
      victim.paused_until =
          clock_.steady() + milliseconds(static_cast<std::int64_t>(1 + random_.below(90'000)));
    if (happens(weather_.restart)) victim.begin_close();
    if (random_.one_in(1'000)) operate(victim);
  }

  bool happens(std::uint32_t once_in) { return once_in > 0 && random_.one_in(once_in); }

  void kill(SimProcess& victim) {
    victim.kill();
    ++crashes_;
  }

  void bury_the_dead() {
    for (auto& process : processes_)
      if (!process->is_closed() && process->has_crashed()) kill(*process);
    const std::size_t before = processes_.size();
    std::erase_if(processes_, [](const auto& process) { return process->is_closed(); });
    for (std::size_t i = processes_.size(); i < before; ++i) start_process();
  }

  void operate(SimProcess& process) {
    if (process.is_closing()) return;
    const auto queue = static_cast<std::uint32_t>(random_.below(kQueueCount));
    const std::string& name = stage_.queues[queue];
    transport::Look& look = operator_->look();
    try {
      switch (random_.below(8)) {
        case 0:
          model_.redriven(queue, look.redrive(name, {}));
          break;
        case 1:
          model_.dead_deleted(queue, look.delete_dead(name, {}));
          break;
        case 2:
          if (random_.one_in(4)) model_.purged(queue, look.purge(name));
          break;
        default:
          compare_one(look);
          break;
      }
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNotFound) throw;  // nothing was sent to it yet
    }
  }

  void compare_one(transport::Look& look) {
    if (model_.message_count() == 0) return;
    const auto number = static_cast<std::uint32_t>(random_.below(model_.message_count()));
    const ModelMessage& message = model_.message(number);
    if (!message.id.is_nil())
      model_.compare(number, look.find(stage_.queues[message.queue], message.id));
    compare_all();
  }

  void compare_all() {
    for (const auto& depth : operator_->look().depth())
      model_.compare(depth.queue == stage_.queues[0] ? 0 : 1, depth);
  }

  const std::unique_ptr<test::StoreUnderTest> store_;
  test::FakeClock& clock_ = store_->clock;
  test::FakeRandom random_;
  Model model_;
  Weather weather_;
  Stage stage_;
  // Its Look is the operator's, and the judge's.
  const std::unique_ptr<transport::Transport> operator_ = store_->join();
  std::vector<std::unique_ptr<SimProcess>> processes_;
  std::uint32_t process_count_ = 0;
  std::uint64_t steps_ = 0, crashes_ = 0;
  bool is_calm_ = false;
  Nanos calm_since_{0};
};

}  // namespace

Outcome simulate(std::uint64_t seed, Plant plant, const test::StoreCase& store) {
  return Simulation(seed, plant, store).run();
}

}  // namespace msgq::sim
