// A session that does what the test says: each exchange follows the next line of a script, and is
// kept to be looked at. Behind the script everything succeeds and nothing comes.
//
// Threads: the session's thread; between its steps the test's.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "msgq/error.h"
#include "transport/transport.h"

namespace msgq::test {

struct Script {
  using Line = std::function<void(const transport::Exchange&, transport::ExchangeResult&)>;
  using Answer = std::function<bool(transport::ExchangeResult&)>;

  std::deque<Line> lines;       // of the exchanges
  std::deque<Answer> answers;   // of resolve()
  std::function<Nanos()> tidy;  // kNever when empty
  // Whether begin() takes it, and what happens meanwhile; empty: it takes none.
  std::function<bool(const transport::Exchange&)> begin;
  std::deque<bool> awaits;  // what await() says; true behind them
  std::vector<transport::Exchange> seen;
  bool is_closed = false;

  void fail(ErrorCode code, int times = 1) {
    for (int i = 0; i < times; ++i)
      lines.push_back([code](const auto&, auto&) { throw Error(code, "scripted"); });
  }
  void pass(int times = 1) {
    for (int i = 0; i < times; ++i) lines.push_back(&Script::succeed);
  }
  void claim(std::function<void(transport::ExchangeResult&)> fill) {
    lines.push_back([fill = std::move(fill)](const auto& in, auto& out) {
      succeed(in, out);
      fill(out);
    });
  }
  static void succeed(const transport::Exchange& in, transport::ExchangeResult& out) {
    out.settle_lost.assign(in.settles.size(), false);
    out.extend_lost.assign(in.extends.size(), false);
    out.claims.resize(in.claims.size());
  }
};

class ScriptedSession final : public transport::Session {
 public:
  explicit ScriptedSession(std::shared_ptr<Script> script) : script_(std::move(script)) {}

  void exchange(const transport::Exchange& in, transport::ExchangeResult& out) override {
    script_->seen.push_back(in);
    if (script_->lines.empty()) return Script::succeed(in, out);
    const auto line = std::move(script_->lines.front());
    script_->lines.pop_front();
    line(in, out);
  }
  bool begin(const transport::Exchange& in) override {
    return script_->begin && script_->begin(in);
  }
  bool await(Nanos) override {
    if (script_->awaits.empty()) return true;
    const bool said = script_->awaits.front();
    script_->awaits.pop_front();
    return said;
  }
  bool resolve(transport::ExchangeResult& out) override {
    if (script_->answers.empty()) throw Error(ErrorCode::kStoreInDoubt, "scripted: not known yet");
    const auto answer = std::move(script_->answers.front());
    script_->answers.pop_front();
    return answer(out);
  }
  Nanos tidy(Nanos) override { return script_->tidy ? script_->tidy() : kNever; }
  void close() noexcept override { script_->is_closed = true; }

 private:
  const std::shared_ptr<Script> script_;
};

}  // namespace msgq::test
