// What is kept, and given up to a bundle once.
//
// Threads: one owner at a time.
#pragma once

#include <utility>

#include "intake/admitted.h"
#include "msgq/kept.h"

namespace msgq {

class KeptParcel final : public Kept {
 public:
  explicit KeptParcel(Admitted admitted)
      : receipt_(admitted.receipt), admitted_(std::move(admitted)) {}
  ~KeptParcel() override {
    drop(Error(ErrorCode::kRolledBack, "what it was part of did not come about; not enqueued"));
  }
  const ReceiptPtr& receipt() const override { return receipt_; }
  void drop(const Error& why) override {
    if (!is_taken_) receipt_->resolve(ReceiptStatus::kFailed, why);
  }
  std::uint32_t count() const { return admitted_.count; }
  std::uint64_t bytes() const { return admitted_.bytes; }
  // For the bundle that they are part of. Once.
  Admitted take() {
    is_taken_ = true;
    return std::move(admitted_);
  }

 private:
  const ReceiptPtr receipt_;
  Admitted admitted_;
  bool is_taken_ = false;
};

}  // namespace msgq
