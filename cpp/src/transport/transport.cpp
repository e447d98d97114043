#include "transport/transport.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "msgq/error.h"

namespace msgq::transport {
namespace {

std::string moment(std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1'000;
  std::tm parts{};
  std::array<char, 32> text{};
  gmtime_r(&seconds, &parts);
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts)};
}

}  // namespace

QueueFull::QueueFull(std::string name, std::uint64_t held, const QueueSettings& its,
                     std::vector<Duplicate> there)
    : Error(ErrorCode::kQueueFull, "queue '" + name + "' holds " + std::to_string(held) +
                                       " messages, at most " + std::to_string(its.length_max) +
                                       " are allowed (its max_length)"),
      queue(std::move(name)),
      room(its.length_max - std::min(its.length_max, held)),
      settings(its),
      duplicates(std::move(there)) {}

std::vector<AckFate> Look::bar(const std::vector<AckPlace>&) {
  throw Error(ErrorCode::kUnsupported,
              "no transaction of a user's own reaches this store; postgresql has them");
}

void apply(const DeadEdit& edit, StoredMessage& message) {
  if (edit.body) message.body = *edit.body;
  if (edit.headers) message.headers = *edit.headers;
  if (edit.redrives) message.renew();
}

void refuse_due(MessageId id, std::int64_t expires_ms) {
  throw Error(ErrorCode::kConfigInvalid,
              "the ttl of message " + id.to_string() + " ends at " + moment(expires_ms) +
                  ", before it would be due: it would never be run; nothing was rescheduled");
}

}  // namespace msgq::transport
