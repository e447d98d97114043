// Several things as one: from what is kept and decided to a bundle.
#include <algorithm>
#include <iterator>

#include "engine_impl.h"
#include "engine_lots.h"
#include "msgq/engine.h"

namespace msgq {

KeptPtr Engine::keep(Parcel parcel) {
  impl_->require_open();
  impl_->check(parcel);
  Admitted admitted = impl_->make_admitted(parcel, impl_->book.find(parcel.queue), true);
  admitted.parcel = std::move(parcel);
  return std::make_shared<KeptParcel>(std::move(admitted));
}

ReceiptPtr Engine::commit(std::vector<Part> parts, const std::vector<KeptPtr>& kept,
                          std::chrono::nanoseconds wait, bool is_patient) {
  impl_->require_open();
  auto bundle = impl_->make_bundle(kept, wait);
  bundle->is_patient = is_patient;
  auto settled = std::make_shared<Settled>();
  settled->only_named = true;
  for (Part& part : parts) {
    SpanLot& lot = span_lot(part.lot);
    auto named = name_decisions(lot, std::move(part.decisions));
    lot.leave(static_cast<std::uint32_t>(named.size()));
    std::move(named.begin(), named.end(), std::back_inserter(settled->named));
  }
  bundle->join = [impl = impl_.get(), settled] { return impl->settler.join(*settled); };
  const ReceiptPtr receipt = bundle->receipt;
  impl_->bundler().push(std::move(bundle));
  impl_->writer.poke();
  return receipt;
}

}  // namespace msgq
