#include "simulator/model.h"

#include <charconv>

namespace msgq::sim {
namespace {

const char* name_of(MessageState state) {
  constexpr const char* kNames[] = {"unsent", "waiting", "leased", "parked",
                                    "done",   "dead",    "purged"};
  return kNames[static_cast<std::size_t>(state)];
}

bool is_open(MessageState state) {
  return state == MessageState::kWaiting || state == MessageState::kLeased ||
         state == MessageState::kParked;
}

std::string text(std::uint64_t value) { return std::to_string(value); }

}  // namespace

std::uint32_t number_of(std::string_view body) {
  std::uint32_t number = ~0u;
  std::from_chars(body.data(), body.data() + body.size(), number);
  return number;
}

Tally& Tally::operator+=(const Tally& other) {
  lost_settles += other.lost_settles;
  lapses += other.lapses;
  deaths += other.deaths;
  suspects += other.suspects;
  worker_lost += other.worker_lost;
  given_back += other.given_back;
  extends += other.extends;
  promoted += other.promoted;
  redriven += other.redriven;
  purged += other.purged;
  keyed += other.keyed;
  behind += other.behind;
  shed += other.shed;
  return *this;
}

void Model::violate(const std::string& what) {
  if (violation_.empty()) violation_ = what;
}

// --- producers ---

std::uint32_t Model::add_message(std::uint32_t queue, bool is_poison, std::uint32_t key) {
  messages_.push_back({});
  messages_.back().queue = queue;
  messages_.back().is_poison = is_poison;
  messages_.back().key = key;
  if (key != 0) keys_[{queue, key}].push_back(message_count() - 1);
  return message_count() - 1;
}

void Model::acknowledged(std::uint32_t number) {
  fold(number);
  if (message(number).state == MessageState::kUnsent)
    violate("I1: message " + text(number) + " was acknowledged and is not stored");
}

void Model::failed(std::uint32_t number) {
  message(number).has_failed = true;
  if (message(number).state != MessageState::kUnsent)
    violate("I1: message " + text(number) + " was reported as not stored, and is");
}

// --- handlers ---

void Model::delivered(std::uint32_t process, std::uint32_t number, std::uint64_t gen,
                      std::uint32_t attempt) {
  fold(gen * 31 + number);
  const auto found = claims_.find(gen);
  if (number >= message_count() || found == claims_.end() || found->second.process != process)
    return violate("I1: unexpected delivery of " + text(number) + " under gen " + text(gen));
  ModelClaim& claim = found->second;
  for (std::size_t i = 0; i < claim.messages.size(); ++i) {
    if (claim.messages[i] != number) continue;
    if (claim.seen[i] != Seen::kNo)
      violate("I3: message " + text(number) + " was handed out twice under gen " + text(gen));
    check_order(number, claim);
    claim.seen[i] = Seen::kRunning;
    const ModelMessage& m = message(number);
    if (m.gen == gen && m.state == MessageState::kLeased && m.counted != attempt)
      violate("I5: message " + text(number) + " was handed out as attempt " + text(attempt) +
              ", it is its " + text(m.counted));
    return;
  }
  violate("I1: gen " + text(gen) + " does not hold message " + text(number));
}

void Model::decided(std::uint64_t gen, std::uint32_t number, Seen verdict) {
  ModelClaim& claim = claims_.at(gen);
  for (std::size_t i = 0; i < claim.messages.size(); ++i)
    if (claim.messages[i] == number) claim.seen[i] = verdict;
  const bool is_completed = verdict == Seen::kAck || verdict == Seen::kReject;
  ModelMessage& m = message(number);
  if (is_completed && m.gen == gen) m.is_completed = true;
}

// --- the border of the store ---

void Model::committed(std::uint32_t process, const Exchange& asked, const ExchangeResult& out) {
  if (!violation_.empty()) return;
  fold(process);
  if (dead_.contains(process)) return violate("a dead process exchanged");
  for (std::size_t i = 0; i < asked.settles.size(); ++i)
    settled(process, asked.settles[i], out.settle_lost.at(i));
  for (std::size_t i = 0; i < asked.extends.size(); ++i) {
    const bool was_open = open_.contains(asked.extends[i].claim.gen);
    if (was_open == out.extend_lost.at(i))
      violate("I3: an extend of gen " + text(asked.extends[i].claim.gen) +
              (was_open ? " was refused" : " was accepted after its lease was lost"));
    if (!was_open) continue;
    claims_.at(asked.extends[i].claim.gen).until_ms = asked.extends[i].until_ms;
    ++tally_.extends;
  }
  appended(asked);
  promoted(out.promoted, asked.promote_max);
  if (asked.reclaims) reclaimed(out.reclaimed);
  for (const auto& answer : out.claims)
    for (const auto& each : answer.claims) claimed(process, each);
}

void Model::settled(std::uint32_t process, const SettleOrder& order, bool is_lost) {
  const std::uint64_t gen = order.claim.gen;
  fold(gen * 2 + (is_lost ? 1 : 0));
  if (is_lost != !open_.contains(gen))
    return violate("I3: a settle of gen " + text(gen) + " by process " + text(process) +
                   (is_lost ? " was refused though its lease holds"
                            : " was accepted though its lease was lost"));
  if (is_lost) {
    ++tally_.lost_settles;
    return;
  }
  ModelClaim& claim = claims_.at(gen);
  bool is_left = false;
  for (std::uint32_t i = 0; i < claim.messages.size(); ++i) {
    if (claim.decided[i]) continue;
    if (order.is_whole || order.done.has(i)) {
      claim.decided[i] = true;
      decide(claim, i, order);
    } else {
      is_left = true;
    }
  }
  for (const auto& back : order.backs) {
    const bool is_behind = back.kind == SettleOrder::Return::kBehind;
    const std::uint32_t number = number_of(back.message.body);
    if (is_behind) wait_behind(back, number);
    park(number, is_behind ? clock_.wall_ms() : back.due_ms);
  }
  const std::uint32_t queue = message(claim.messages.front()).queue;
  for (const std::uint64_t hash : order.keys) named(queue, hash);
  if (!is_left) {
    claim.is_open = false;
    open_.erase(gen);
  } else if (order.gives_back) {
    give_back(claim);
  }
}

void Model::decide(const ModelClaim& claim, std::uint32_t ordinal, const SettleOrder& order) {
  const std::uint32_t number = claim.messages[ordinal];
  const Seen seen = claim.seen[ordinal];
  for (const auto& back : order.backs)
    if (number_of(back.message.body) == number) return send_back(back, number, seen);
  for (const auto& dead : order.deads) {
    if (number_of(dead.message.body) != number) continue;
    if (seen != Seen::kReject)
      violate("message " + text(number) + " was buried, its handler said otherwise");
    return set_state(number, MessageState::kDead);
  }
  if (seen != Seen::kAck)
    violate("I1: message " + text(number) + " is done and no handler under gen " + text(claim.gen) +
            " said so");
  set_state(number, MessageState::kDone);
}

void Model::send_back(const SettleOrder::Back& back, std::uint32_t number, Seen seen) {
  ModelMessage& m = message(number);
  const bool is_behind = back.kind == SettleOrder::Return::kBehind;
  const bool is_snooze = back.kind == SettleOrder::Return::kSnooze;
  if (is_snooze || is_behind) --m.counted;
  tally_.behind += is_behind ? 1 : 0;
  const bool is_wanted = is_behind   ? seen == Seen::kNo && m.key != 0
                         : is_snooze ? seen != Seen::kAck && seen != Seen::kReject
                                     : seen == Seen::kRetry;
  if (!is_wanted) violate("message " + text(number) + " was sent back, its handler said otherwise");
  if (back.message.counts.deliveries != m.counted)
    violate("I5: message " + text(number) + " is parked with " +
            text(back.message.counts.deliveries) + " deliveries, it had " + text(m.counted));
  if (back.message.counts.crashes != m.crashes)
    violate("I5: message " + text(number) + " is parked with " + text(back.message.counts.crashes) +
            " crashes, it had " + text(m.crashes));
}

void Model::give_back(ModelClaim& claim) {
  ++tally_.given_back;
  claim.is_open = false;
  open_.erase(claim.gen);
  for (std::size_t i = 0; i < claim.messages.size(); ++i) {
    if (claim.decided[i]) continue;
    --message(claim.messages[i]).counted;
    set_state(claim.messages[i], MessageState::kWaiting);
  }
}

void Model::closed(std::uint32_t process) {
  fold(process + 7);
  const auto open = open_;
  for (const std::uint64_t gen : open)
    if (claims_.at(gen).process == process) give_back(claims_.at(gen));
}

void Model::store(std::uint32_t number, MessageState state) {
  if (number >= message_count()) return violate("I1: somebody else's message was appended");
  const ModelMessage& m = message(number);
  if (m.state != MessageState::kUnsent)
    violate("message " + text(number) + " was stored twice; it is " + name_of(m.state));
  if (m.has_failed)
    violate("I1: message " + text(number) + " was stored after its producer was told it is not");
  ++open_count_;
  messages_[number].state = state;
  messages_[number].order = ++orders_;
}

void Model::appended(const Exchange& asked) {
  for (const auto& append : asked.appends)
    for (std::uint32_t i = 0; i < append.block->count(); ++i) {
      const auto view = append.block->view(i);
      store(number_of(view.body), MessageState::kWaiting);
      if (number_of(view.body) < message_count()) message(number_of(view.body)).id = view.id;
    }
  for (const auto& each : asked.parks) {
    const std::uint32_t number = number_of(each.message.body);
    store(number, MessageState::kParked);
    if (number >= message_count()) return;
    message(number).id = each.message.id;
    park(number, each.due_ms);
  }
}

void Model::promoted(std::uint32_t count, std::uint32_t most) {
  std::uint32_t due = 0;
  while (due < most && !parked_.empty() && std::get<0>(*parked_.begin()) <= clock_.wall_ms()) {
    set_state(std::get<2>(*parked_.begin()), MessageState::kWaiting);
    parked_.erase(parked_.begin());
    ++due;
  }
  if (most > 0) due += promote_keys();
  tally_.promoted += due;
  if (due != count)
    violate("I6: " + text(count) + " messages were promoted, " + text(due) + " were due");
}

void Model::reclaimed(std::uint32_t count) {
  std::uint32_t ended = 0;
  const auto open = open_;
  for (const std::uint64_t gen : open) {
    ModelClaim& claim = claims_.at(gen);
    const bool is_dead = dead_.contains(claim.process);
    if (!is_dead && claim.until_ms > clock_.boot_ms()) continue;
    lapse(claim, is_dead);
    ++ended;
  }
  if (ended != count)
    violate("I3: " + text(count) + " claims were reclaimed, " + text(ended) + " had ended");
}

bool Model::has_ended(std::uint64_t gen) const {
  const auto claim = claims_.find(gen);
  return claim != claims_.end() &&
         (dead_.contains(claim->second.process) || claim->second.until_ms <= clock_.boot_ms());
}

void Model::lapse(ModelClaim& claim, bool is_dead) {
  ++(is_dead ? tally_.deaths : tally_.lapses);
  claim.is_open = false;
  open_.erase(claim.gen);
  for (std::size_t i = 0; i < claim.messages.size(); ++i) {
    if (claim.decided[i]) continue;
    ModelMessage& m = message(claim.messages[i]);
    if (is_dead && claim.is_suspect) ++m.crashes;
    const bool dies = is_dead && claim.is_suspect && m.crashes >= crashes_max_;
    if (dies) ++tally_.worker_lost;
    if (dies && m.key != 0) buried(m, claim.places[i], claim.is_returned);
    set_state(claim.messages[i], dies ? MessageState::kDead : MessageState::kWaiting);
  }
}

void Model::claimed(std::uint32_t process, const Claimed& told) {
  ModelClaim claim;
  claim.key = told.key;
  claim.gen = told.key.gen;
  claim.process = process;
  claim.until_ms = told.until_ms;
  claim.is_suspect = told.is_suspect;
  claim.is_returned = told.is_returned;
  tally_.suspects += told.is_suspect ? 1 : 0;
  if (!claims_.empty() && claim.gen <= claims_.rbegin()->first)
    return violate("gen " + text(claim.gen) + " was used before");
  for (const std::uint64_t gen : open_) {
    const ModelClaim& other = claims_.at(gen);
    if (other.process == process && (other.is_suspect || claim.is_suspect))
      violate("a suspect is not alone in process " + text(process));
  }
  std::uint32_t ordinal = 0;
  for (const auto& part : told.parts)
    for (std::uint32_t i = 0; i < part.count; ++i, ++ordinal) {
      const auto view = part.block->view(part.first + i);
      const std::uint32_t number = number_of(view.body);
      claim.messages.push_back(number);
      claim.places.push_back(view.place.seq != 0 ? view.place : KeyPlace{part.seq, part.first + i});
      claim.decided.push_back(told.done.has(ordinal));
      claim.seen.push_back(Seen::kNo);
      if (claim.decided.back()) continue;
      ModelMessage& m = message(number);
      if (m.state != MessageState::kWaiting)
        violate("I3: message " + text(number) + " was claimed while it is " + name_of(m.state) +
                " under gen " + text(m.gen) + (has_ended(m.gen) ? ", which had ended" : ""));
      if (view.counts.deliveries + told.attempt != ++m.counted)
        violate("I5: message " + text(number) + " was claimed as attempt " +
                text(view.counts.deliveries + told.attempt) + ", it is its " + text(m.counted));
      if (told.is_suspect && view.counts.crashes + told.crashes != m.crashes)
        violate("I5: message " + text(number) + " forgot a crash");
      check_holder(claim, number);
      m.gen = claim.gen;
      set_state(number, MessageState::kLeased);
    }
  open_.insert(claim.gen);
  claims_.emplace(claim.gen, std::move(claim));
}

void Model::set_state(std::uint32_t number, MessageState state) {
  ModelMessage& m = message(number);
  fold(number * 8 + static_cast<std::uint64_t>(state));
  open_count_ += (is_open(state) ? 1u : 0u);
  open_count_ -= (is_open(m.state) ? 1u : 0u);
  m.state = state;
  if (state == MessageState::kDead) m.died = ++deaths_;
}

void Model::park(std::uint32_t number, std::int64_t due_ms) {
  set_state(number, MessageState::kParked);
  message(number).due_ms = due_ms;
  if (message(number).key == 0) parked_.emplace(due_ms, ++park_order_, number);
}

const ModelClaim* Model::find_successor(std::uint64_t gen) const {
  const auto stale = claims_.find(gen);
  if (stale == claims_.end() || open_.contains(gen)) return nullptr;
  for (const std::uint64_t other : open_) {
    const ModelClaim& claim = claims_.at(other);
    if (other > gen && claim.messages == stale->second.messages &&
        claim.decided == stale->second.decided)
      return &claim;
  }
  return nullptr;
}

// --- operators ---

void Model::redriven(std::uint32_t queue, std::uint64_t count) {
  std::map<std::uint64_t, std::uint32_t> dead_ones;  // as they died
  for (std::uint32_t i = 0; i < message_count(); ++i)
    if (message(i).queue == queue && message(i).state == MessageState::kDead)
      dead_ones[message(i).died] = i;
  for (const auto& [died, number] : dead_ones) renew(number);
  const std::uint64_t dead = dead_ones.size();
  tally_.redriven += dead;
  if (dead != count) violate(text(count) + " were redriven, " + text(dead) + " were dead");
}

// It begins anew, at the end of the order of its key.
void Model::renew(std::uint32_t number) {
  ModelMessage& m = message(number);
  m.counted = m.crashes = 0;
  m.is_completed = false;
  m.order = ++orders_;
  set_state(number, MessageState::kWaiting);
}

void Model::dead_deleted(std::uint32_t queue, std::uint64_t count) {
  std::uint64_t dead = 0;
  for (std::uint32_t i = 0; i < message_count(); ++i) {
    if (message(i).queue != queue || message(i).state != MessageState::kDead) continue;
    set_state(i, MessageState::kPurged);
    ++dead;
  }
  if (dead != count) violate(text(count) + " were deleted, " + text(dead) + " were dead");
}

void Model::purged(std::uint32_t queue, std::uint64_t count) {
  std::uint64_t gone = 0;
  const auto open = open_;
  for (const std::uint64_t gen : open) {
    ModelClaim& claim = claims_.at(gen);
    if (message(claim.messages.front()).queue != queue) continue;
    claim.is_open = false;
    open_.erase(gen);
  }
  std::erase_if(waits_, [&](const auto& entry) { return entry.first.first == queue; });
  std::erase_if(parked_, [&](const auto& row) { return message(std::get<2>(row)).queue == queue; });
  for (std::uint32_t i = 0; i < message_count(); ++i) {
    if (message(i).queue != queue || !is_open(message(i).state)) continue;
    set_state(i, MessageState::kPurged);
    ++gone;
  }
  tally_.purged += gone;
  if (gone != count) violate(text(count) + " were purged, " + text(gone) + " were there");
}

std::uint64_t Model::count(std::uint32_t queue, MessageState state) const {
  std::uint64_t out = 0;
  for (const auto& m : messages_) out += m.queue == queue && m.state == state ? 1 : 0;
  return out;
}

void Model::compare(std::uint32_t queue, const QueueDepth& depth) {
  std::uint64_t sent = 0;
  const auto same = [&](std::uint64_t stored, MessageState state) {
    const std::uint64_t mine = count(queue, state);
    sent += mine;
    if (stored != mine)
      violate("I8: " + text(stored) + " messages are " + name_of(state) +
              " by the store's totals, " + text(mine) + " by the history");
  };
  same(depth.waiting, MessageState::kWaiting);
  same(depth.leased, MessageState::kLeased);
  same(depth.parked, MessageState::kParked);
  same(depth.done, MessageState::kDone);
  same(depth.dead, MessageState::kDead);
  same(depth.purged, MessageState::kPurged);
  if (depth.sent != sent) violate("I8: " + text(depth.sent) + " sent, " + text(sent) + " stored");
}

void Model::compare(std::uint32_t number, const std::optional<FoundMessage>& found) {
  const MessageState state = message(number).state;
  const bool is_there = is_open(state) || state == MessageState::kDead;
  if (found.has_value() != is_there || (found && found->state != name_of(state)))
    violate("message " + text(number) + " is " + name_of(state) + ", a search found " +
            (found ? found->state : "nothing"));
  if (found && number_of(found->message.body) != number) violate("a search found another message");
}

std::string Model::unsettled() const {
  for (std::uint32_t i = 0; i < message_count(); ++i)
    if (is_open(messages_[i].state))
      return "message " + text(i) + (messages_[i].is_poison ? " (poison)" : "") + " is " +
             name_of(messages_[i].state) + " under gen " + text(messages_[i].gen) + ", delivered " +
             text(messages_[i].counted) + " times; " + text(open_count_) + " in all";
  return "nothing";
}

}  // namespace msgq::sim
