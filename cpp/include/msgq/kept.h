// Messages kept back until they are committed together with something else.
//
// Threads: one owner at a time.
#pragma once

#include <memory>

#include "msgq/receipt.h"

namespace msgq {

// Destroyed before it is committed, its receipt says that it was not sent, as after drop().
class Kept {
 public:
  virtual ~Kept() = default;
  virtual const ReceiptPtr& receipt() const = 0;
  virtual void drop(const Error& why) = 0;
};

using KeptPtr = std::shared_ptr<Kept>;

}  // namespace msgq
