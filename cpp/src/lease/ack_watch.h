// Looks for commits of users' own transactions that acknowledge messages of raw claims: nobody
// tells us of them. What is seen is settled like any other acknowledgement, so that a claim ends
// with its last message. Without such messages it asks nothing.
//
// Threads: await() from any thread; the rest from the writer thread.
#pragma once

#include <map>
#include <vector>

#include "base/inbox.h"
#include "lease/settler.h"
#include "transport/batch_source.h"
#include "transport/held.h"

namespace msgq {

class AckWatch final : public transport::BatchSource {
 public:
  explicit AckWatch(Settler& settler) : settler_(settler) {}

  void await(HeldPtr held, std::uint32_t ordinal) { asked_.push({std::move(held), ordinal}); }

  void collect(transport::Exchange& out, Nanos now) override;
  void report(const transport::Exchange& in, const transport::ExchangeResult& result,
              Nanos now) override;
  void give_up(const Error& error, bool was_in_doubt) override;
  Nanos next_time(Nanos now) override;

 private:
  struct Asked {
    HeldPtr held;
    std::uint32_t ordinal = 0;
  };
  struct Watched {
    HeldPtr held;
    Bitmap open;  // ordinals whose transactions were not seen to end
  };

  // fixed after construction
  Settler& settler_;
  // any thread
  Inbox<Asked> asked_;
  // only the writer thread
  std::map<transport::ClaimKey, Watched> watched_;
  std::vector<transport::ClaimKey> looked_;  // of the present exchange
  Nanos gap_{0};
  Nanos look_at_ = kNever;
};

}  // namespace msgq
