#include "dispatch/key_gate.h"

#include <algorithm>
#include <iterator>
#include <utility>

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

// Queues a key of which a message may go where that is wanted, and forgets it when nothing is left
// of it. To be called after each change.
void KeyGate::look(Entry& entry, Moves& moves) {
  Outlet* const wanted = entry.is_free() ? entry.waiting.front().outlet : nullptr;
  if (wanted != entry.queued_at && entry.queued_at != nullptr) {
    std::erase(entry.queued_at->queue_, &entry);
    entry.queued_at->note_queue();
  }
  if (wanted != nullptr && wanted != entry.queued_at) {
    wanted->queue_.push_back(&entry);
    wanted->note_queue();
    if (moves.fed.empty() || moves.fed.back().get() != wanted)
      moves.fed.push_back(wanted->shared_from_this());
  }
  entry.queued_at = wanted;
  if (!entry.is_idle()) return;
  const KeyId id = entry.id;
  entries_.erase(id);
}

bool KeyGate::admit(const Ref& what, Outlet& outlet, Moves& moves) {
  is_in_use_.store(true, std::memory_order_release);
  MutexLock lock(mutex_);
  const KeyId id = id_of(what);
  const KeyPlace place = place_of(what);
  Entry& entry = entries_.try_emplace(id).first->second;
  entry.id = id;
  if (what.held->claim.away.has(what.ordinal)) {
    const bool is_parked = !entry.goes_back_before(place);
    entry.leaving.insert_or_assign(place, Leaving{what, is_parked});
    (is_parked ? moves.behind : moves.back).push_back(what);
    look(entry, moves);
    return false;
  }
  // Behind one of its own claim that goes back already, it would keep the claim from ending.
  const bool goes_along =
      std::any_of(entry.leaving.begin(), entry.leaving.lower_bound(place),
                  [&](const auto& each) { return each.second.what.held == what.held; });
  if (goes_along) {
    entry.leaving.insert_or_assign(place, Leaving{what});
    moves.back.push_back(what);
    look(entry, moves);
    return false;
  }
  entry.leaving.erase(place);  // of a claim that is over, as its coming shows
  auto before = entry.waiting.end();
  while (before != entry.waiting.begin() && place < std::prev(before)->place) --before;
  entry.waiting.insert(before, {place, what, &outlet});
  outlet.note(what, true);
  look(entry, moves);
  return true;
}

// What is next of a key, and what may be run behind it in a row; how much.
std::uint32_t KeyGate::take_row(Entry& entry, std::uint32_t most, std::vector<Span>& out) {
  const Outlet* const outlet = entry.waiting.front().outlet;
  std::uint32_t count = 0;
  while (count < most && !entry.waiting.empty()) {
    Waiting& next = entry.waiting.front();
    const bool goes_along = count == 0 || (next.what.held == entry.taken.held &&
                                           next.outlet == outlet && entry.is_next_free());
    if (!goes_along) break;
    add(out, next.what);
    next.outlet->note(next.what, false);
    entry.taken.add(std::move(next.what));
    entry.waiting.pop_front();
    ++count;
  }
  return count;
}

std::uint32_t KeyGate::take(Outlet& outlet, std::uint32_t count_max, std::vector<Span>& out,
                            bool in_rows) {
  if (outlet.ready() == 0) return 0;
  const Nanos now = clock_.steady();
  MutexLock lock(mutex_);
  const auto keys = static_cast<std::uint32_t>(outlet.queue_.size());
  const std::uint32_t share = in_rows ? std::max(count_max / std::max(keys, 1u), 1u) : 1;
  std::uint32_t count = 0;
  while (count < count_max && !outlet.queue_.empty()) {
    Entry& entry = *outlet.queue_.front();
    outlet.queue_.pop_front();
    entry.queued_at = nullptr;
    entry.taken_at = now;
    count += take_row(entry, share, out);
  }
  outlet.note_queue();
  return count;
}

