// Which shards of a queue's keys this process takes new messages from, beside others that claim of
// the queue too: each has an equal part of them, and works off what it holds of the rest. One of
// the rest of which a message takes long it goes on with, until that is through, as nobody else
// may. Order does not hang on it: of a shard of which another process has claims open nobody
// claims, whoever's it is. So it may be a second old, and two processes may see it differently.
//
// Threads: plain values.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "msgq/message.h"

namespace msgq::transport {

// A process that claims of a queue, and for how long it has not said so.
struct Reader {
  std::int64_t process = 0;
  std::int64_t silent_ms = 0;
};

class Share {
 public:
  // A process looks who else claims, and says that it does, so often at most; one that was silent
  // for longer, as it is dead, or has no room, or finds nothing to do, has no part.
  static constexpr std::int64_t kLookMs = 1'000, kSilentMs = 3'000;
  // A shard that went to another while claims of it were open comes back after this time, for as
  // long as one of those is.
  static constexpr std::int64_t kSlowMs = 2'000;

  // The numbers of the oldest and the newest claim that this process has open of a shard; 0: none.
  struct Open {
    std::uint64_t oldest = 0, newest = 0;
  };
  using OpenOf = std::function<Open(std::size_t shard)>;

  bool is_look_due(std::int64_t now_ms) const { return is_over(looked_ms_, now_ms); }
  // `readers` are all that the store knows of; whether `self` is among them is all the same.
  // `open_of` is asked of shards that others have.
  void look(std::int64_t self, const std::vector<Reader>& readers, std::int64_t now_ms,
            const OpenOf& open_of);
  // Alone nobody has to say anything: who comes and finds a shard held says so first.
  bool is_alone() const { return is_alone_; }
  bool is_saying_due(std::int64_t now_ms) const { return is_over(said_ms_, now_ms); }
  void note_said(std::int64_t now_ms) { said_ms_ = now_ms; }

  bool has(std::uint8_t band) const {
    return !is_keyed(band) || (others_ >> (band - kKeyedBand) & 1) == 0;
  }
  // A bit for each shard that is left to another process.
  std::uint32_t others() const { return others_; }

 private:
  static constexpr std::int64_t kNever = -1;
  // The clock may have been set anew.
  static bool is_over(std::int64_t since_ms, std::int64_t now_ms) {
    return since_ms == kNever || now_ms < since_ms || now_ms - since_ms >= kLookMs;
  }

  std::int64_t looked_ms_ = kNever, said_ms_ = kNever;
  bool is_alone_ = true;
  // Of a shard that another has: since when, and the newest claim that was open then.
  struct Lost {
    std::int64_t since_ms = 0;
    std::uint64_t newest = 0;
  };
  bool is_slow(std::size_t shard, std::int64_t now_ms, const OpenOf& open_of, bool is_new);
  std::uint32_t parts_ = 0;  // of others, a bit each
  std::array<Lost, kKeyShards> lost_{};
  std::uint32_t others_ = 0;  // of these, those left to them
};

// The shards of the `rank`-th of so many processes, a bit each; none of all when there are more
// processes than shards. Each that comes last takes an equal part from those who have most, so that
// the others keep what they have.
std::uint32_t shards_of(std::size_t rank, std::size_t readers);

}  // namespace msgq::transport
