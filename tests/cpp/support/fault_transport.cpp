#include "support/fault_transport.h"

#include <utility>

#include "msgq/error.h"

namespace msgq::test {
namespace {

using transport::Exchange;
using transport::ExchangeResult;
using transport::Session;

[[noreturn]] void fail(ErrorCode code, const char* what) {
  throw Error(code, std::string("injected: ") + what);
}

class FaultSession final : public Session {
 public:
  FaultSession(std::unique_ptr<Session> inner, std::shared_ptr<FaultPlan> plan,
               std::shared_ptr<std::atomic<bool>> has_crashed)
      : inner_(std::move(inner)), plan_(std::move(plan)), has_crashed_(std::move(has_crashed)) {}

  void exchange(const Exchange& in, ExchangeResult& out) override {
    refuse_when_crashed();
    if (is_in_doubt_) fail(ErrorCode::kInternal, "an exchange while the last one is in doubt");
    switch (plan_->choose(in)) {
      case Fault::kNone:
        return pass(in, out);
      case Fault::kUnavailable:
        fail(ErrorCode::kStoreUnavailable, "store away");
      case Fault::kFull:
        fail(ErrorCode::kStoreFull, "no room");
      case Fault::kDoubtUndone:
        doubt(false);
      case Fault::kDoubtDone:
        pass(in, lost_);
        doubt(true);
      case Fault::kCrashAfter:
        pass(in, lost_);
        [[fallthrough]];
      case Fault::kCrashBefore:
        has_crashed_->store(true);
        doubt(false);
    }
  }

  bool resolve(ExchangeResult& out) override {
    refuse_when_crashed();
    if (!is_in_doubt_) return inner_->resolve(out);
    if (plan_->delays_resolve()) fail(ErrorCode::kStoreInDoubt, "the answer is not known yet");
    if (happened_) give_back_untold_claims();
    is_in_doubt_ = false;
    if (!happened_ || plan_->forgets_flushed()) return false;
    lost_.claims.clear();
    out = std::move(lost_);
    return true;
  }

  Nanos tidy(Nanos budget) override {
    refuse_when_crashed();
    return inner_->tidy(budget);
  }

  void close() noexcept override {
    if (has_crashed_->load() || std::exchange(is_closed_, true)) return;
    plan_->on_close();
    inner_->close();
  }

 private:
  void refuse_when_crashed() const {
    if (has_crashed_->load()) fail(ErrorCode::kStoreUnavailable, "this process has crashed");
  }

  void pass(const Exchange& in, ExchangeResult& out) {
    Exchange changed = in;
    plan_->before_commit(changed);
    inner_->exchange(changed, out);
    plan_->after_commit(in, out);
  }

  [[noreturn]] void doubt(bool happened) {
    is_in_doubt_ = true;
    happened_ = happened;
    fail(ErrorCode::kStoreInDoubt, "reply lost");
  }

  void give_back_untold_claims() {
    Exchange back;
    for (const auto& answer : lost_.claims)
      for (const auto& claimed : answer.claims) {
        auto& order = back.settles.emplace_back();
        order.claim = claimed.key;
        order.gives_back = true;
        order.done = claimed.done;
      }
    ExchangeResult ignored;
    if (!back.empty()) pass(back, ignored);
  }

  const std::unique_ptr<Session> inner_;
  const std::shared_ptr<FaultPlan> plan_;
  const std::shared_ptr<std::atomic<bool>> has_crashed_;
  // only the session's thread
  ExchangeResult lost_;
  bool is_closed_ = false;
  bool is_in_doubt_ = false;
  bool happened_ = false;
};

}  // namespace

FaultTransport::FaultTransport(std::unique_ptr<transport::Transport> inner,
                               std::shared_ptr<FaultPlan> plan)
    : inner_(std::move(inner)),
      capability_(inner_->capability()),
      plan_(std::move(plan)),
      has_crashed_(std::make_shared<std::atomic<bool>>(false)) {
  capability_.is_durable = true;
}

FaultTransport::~FaultTransport() = default;

std::unique_ptr<transport::Session> FaultTransport::open_session() {
  return std::make_unique<FaultSession>(inner_->open_session(), plan_, has_crashed_);
}

}  // namespace msgq::test
