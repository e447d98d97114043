#include "transport/postgres/outbox_watch.h"

namespace msgq::transport::postgres {
namespace {

constexpr Nanos kGap = std::chrono::milliseconds(80);

}  // namespace

void OutboxWatch::try_take(Connection& connection, Nanos now) {
  if (next_at_ != kNever || connection.is_pooled()) return;
  if (connection.call("try_watch").integer(0, 0) == 0) return;
  mark_ = 0;
  next_at_ = now;
}

bool OutboxWatch::look(Connection& connection, Nanos now) {
  next_at_ = now + kGap;
  Params params;
  params.integer(mark_);
  const Rows found = connection.call("watch_outbox", params);
  mark_ = found.integer(0, 1);
  return found.integer(0, 0) != 0;
}

}  // namespace msgq::transport::postgres