void KeyGate::withdraw(Outlet& outlet, std::vector<Span>& out, Moves& moves) {
  MutexLock lock(mutex_);
  std::vector<Entry*> touched;
  for (auto& [id, entry] : entries_) {
    const auto mine = std::find_if(entry.waiting.begin(), entry.waiting.end(),
                                   [&](const Waiting& each) { return each.outlet == &outlet; });
    if (mine == entry.waiting.end()) continue;
    touched.push_back(&entry);
    const KeyPlace first = mine->place;
    for (auto each = mine; each != entry.waiting.end();) {
      if (each->outlet == &outlet) {
        add(out, each->what);
        entry.leaving.insert_or_assign(each->place, Leaving{std::move(each->what)});
        each = entry.waiting.erase(each);
      } else {
        ++each;
      }
    }
    send(entry, first, moves.back, moves);
  }
  outlet.waiting_.store(0, std::memory_order_release);
  outlet.returned_.store(0, std::memory_order_release);
  for (Entry* entry : touched) look(*entry, moves);
}

std::deque<KeyGate::Waiting>::iterator KeyGate::drop(Entry& entry,
                                                     std::deque<Waiting>::iterator each,
                                                     Moves& moves) {
  each->outlet->note(each->what, false);
  moves.gone.emplace_back(each->outlet->shared_from_this(), each->what);
  return entry.waiting.erase(each);
}

// Those that wait behind a place leave, for `out`; of one claim only, where that is said.
void KeyGate::send(Entry& entry, const KeyPlace& behind, std::vector<Ref>& out, Moves& moves,
                   const HeldPtr& only) {
  for (auto each = entry.waiting.begin(); each != entry.waiting.end();) {
    if (!(behind < each->place) || (only != nullptr && each->what.held != only)) {
      ++each;
      continue;
    }
    out.push_back(each->what);
    entry.leaving.insert_or_assign(each->place, Leaving{each->what, &out == &moves.behind});
    each = drop(entry, each, moves);
  }
}

void KeyGate::shed(Outlet& outlet, std::vector<Shed>& out, Moves& moves) {
  const Nanos now = clock_.steady();
  MutexLock lock(mutex_);
  for (auto& [id, entry] : entries_) {
    const bool is_ours = !entry.waiting.empty() && entry.waiting.front().outlet == &outlet;
    if (is_ours && entry.leaving.empty() && entry.wait(now) > slow_) shed_one(entry, out, moves);
  }
}

void KeyGate::shed_one(Entry& entry, std::vector<Shed>& out, Moves& moves) {
  Shed shed;
  for (std::size_t i = entry.taken.first; i < entry.taken.ordinals.size(); ++i)
    add(shed.in_hand, {entry.taken.held, entry.taken.ordinals[i]});
  if (shed.in_hand.empty()) add(shed.in_hand, entry.waiting.front().what);
  const Span& last = shed.in_hand.back();
  const KeyPlace place = place_of({last.held, last.to - 1});
  for (auto each = entry.waiting.begin(); each != entry.waiting.end();) {
    if (!(place < each->place) || each->what.held->claim.is_returned) {
      ++each;
      continue;
    }
    add(shed.behind, each->what);
    entry.leaving.insert_or_assign(each->place, Leaving{each->what, true});
    each = drop(entry, each, moves);
  }
  if (!shed.behind.empty()) out.push_back(std::move(shed));
}

// What was taken is not decided, and stays in its claim.
void KeyGate::turn_back(Entry& entry, const Ref& what, Moves& moves) {
  entry.taken.drop(what);
  const KeyPlace place = place_of(what);
  entry.leaving.insert_or_assign(place, Leaving{what});
  send(entry, place, moves.back, moves);
}

void KeyGate::decide(const std::vector<Decided>& decided, Moves& moves) {
  const Nanos now = clock_.steady();
  MutexLock lock(mutex_);
  for (const Decided& each : decided) decide_one(each, now, moves);
}

void KeyGate::decide_one(const Decided& decided, Nanos now, Moves& moves) {
  const Ref& what = decided.what;
  Entry* const entry = find(what);
  if (entry == nullptr) return;
  const KeyPlace place = place_of(what);
  const bool is_parked = decided.verdict == Verdict::kRetry ||
                         decided.verdict == Verdict::kSnooze || decided.verdict == Verdict::kBehind;
  if (!entry->taken.has(what)) {  // its lease is over, or more than that
    const auto lapsed = entry->leaving.find(place);
    if (lapsed == entry->leaving.end() || !is_same(lapsed->second.what, what)) return;
    if (!std::exchange(lapsed->second.is_lapsed, false)) return;  // decided before
    if (!is_parked && decided.verdict != Verdict::kLeave) entry->leaving.erase(lapsed);
    return look(*entry, moves);
  }
  entry->note_pace(now);
  if (decided.verdict == Verdict::kLeave) {
    turn_back(*entry, what, moves);
  } else {
    if (is_parked) {
      entry->leaving.insert_or_assign(place, Leaving{what, true});
      send(*entry, place, moves.behind, moves, what.held);
    }
    entry->taken.drop(what);
  }
  look(*entry, moves);
}

