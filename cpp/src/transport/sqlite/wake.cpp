#include "transport/sqlite/wake.h"

namespace msgq::transport::sqlite {

SideWake::SideWake(SideFile& file, ProcessLock& process)
    : file_(file), slot_(process.slot()), seen_(slot_ != nullptr ? slot_->hint.load() : 0) {}

void SideWake::hint() {
  SidePage& page = file_.page();
  const std::uint32_t used = page.used.load();
  for (std::uint32_t i = 0; i < used && i < SidePage::kSlotCount; ++i) {
    SideSlot& slot = page.slots[i];
    if (&slot == slot_ || slot.process.load(std::memory_order_relaxed) == 0) continue;
    slot.hint.fetch_add(1);
    // seq_cst add and load pair with those in wait(): it sees the new word, or we see it asleep.
    if (slot.sleeps.load() != 0) futex_wake(&slot.hint, 1, true);
  }
}

bool SideWake::wait(Nanos timeout) {
  if (slot_ == nullptr) {
    const std::uint32_t key = stopped_.key();
    if (!is_stopped_.load()) stopped_.wait(key, timeout);
    return false;
  }
  slot_->sleeps.store(1);
  if (slot_->hint.load() == seen_ && !is_stopped_.load())
    futex_wait(&slot_->hint, seen_, timeout, true);
  slot_->sleeps.store(0);
  const std::uint32_t now = slot_->hint.load();
  const bool is_hinted = now != seen_ && !is_stopped_.load();
  seen_ = now;
  return is_hinted;
}

void SideWake::stop() {
  is_stopped_.store(true);
  stopped_.signal();
  if (slot_ == nullptr) return;
  slot_->hint.fetch_add(1);
  futex_wake(&slot_->hint, 1, true);
}

}  // namespace msgq::transport::sqlite
