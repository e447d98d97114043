// The lots that slots hold: spans of claims, found by index.
//
// Threads: a lot belongs to the thread that took it; its book-keeping fields say otherwise.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <vector>

#include "base/check.h"
#include "base/mutex.h"
#include "msgq/delivery.h"
#include "transport/held.h"

namespace msgq {

class SpanLot final : public Lot {
 public:
  // `on_leave` hears how many messages a slot is through with, and whether they were the last;
  // empty for raw claims.
  SpanLot(std::string queue, std::uint32_t channel, std::vector<Span> spans, Nanos now,
          std::function<void(SpanLot&, std::uint32_t, bool)> on_leave = {})
      : queue_(std::move(queue)),
        channel_(channel),
        spans_(std::move(spans)),
        on_leave_(std::move(on_leave)),
        taken_at(now) {
    for (const auto& span : spans_) {
      starts_.push_back(size_);
      size_ += span.count();
    }
    undecided.store(size_, std::memory_order_relaxed);
    find_followers();
  }

  std::uint32_t size() const override { return size_; }
  const std::string& queue() const override { return queue_; }
  std::uint32_t channel() const override { return channel_; }

  std::string_view body(std::uint32_t index) const override {
    const auto [held, ordinal] = locate(index);
    const auto [block, at] = held->locate(ordinal);
    return block->body(at);
  }
  std::vector<std::string_view> bodies() const override {
    std::vector<std::string_view> out;
    out.reserve(size_);
    for (const auto& span : spans_) span.held->add_bodies(span.from, span.to, out);
    return out;
  }
  DeliveryView view(std::uint32_t index) const override {
    const auto [held, ordinal] = locate(index);
    const auto [block, at] = held->locate(ordinal);
    DeliveryView out{block->view(at), held->claim.attempt, held->claim.key.gen};
    out.attempt += out.message.counts.deliveries;
    out.message.counts.crashes += held->claim.crashes;
    return out;
  }
  bool is_uniform() const override {
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      const Span& span = spans_[i];
      if (span.held->uniform_end(span.from) < span.to) return false;
      const auto [a, at] = spans_.front().held->locate(spans_.front().from);
      const auto [b, bt] = span.held->locate(span.from);
      if (i > 0 && (a->type(at) != b->type(bt) || a->view(at).content != b->view(bt).content))
        return false;
    }
    return true;
  }
  bool is_lost() const override {
    for (const auto& span : spans_)
      if (span.held->is_lost.load(std::memory_order_acquire)) return true;
    return false;
  }

  bool follows(std::uint32_t index) const override { return followers_.has(index); }
  bool has_followers() const override { return !followers_.empty(); }
  void hold_up(std::uint32_t index) override {
    while (followers_.has(++index)) held_up_.set(index);
  }
  bool is_held_up(std::uint32_t index) const override {
    return followers_.has(index) && (held_up_.has(index) || is_lost_at(index));
  }
  bool is_lost_at(std::uint32_t index) const {
    return locate(index).first->is_lost.load(std::memory_order_acquire);
  }
  // Those that were held up, of all.
  const Bitmap& held_up() const { return held_up_; }

  bool begin_ack(std::uint32_t index) override {
    const HeldPtr& held = locate(index).first;
    MutexLock lock(acks_mutex_);
    if (ended_acks_.has(index)) return false;
    begun_acks_.set(index);
    held->has_acks.store(true, std::memory_order_release);
    return true;
  }
  std::vector<std::uint32_t> end_acks(std::uint32_t from, std::uint32_t to) override {
    MutexLock lock(acks_mutex_);
    ended_acks_.set_range(from, to);
    std::vector<std::uint32_t> begun;
    if (!begun_acks_.empty())
      for (std::uint32_t i = from; i < to; ++i)
        if (begun_acks_.has(i)) begun.push_back(i);
    return begun;
  }
  void reopen_acks(std::uint32_t index) override {
    MutexLock lock(acks_mutex_);
    ended_acks_.unset(index);
  }

  // The claim and the ordinal in it of the message at `index`.
  std::pair<const HeldPtr&, std::uint32_t> locate(std::uint32_t index) const {
    MSGQ_CHECK(index < size_, "message index inside the lot");
    std::size_t i = 0;
    if (starts_.size() > 1)
      i = static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), index) -
                                   starts_.begin()) -
          1;
    return {spans_[i].held, spans_[i].from + index - starts_[i]};
  }
  const std::vector<Span>& spans() const { return spans_; }
  // A decision on it was named. Whoever settles the lot.
  void note_named(std::uint32_t index) { named_.set(index); }
  // What was not named.
  std::vector<Span> rest() const {
    if (named_.empty()) return spans_;
    std::vector<Span> out;
    std::uint32_t index = 0;
    for (const auto& [held, from, to] : spans_)
      for (std::uint32_t i = from; i < to; ++i, ++index)
        if (!named_.has(index)) out.push_back({held, i, i + 1});
    return out;
  }
  // The slot is through with `count` more messages; with no more than there are, however often it
  // says so. Any thread.
  void leave(std::uint32_t count) {
    std::uint32_t had = undecided.load(std::memory_order_relaxed), gone;
    do {
      gone = std::min(count, had);
      if (gone == 0) return;
    } while (!undecided.compare_exchange_weak(had, had - gone, std::memory_order_acq_rel));
    if (on_leave_) on_leave_(*this, gone, gone == had);
  }

 private:
  // The gate gives what it gives of a key in a row.
  void find_followers() {
    std::uint32_t index = 0;
    std::uint64_t before = 0;
    bool has_before = false;
    for (const auto& [held, from, to] : spans_)
      for (std::uint32_t i = from; i < to; ++i, ++index) {
        if (!held->claim.is_keyed) {
          index += to - i - 1;
          has_before = false;
          break;
        }
        if (has_before && held->hashes[i] == before) followers_.set(index);
        before = held->hashes[i];
        has_before = true;
      }
  }

  // fixed after construction
  const std::string queue_;
  const std::uint32_t channel_;
  const std::vector<Span> spans_;
  std::vector<std::uint32_t> starts_;
  std::uint32_t size_ = 0;
  Bitmap followers_;  // those of the same key as the one before them
  // only the lot's thread, and whoever settles it
  Bitmap held_up_, named_;
  const std::function<void(SpanLot&, std::uint32_t, bool)> on_leave_;
  Mutex acks_mutex_;
  // guarded by acks_mutex_: for which messages a user's own transaction was asked, and may not be
  Bitmap begun_acks_ MSGQ_GUARDED_BY(acks_mutex_);
  Bitmap ended_acks_ MSGQ_GUARDED_BY(acks_mutex_);

 public:
  const Nanos taken_at;
  // atomic: an async lot is settled piece by piece
  std::atomic<std::uint32_t> undecided{0};
};

}  // namespace msgq
