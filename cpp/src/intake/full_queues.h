// Queues that hold as many messages as they may, as the store last said: which of the parcels for
// them go on to it, and what becomes of the others, as is set of the queue. One queue's being full
// holds nothing back that is for another.
//
// Threads: the writer thread.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "intake/admitted.h"
#include "transport/transport.h"

namespace msgq {

class FullQueues {
 public:
  enum class Fate { kStore, kWait, kRefuse, kDrop };

  bool is_empty() const { return queues_.empty(); }
  // The store said so; of what it refused nothing is there.
  void note(const transport::QueueFull& full);
  // What becomes of the next parcel of its queue. REQUIRES: they are shown in their order.
  Fate judge(const Admitted& admitted, Nanos now);
  // The same of parcels that go on together or not at all; `why` they are refused.
  Fate judge_all(std::span<const Admitted> some, Nanos now, std::optional<Error>& why);
  // How many messages of it are let in: all, unless it is known that there is room for some only,
  // and it is loose.
  std::uint32_t fitting(const Admitted& admitted) const;
  // Why, of one that was refused.
  const Error& error_of(const Admitted& admitted) const;
  // Keeps one that is to wait.
  void hold(Admitted admitted, Nanos now);
  // Those that are to be tried again come before all others.
  void release(std::deque<Admitted>& backlog, Nanos now);
  // Gives all that wait, for good.
  std::vector<Admitted> take_all();
  // Those that have been on their way for `most`.
  std::vector<Admitted> take_over(Nanos most, Nanos now);
  // A flush went through, or there was none: what is full must be found out anew.
  void forget();
  // How many messages wait.
  std::uint64_t count() const;
  // When something is to be tried again.
  Nanos next_time() const;

 private:
  struct Full {
    Error error;
    QueueSettings settings;
    std::uint64_t room = 0;
    std::uint64_t used = 0;  // of it, by parcels of the flush in the making
    bool is_known = true;    // since the last flush
    std::deque<Admitted> waiting;
    Nanos retry_at{0};
    Nanos gap{0};
  };
  std::map<std::string, Full, std::less<>> queues_;
};

}  // namespace msgq
