#include "dispatch/key_gate.h"

#include <algorithm>
#include <iterator>

namespace msgq {
namespace {

bool is_same(const KeyGate::Ref& a, const KeyGate::Ref& b) {
  return a.held == b.held && a.ordinal == b.ordinal;
}

// Appends a message to spans, to the last one where it follows that.
void add(std::vector<Span>& out, const KeyGate::Ref& what) {
  if (!out.empty() && out.back().to == what.ordinal && out.back().held == what.held)
    ++out.back().to;
  else
    out.push_back({what.held, what.ordinal, what.ordinal + 1});
}

}  // namespace

KeyGate::Entry* KeyGate::find(const Ref& what) {
  const auto found = entries_.find(id_of(what));
  return found == entries_.end() ? nullptr : &found->second;
}

// Queues a key of which a message may go, or forgets it when nothing is left of it.
void KeyGate::look(Entry& entry, Moves* moves) {
  if (entry.queued_at != nullptr) return;
  if (entry.is_idle()) {
    entries_.erase(entry.id);
  } else if (!entry.is_busy() && !entry.waiting.empty()) {
    Outlet& outlet = *entry.waiting.front().outlet;
    entry.queued_at = &outlet;
    outlet.queue_.push_back(&entry);
    outlet.note_queue();
    if (moves != nullptr && (moves->fed.empty() || moves->fed.back().get() != &outlet))
      moves->fed.push_back(outlet.shared_from_this());
  }
}

void KeyGate::admit(const Ref& what, Outlet& outlet, Moves& moves) {
  is_in_use_.store(true, std::memory_order_release);
  MutexLock lock(mutex_);
  const KeyId id = id_of(what);
  Entry& entry = entries_.try_emplace(id).first->second;
  entry.id = id;
  const KeyPlace place = place_of(what);
  const bool follows = !entry.on_way.empty() && *entry.on_way.begin() < place;
  if (what.held->claim.away.has(what.ordinal) || follows) {
    entry.on_way.insert(place);
    moves.behind.push_back(what);
    return;
  }
  auto next = entry.waiting.end();
  while (next != entry.waiting.begin() && place < place_of(std::prev(next)->what)) --next;
  entry.waiting.insert(next, {what, &outlet});
  outlet.waiting_.fetch_add(1, std::memory_order_acq_rel);
  look(entry, &moves);
}

std::uint32_t KeyGate::take(Outlet& outlet, std::uint32_t count_max, std::vector<Span>& out) {
  if (outlet.ready() == 0) return 0;
  MutexLock lock(mutex_);
  std::uint32_t count = 0;
  while (count < count_max && !outlet.queue_.empty()) {
    Entry& entry = *outlet.queue_.front();
    outlet.queue_.pop_front();
    entry.queued_at = nullptr;
    if (entry.is_busy() || entry.waiting.empty() || entry.waiting.front().outlet != &outlet) {
      look(entry, nullptr);  // it has changed since it was queued
      continue;
    }
    entry.taken = std::move(entry.waiting.front().what);
    entry.waiting.pop_front();
    add(out, entry.taken);
    ++count;
  }
  outlet.waiting_.fetch_sub(count, std::memory_order_acq_rel);
  outlet.note_queue();
  return count;
}

void KeyGate::withdraw(Outlet& outlet, std::vector<Span>& out) {
  MutexLock lock(mutex_);
  for (auto& [id, entry] : entries_)
    for (auto each = entry.waiting.begin(); each != entry.waiting.end();) {
      if (each->outlet == &outlet) {
        add(out, each->what);
        entry.holes.push_back(each->what);
        each = entry.waiting.erase(each);
      } else {
        ++each;
      }
    }
  for (Entry* entry : std::exchange(outlet.queue_, {})) entry->queued_at = nullptr;
  outlet.waiting_.store(0, std::memory_order_release);
  outlet.note_queue();
}

void KeyGate::leave(const Waiting& each, Moves& moves) {
  each.outlet->waiting_.fetch_sub(1, std::memory_order_acq_rel);
  moves.gone.emplace_back(each.outlet->shared_from_this(), each.what);
}

// Everything of the key that waits goes behind the message that is to be parked.
void KeyGate::send_behind(Entry& entry, Moves& moves) {
  for (Waiting& each : entry.waiting) {
    entry.on_way.insert(place_of(each.what));
    leave(each, moves);
    moves.behind.push_back(std::move(each.what));
  }
  entry.waiting.clear();
}

// Everything of the key that waits goes back, behind what went back before it.
void KeyGate::send_back(Entry& entry, Moves& moves) {
  for (Waiting& each : entry.waiting) {
    leave(each, moves);
    moves.back.push_back(each.what);
    entry.holes.push_back(std::move(each.what));
  }
  entry.waiting.clear();
}

void KeyGate::decide(const std::vector<Decided>& decided, Moves& moves) {
  MutexLock lock(mutex_);
  for (const Decided& each : decided) decide_one(each, moves);
}

void KeyGate::decide_one(const Decided& decided, Moves& moves) {
  Entry* const entry = find(decided.what);
  if (entry == nullptr || !is_same(entry->taken, decided.what)) return;
  entry->taken = {};
  if (decided.verdict == Verdict::kRetry || decided.verdict == Verdict::kSnooze) {
    entry->on_way.insert(place_of(decided.what));
    send_behind(*entry, moves);
  } else if (decided.verdict == Verdict::kLeave) {
    entry->holes.push_back(decided.what);
  }
  look(*entry, &moves);
}

void KeyGate::give_back(const std::vector<Span>& spans) {
  MutexLock lock(mutex_);
  for (const Span& span : spans)
    for (std::uint32_t i = span.from; i < span.to; ++i) {
      const Ref what{span.held, i};
      Entry* const entry = span.held->claim.is_keyed ? find(what) : nullptr;
      if (entry == nullptr || !is_same(entry->taken, what)) continue;
      entry->taken = {};
      entry->holes.push_back(what);
    }
}

void KeyGate::landed(const HeldPtr& held, std::uint32_t ordinal, Moves& moves) {
  MutexLock lock(mutex_);
  Entry* const entry = find({held, ordinal});
  if (entry == nullptr) return;
  entry->on_way.erase(held->place(ordinal));
  look(*entry, &moves);
}

void KeyGate::ended(const HeldPtr& held, Moves& moves) {
  MutexLock lock(mutex_);
  for (std::uint32_t i = 0; i < held->total; ++i) end_one({held, i}, moves);
}

// The store has it again: what waits of its key must not overtake it.
void KeyGate::end_one(const Ref& what, Moves& moves) {
  Entry* const entry = find(what);
  if (entry == nullptr) return;
  const auto hole = std::find_if(entry->holes.begin(), entry->holes.end(),
                                 [&](const Ref& each) { return is_same(each, what); });
  const auto waiting = std::find_if(entry->waiting.begin(), entry->waiting.end(),
                                    [&](const Waiting& each) { return is_same(each.what, what); });
  const bool was_taken = is_same(entry->taken, what);
  if (hole == entry->holes.end() && waiting == entry->waiting.end() && !was_taken) return;
  if (hole != entry->holes.end()) entry->holes.erase(hole);
  if (waiting != entry->waiting.end()) {
    leave(*waiting, moves);
    entry->waiting.erase(waiting);
  }
  if (was_taken) entry->taken = {};
  send_back(*entry, moves);
  look(*entry, &moves);
}

}  // namespace msgq
