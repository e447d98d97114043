#include "simulator/sim_plan.h"

namespace msgq::sim {

using test::Fault;

Fault SimPlan::choose(const transport::Exchange& in) {
  if (happens(weather_.unavailable)) return Fault::kUnavailable;
  if (happens(weather_.full) && !in.appends.empty()) return Fault::kFull;
  if (happens(weather_.doubt)) return random_.one_in(2) ? Fault::kDoubtDone : Fault::kDoubtUndone;
  if (happens(weather_.crash)) return random_.one_in(2) ? Fault::kCrashAfter : Fault::kCrashBefore;
  return Fault::kNone;
}

void SimPlan::before_commit(transport::Exchange& in) {
  if (plant_ != Plant::kNoFence) return;
  for (auto& order : in.settles)
    if (const ModelClaim* successor = model_.find_successor(order.claim.gen))
      order.claim = successor->key;
}

void SimPlan::after_commit(const transport::Exchange& asked, transport::ExchangeResult& out) {
  if (plant_ == Plant::kNoAttemptWrite)
    for (auto& answer : out.claims)
      for (auto& claimed : answer.claims) claimed.attempt = 1;
  model_.committed(process_, asked, out);
}

}  // namespace msgq::sim
