// Several things as one: from what is kept and decided to a bundle.
#include <algorithm>
#include <iterator>

#include "engine_impl.h"
#include "engine_lots.h"
#include "msgq/engine.h"

namespace msgq {

BundlePtr Engine::Impl::make_bundle(const std::vector<KeptPtr>& kept, Nanos wait) {
  auto bundle = std::make_shared<Bundle>();
  for (const auto& each : kept) {
    const auto& parcel = static_cast<const KeptParcel&>(*each);
    bundle->count += parcel.count();
    bundle->bytes += parcel.bytes();
  }
  bundle->count = std::max<std::uint64_t>(bundle->count, 1);
  if (!admission.acquire(bundle->count, bundle->bytes, wait)) {
    require_open();
    throw Error(ErrorCode::kQueueFull,
                "no room for what is on its way into the store; nothing was enqueued or changed");
  }
  bundle->admitted_at = world.clock.steady();
  bundle->receipt = std::make_shared<Receipt>(MessageId{}, 1);
  for (const auto& each : kept) {
    Admitted admitted = static_cast<KeptParcel&>(*each).take();
    admitted.admitted_at = bundle->admitted_at;
    admitted.is_bundled = true;
    count(admitted.traffic->enqueued, admitted.count);
    count(admitted.traffic->in_flight, admitted.count);
    bundle->parcels.push_back(std::move(admitted));
  }
  return bundle;
}

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
  ReceiptPtr receipt = bundle->receipt;
  impl_->bundler().push(std::move(bundle));
  impl_->writer.poke();
  return receipt;
}

}  // namespace msgq