void KeyGate::give_back(const std::vector<Span>& spans, Moves& moves) {
  const auto is_keyed = [](const Span& span) { return span.held->claim.is_keyed; };
  if (std::none_of(spans.begin(), spans.end(), is_keyed)) return;
  is_in_use_.store(true, std::memory_order_release);
  MutexLock lock(mutex_);
  for (const Span& span : spans)
    for (std::uint32_t i = span.from; i < span.to && is_keyed(span); ++i)
      if (!span.held->claim.done.has(i)) give_back_one({span.held, i}, moves);
}

void KeyGate::give_back_one(const Ref& what, Moves& moves) {
  const KeyId id = id_of(what);
  Entry& entry = entries_.try_emplace(id).first->second;
  entry.id = id;
  if (entry.taken.has(what)) {
    turn_back(entry, what, moves);
  } else if (!what.held->is_lost.load(std::memory_order_acquire)) {
    // of a claim that nobody here wanted, if not told of before
    if (entry.leaving.emplace(place_of(what), Leaving{what}).second)
      send(entry, place_of(what), moves.back, moves);
  }
  look(entry, moves);
}

// Those behind it go behind it, or back where it is in the store as it was.
void KeyGate::landed(const HeldPtr& held, std::uint32_t ordinal, Moves& moves) {
  MutexLock lock(mutex_);
  const Ref what{held, ordinal};
  Entry* const entry = find(what);
  if (entry == nullptr) return;
  const KeyPlace place = place_of(what);
  const auto found = entry->leaving.find(place);
  if (found == entry->leaving.end() || !is_same(found->second.what, what)) return;
  entry->leaving.erase(found);
  const bool goes_back =
      held->is_lost.load(std::memory_order_acquire) || entry->goes_back_before(place);
  send(*entry, place, goes_back ? moves.back : moves.behind, moves);
  look(*entry, moves);
}

void KeyGate::lapsed(const HeldPtr& held, Moves& moves) {
  MutexLock lock(mutex_);
  for (std::uint32_t i = held->total; i > 0; --i) lapse_one({held, i - 1}, moves);
}

void KeyGate::lapse_one(const Ref& what, Moves& moves) {
  Entry* const entry = find(what);
  if (entry == nullptr) return;
  const auto waiting = std::find_if(entry->waiting.begin(), entry->waiting.end(),
                                    [&](const Waiting& each) { return is_same(each.what, what); });
  if (waiting != entry->waiting.end()) {
    drop(*entry, waiting, moves);
    entry->leaving.insert_or_assign(place_of(what), Leaving{what});
    send(*entry, place_of(what), moves.back, moves);
  } else if (entry->taken.has(what)) {
    turn_back(*entry, what, moves);
    entry->leaving.at(place_of(what)).is_lapsed = true;
  } else {
    return;
  }
  look(*entry, moves);
}

void KeyGate::ended(const HeldPtr& held, Moves& moves) {
  MutexLock lock(mutex_);
  // the last first: what is ended itself need not be sent back
  for (std::uint32_t i = held->total; i > 0; --i) end_one({held, i - 1}, moves);
}

// The store has it again: what waits of its key must not overtake it.
void KeyGate::end_one(const Ref& what, Moves& moves) {
  Entry* const entry = find(what);
  if (entry == nullptr) return;
  const KeyPlace place = place_of(what);
  const auto leaving = entry->leaving.find(place);
  const auto waiting = std::find_if(entry->waiting.begin(), entry->waiting.end(),
                                    [&](const Waiting& each) { return is_same(each.what, what); });
  if (leaving != entry->leaving.end() && is_same(leaving->second.what, what)) {
    entry->leaving.erase(leaving);
  } else if (waiting != entry->waiting.end()) {
    drop(*entry, waiting, moves);
  } else if (entry->taken.has(what)) {
    entry->taken.drop(what);
  } else {
    return;
  }
  send(*entry, place, moves.back, moves);
  look(*entry, moves);
}

}  // namespace msgq
