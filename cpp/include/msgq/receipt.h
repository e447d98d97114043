// What a producer holds after enqueue. A receipt is pending, then settled exactly once: persisted,
// failed (certainly not written), in doubt, or dropped by the overflow policy.
//
// Threads: any thread may look, wait and ask to be told; one thread (the writer) settles it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "msgq/error.h"
#include "msgq/message.h"

namespace msgq {

enum class ReceiptStatus : std::uint32_t {
  kPending,
  kPersisted,
  kDuplicate,
  kFailed,
  kInDoubt,
  kDropped,
};

// A readable descriptor for a foreign event loop. Tokens are posted by C++ threads and drained by
// the loop in one go, so many receipts cost one wake-up.
class Waker {
 public:
  Waker();
  ~Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;

  int descriptor() const { return descriptor_; }
  void post(std::uint64_t token);
  // Makes the descriptor readable without a token.
  void poke();
  // Takes every token posted so far and makes the descriptor unreadable.
  std::vector<std::uint64_t> drain();

 private:
  struct Tokens;
  int descriptor_;
  std::unique_ptr<Tokens> tokens_;
  std::atomic<bool> is_signalled_{false};
};

class Receipt {
 public:
  // A message of which one with the same dedup id was there: it was not stored.
  struct Duplicate {
    std::uint32_t index = 0;
    MessageId earlier;
    bool is_same = true;  // they have one body
  };

  Receipt(MessageId first_id, std::uint32_t count)
      : first_id_(first_id), count_(count), end_(count) {}

  MessageId first_id() const { return first_id_; }
  std::uint32_t count() const { return count_; }
  ReceiptStatus status() const { return ReceiptStatus(status_.load(std::memory_order_acquire)); }
  bool is_done() const { return status() != ReceiptStatus::kPending; }
  // Why it failed or is in doubt; empty otherwise. REQUIRES: is_done().
  const std::optional<Error>& error() const { return error_; }
  // By index. REQUIRES: is_done().
  const std::vector<Duplicate>& duplicates() const { return duplicates_; }
  // Of one message: its own, or that of the earlier one where it is a duplicate.
  MessageId id(std::uint32_t index) const;
  ReceiptStatus status(std::uint32_t index) const;

  // Waits until settled or for `timeout`; true when settled. Blocks; hold no lock and no GIL.
  bool wait(std::chrono::nanoseconds timeout) const;
  // Posts `token` to `waker` once settled, at once if it is already. At most one waker a receipt.
  void notify(std::shared_ptr<Waker> waker, std::uint64_t token);
  // Settles. Only the first call counts. REQUIRES: status is not kPending.
  void resolve(ReceiptStatus status, std::optional<Error> error = std::nullopt);
  // Before resolve(), by whoever calls that: by rising index.
  void note(const Duplicate& duplicate) { duplicates_.push_back(duplicate); }
  // So is this: the messages from `from` on, which come later, get a receipt of their own. Of what
  // is cut twice the earlier rest is that of the later one.
  std::shared_ptr<Receipt> cut(std::uint32_t from);
  // Where its rest begins, and the receipt of that: count() and null unless it was cut. What is
  // said of the whole receipt is said of those before. REQUIRES: is_done().
  std::uint32_t end() const { return end_; }
  const std::shared_ptr<Receipt>& rest() const { return rest_; }

 private:
  // fixed after construction
  const MessageId first_id_;
  const std::uint32_t count_;
  // written once, before status_ is released
  std::optional<Error> error_;
  std::vector<Duplicate> duplicates_;
  std::uint32_t end_;
  std::shared_ptr<Receipt> rest_;
  // atomic: release store in resolve() pairs with the acquire load in status()
  std::atomic<std::uint32_t> status_{0};
  mutable std::atomic<std::uint32_t> waiters_{0};
  std::atomic<std::uint32_t> claim_{0};   // who may settle
  std::atomic<std::uint32_t> notice_{0};  // 0 none, 1 registered, 2 settled: exactly one side posts
  std::shared_ptr<Waker> waker_;
  std::uint64_t token_ = 0;
};

using ReceiptPtr = std::shared_ptr<Receipt>;

}  // namespace msgq
