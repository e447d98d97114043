#include "msgq/receipt.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "base/check.h"
#include "base/event.h"
#include "base/inbox.h"

namespace msgq {

struct Waker::Tokens {
  Inbox<std::uint64_t> inbox;
};

Waker::Waker() : descriptor_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), tokens_(new Tokens) {
  if (descriptor_ < 0)
    throw Error(ErrorCode::kStoreUnavailable, "no file descriptor left for an event loop's waker");
}

Waker::~Waker() { ::close(descriptor_); }

void Waker::post(std::uint64_t token) {
  tokens_->inbox.push(token);
  poke();
}

void Waker::poke() {
  // One write for all tokens until the next drain(); pairs with the store there.
  if (is_signalled_.exchange(true, std::memory_order_seq_cst)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(descriptor_, &one, sizeof one);
}

std::vector<std::uint64_t> Waker::drain() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(descriptor_, &count, sizeof count);
  // Before popping: a token pushed after the pops sees false and writes again.
  // It is an exchange to see what whoever signalled pushed before.
  is_signalled_.exchange(false, std::memory_order_seq_cst);
  std::vector<std::uint64_t> tokens;
  while (tokens_->inbox.pop_some(tokens, 1024) > 0) {
  }
  return tokens;
}

namespace {

const Receipt::Duplicate* find(const std::vector<Receipt::Duplicate>& all, std::uint32_t index) {
  const auto found = std::lower_bound(
      all.begin(), all.end(), index,
      [](const Receipt::Duplicate& each, std::uint32_t i) { return each.index < i; });
  return found != all.end() && found->index == index ? &*found : nullptr;
}

}  // namespace

MessageId Receipt::id(std::uint32_t index) const {
  const Duplicate* const found = is_done() ? find(duplicates_, index) : nullptr;
  return found != nullptr ? found->earlier : first_id_.plus(index);
}

ReceiptStatus Receipt::status(std::uint32_t index) const {
  const ReceiptStatus all = status();
  if (all != ReceiptStatus::kPersisted || duplicates_.empty()) return all;
  return find(duplicates_, index) != nullptr ? ReceiptStatus::kDuplicate : all;
}

std::shared_ptr<Receipt> Receipt::cut(std::uint32_t from) {
  auto rest = std::make_shared<Receipt>(first_id_.plus(from), end_ - from);
  rest->rest_ = std::move(rest_);
  rest_ = rest;
  end_ = from;
  return rest;
}

bool Receipt::wait(std::chrono::nanoseconds timeout) const {
  const Nanos until = timeout >= kNever - steady_now() ? kNever : steady_now() + timeout;
  waiters_.fetch_add(1, std::memory_order_seq_cst);
  while (!is_done()) {
    const Nanos left = until == kNever ? kNever : until - steady_now();
    if (left <= Nanos::zero()) break;
    futex_wait(&status_, static_cast<std::uint32_t>(ReceiptStatus::kPending), left);
  }
  waiters_.fetch_sub(1, std::memory_order_relaxed);
  return is_done();
}

void Receipt::notify(std::shared_ptr<Waker> waker, std::uint64_t token) {
  waker_ = std::move(waker);
  token_ = token;
  // acq_rel: the writer's exchange sees waker_ and token_, or we see that it has settled.
  if (notice_.exchange(1, std::memory_order_acq_rel) == 2) waker_->post(token_);
}

void Receipt::resolve(ReceiptStatus status, std::optional<Error> error) {
  MSGQ_CHECK(status != ReceiptStatus::kPending, "a receipt settles as something");
  if (claim_.exchange(1, std::memory_order_acq_rel) != 0) return;
  error_ = std::move(error);
  status_.store(static_cast<std::uint32_t>(status), std::memory_order_seq_cst);
  if (waiters_.load(std::memory_order_seq_cst) > 0) futex_wake(&status_, 1 << 30);
  if (notice_.exchange(2, std::memory_order_acq_rel) == 1) waker_->post(token_);
}

}  // namespace msgq
