// Subscriptions of a queue: each is a queue of its own by the name `queue@name`, which reads the
// lanes of the queue's log beside what comes back to it alone. The log is a queue, too, which
// nobody sees: every block goes there once, however many read it, and is swept when all have, and
// the retention is over.
//
// Threads: that of the connection; changes only inside a write transaction.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "transport/sqlite/store.h"

namespace msgq::transport::sqlite {

// The log of a queue, made where there is none. What the queue was sent before is not kept.
Queue& open_log(Store& store, Queue& queue);

// Puts a block into the log of the queue, for its subscriptions and for those that go back. Nothing
// when it has neither.
void publish(Store& store, const Queue& queue, std::uint8_t band, const BlockPtr& block);

// The totals of a queue; those of a subscription count what was sent to its queue since it began.
Totals totals_of(Store& store, const Queue& queue);

// See Look.
bool subscribe(Store& store, std::string_view queue, std::string_view name, const Start& start);
std::uint64_t seek(Store& store, Queue& subscription, const Start& start);

// Deletes some blocks that all have read and that are old enough. True: there are more.
bool sweep_logs(Store& store);

}  // namespace msgq::transport::sqlite
