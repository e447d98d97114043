#include "transport/sqlite/process_lock.h"

namespace msgq::transport::sqlite {
namespace {

// Ids are 2^48 to 2^62: far above the bytes that mean something else, and valid file offsets.
constexpr std::uint64_t kIdBelow = 1ull << 62;
constexpr std::uint64_t kIdFrom = 1ull << 48;

}  // namespace

ProcessLock::ProcessLock(SideFile& file, Random& random) : file_(file) {
  do {
    id_ = static_cast<std::int64_t>(kIdFrom + random.below(kIdBelow - kIdFrom));
  } while (!file_.try_lock(id_));
  take_slot();
}

ProcessLock::~ProcessLock() {
  if (slot_ != nullptr) {
    slot_->waits_since.store(0);
    slot_->sleeps.store(0);
    slot_->process.store(0);
  }
  file_.unlock(id_);
}

bool ProcessLock::is_alive(std::int64_t process) {
  return process == id_ || file_.is_locked(process);
}

void ProcessLock::take_slot() {
  SidePage& page = file_.page();
  for (std::uint32_t i = 0; i < SidePage::kSlotCount; ++i) {
    SideSlot& slot = page.slots[i];
    std::uint64_t holder = slot.process.load();
    if (holder != 0 && is_alive(static_cast<std::int64_t>(holder))) continue;
    if (!slot.process.compare_exchange_strong(holder, static_cast<std::uint64_t>(id_))) continue;
    slot.waits_since.store(0);
    slot.sleeps.store(0);
    slot_ = &slot;
    std::uint32_t used = page.used.load();
    while (used <= i && !page.used.compare_exchange_weak(used, i + 1)) {
    }
    return;
  }
}

}  // namespace msgq::transport::sqlite
