// Claims of which some messages free their dedup ids as they start: until that is stored nobody may
// have them, or a message of the same id could be refused as one that was not started yet. So they
// come an exchange later than other claims, and before anybody is told what else that exchange did:
// of a key nothing may go by that is decided meanwhile (dispatch/key_gate.h).
//
// Threads: the writer thread, of which it is the first source.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "transport/batch_source.h"

namespace msgq {

class Starter final : public transport::BatchSource {
 public:
  // Whether claims wait here. Then those that come later do, too.
  bool is_busy() const { return !held_.empty(); }
  // `deliver` is called once `starts` are stored.
  void hold(std::vector<transport::StartOrder> starts, std::function<void()> deliver) {
    held_.push_back({std::move(starts), std::move(deliver)});
  }

  void collect(transport::Exchange& out, Nanos) override {
    for (const Held& each : held_)
      out.starts.insert(out.starts.end(), each.starts.begin(), each.starts.end());
  }
  void report(const transport::Exchange&, const transport::ExchangeResult&, Nanos) override {
    for (const Held& each : std::exchange(held_, {})) each.deliver();
  }
  void give_up(const Error&, bool) override { held_.clear(); }
  Nanos next_time(Nanos now) override { return is_busy() ? now : kNever; }

 private:
  struct Held {
    std::vector<transport::StartOrder> starts;
    std::function<void()> deliver;
  };
  std::vector<Held> held_;
};

}  // namespace msgq
