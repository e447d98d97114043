#include "transport/block.h"

#include <algorithm>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.h"
#include "base/spares.h"
#include "model/frame.h"
#include "msgq/error.h"

namespace msgq::transport {
namespace {

constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kFooterBytes = 16;

// The last 16 bytes of a block. All numbers of a block are little endian.
struct Footer {
  std::uint32_t count;
  std::uint32_t frames_bytes;
  std::uint32_t section_count;
  std::uint16_t version;
  std::uint16_t flags;
};
// Each section names priority and expiry behind its type: a byte, a varint of Unix milliseconds.
// Readers refuse flags that they do not know.
constexpr std::uint16_t kHasPriorities = 1;
// Some messages have dedup ids.
constexpr std::uint16_t kHasOnce = 2;
static_assert(sizeof(Footer) == kFooterBytes);

[[noreturn]] void damaged(const char* what) {
  throw Error(ErrorCode::kStoreRejected, std::string("damaged block: ") + what);
}

template <typename T>
void put(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
T take(std::string_view& in) {
  T value;
  const auto bytes = frame::take_bytes(in, sizeof value);
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

// A line of the trailer: messages with consecutive ids that are otherwise alike.
struct Line {
  std::uint32_t count = 0;
  const Parcel* first = nullptr;

  // Calls of one thread draw consecutive ids, so a thousand single messages are one line.
  bool takes(const Parcel& next) const {
    return next.first_id == first->first_id.plus(count) && first->is_like(next);
  }
  bool is_plain() const { return first->priority == kPriorityNormal && first->expires_ms == 0; }
};

std::vector<Line> lines_of(const std::vector<Parcel>& parcels) {
  std::vector<Line> out;
  for (const Parcel& parcel : parcels) {
    if (out.empty() || !out.back().takes(parcel)) out.push_back({0, &parcel});
    out.back().count += parcel.count();
  }
  return out;
}

void put_line(std::string& out, const Line& line, std::int64_t now_ms, bool repeats_type,
              std::uint16_t flags) {
  const Parcel& parcel = *line.first;
  frame::put_varint(out, line.count);
  put(out, parcel.first_id.high);
  put(out, parcel.first_id.low);
  out += static_cast<char>(parcel.content);
  frame::put_varint(out, static_cast<std::uint64_t>(now_ms));
  frame::put_varint(out, repeats_type ? 0 : parcel.type.size() + 1);
  if (!repeats_type) out += parcel.type;
  if ((flags & kHasPriorities) == 0) return;
  out += static_cast<char>(parcel.priority);
  frame::put_varint(out, static_cast<std::uint64_t>(parcel.expires_ms));
}

// The frames of all, with room for the trailer; those of a lone parcel are taken, not copied.
std::string join_frames(std::vector<Parcel>& parcels) {
  constexpr std::size_t kTrailerBytes = 512;
  if (parcels.size() == 1) return std::move(parcels.front().frames);
  std::size_t size = kTrailerBytes;
  for (const Parcel& parcel : parcels) size += parcel.frames.size() + 4ull * parcel.count();
  std::string out = spares::take(size);
  for (Parcel& parcel : parcels) {
    out += parcel.frames;
    spares::give(std::move(parcel.frames));
  }
  return out;
}

void put_ends(std::string& out, const std::vector<Parcel>& parcels) {
  std::uint32_t base = 0;
  for (const Parcel& parcel : parcels) {
    for (const std::uint32_t end : parcel.ends) put(out, base + end);
    base += parcel.ends.back();
  }
}

}  // namespace

BlockPtr Block::build(std::vector<Parcel> parcels, std::int64_t now_ms) {
  auto block = std::shared_ptr<Block>(new Block());
  std::string& out = block->bytes_;
  out = join_frames(parcels);
  const auto lines = lines_of(parcels);
  Footer footer{0, static_cast<std::uint32_t>(out.size()), static_cast<std::uint32_t>(lines.size()),
                kVersion, 0};
  for (const Line& line : lines) {
    footer.count += line.count;
    if (!line.is_plain()) footer.flags |= kHasPriorities;
  }
  for (const Parcel& parcel : parcels)
    if (parcel.has_once) footer.flags |= kHasOnce;
  MSGQ_CHECK(footer.count > 0, "a block holds at least one message");
  put_ends(out, parcels);
  for (std::size_t i = 0; i < lines.size(); ++i)
    put_line(out, lines[i], now_ms, i > 0 && lines[i].first->type == lines[i - 1].first->type,
             footer.flags);
  put(out, footer);
  block->parse();
  return block;
}

BlockPtr Block::decode(std::string_view bytes) {
  auto block = std::shared_ptr<Block>(new Block());
  block->bytes_ = spares::take(bytes.size());
  block->bytes_ = bytes;
  block->parse();
  return block;
}

Block::~Block() { spares::give(std::move(bytes_)); }

void Block::parse() {
  std::string_view all = bytes_;
  if (all.size() < kFooterBytes) damaged("too short");
  auto tail = all.substr(all.size() - kFooterBytes);
  const auto footer = take<Footer>(tail);
  if (footer.version != kVersion) damaged("unknown version");
  if ((footer.flags & ~(kHasPriorities | kHasOnce)) != 0) damaged("unknown flags");
  const std::uint64_t ends_bytes = 4ull * footer.count;
  if (footer.count == 0 || footer.frames_bytes + ends_bytes + kFooterBytes > all.size())
    damaged("counts do not fit its size");
  count_ = footer.count;
  has_once_ = (footer.flags & kHasOnce) != 0;
  ends_at_ = footer.frames_bytes;
  std::uint32_t before = 0;
  for (std::uint32_t i = 0; i < count_; ++i) {
    const std::uint32_t end = end_of(i);
    if (end <= before || end > ends_at_) damaged("frame ends out of order");
    before = end;
  }
  auto in = all.substr(ends_at_ + ends_bytes, all.size() - kFooterBytes - ends_at_ - ends_bytes);
  if (footer.section_count > count_) damaged("more parcels than messages");
  sections_.reserve(footer.section_count);
  std::uint32_t first = 0;
  for (std::uint32_t i = 0; i < footer.section_count; ++i) {
    Section section;
    section.first = first;
    section.count = static_cast<std::uint32_t>(frame::take_varint(in));
    section.first_id.high = take<std::uint64_t>(in);
    section.first_id.low = take<std::uint64_t>(in);
    section.content = static_cast<Content>(take<std::uint8_t>(in));
    section.enqueued_ms = static_cast<std::int64_t>(frame::take_varint(in));
    if (const std::uint64_t size = frame::take_varint(in); size > 0)
      section.type = frame::take_bytes(in, size - 1);
    else if (i > 0)
      section.type = sections_.back().type;
    else
      damaged("its first parcel repeats a type");
    if (footer.flags & kHasPriorities) {
      section.priority = take<std::uint8_t>(in);
      section.expires_ms = static_cast<std::int64_t>(frame::take_varint(in));
      may_expire_ = may_expire_ || section.expires_ms != 0;
    }
    if (section.count == 0 || section.count > count_ - first) damaged("parcel counts");
    first += section.count;
    const MessageId last = section.first_id.plus(section.count - 1);
    first_id_ = i == 0 ? section.first_id : std::min(first_id_, section.first_id);
    last_id_ = i == 0 ? last : std::max(last_id_, last);
    sections_.push_back(std::move(section));
  }
  if (first != count_) damaged("parcel counts");
}

std::uint32_t Block::end_of(std::uint32_t index) const {
  std::uint32_t end;
  std::memcpy(&end, bytes_.data() + ends_at_ + 4ull * index, sizeof end);
  return end;
}

std::string_view Block::frame(std::uint32_t index) const {
  MSGQ_CHECK(index < count_, "message index inside the block");
  const std::uint32_t from = index == 0 ? 0 : end_of(index - 1);
  return std::string_view(bytes_).substr(from, end_of(index) - from);
}

const Block::Section& Block::section_of(std::uint32_t index) const {
  if (sections_.size() == 1) return sections_.front();
  auto after = std::upper_bound(sections_.begin(), sections_.end(), index,
                                [](std::uint32_t i, const Section& s) { return i < s.first; });
  return *std::prev(after);
}

MessageView Block::view(std::uint32_t index) const {
  const Section& s = section_of(index);
  const auto f = frame::read(frame(index));
  return {s.first_id.plus(index - s.first),
          s.type,
          s.content,
          f.headers,
          f.body,
          f.counts,
          f.history,
          f.enqueued_ms != 0 ? f.enqueued_ms : s.enqueued_ms,
          s.priority,
          s.expires_ms,
          f.key,
          f.place,
          f.once};
}

std::pair<std::string_view, KeyPlace> Block::key(std::uint32_t index) const {
  const auto f = frame::read(frame(index));
  return {f.key, f.place};
}

BlockPtr Block::without(const Bitmap& indexes) const {
  std::vector<Parcel> parcels;
  for (const Section& s : sections_) {
    bool joins = false;
    for (std::uint32_t i = s.first; i < s.first + s.count; ++i) {
      if (indexes.has(i)) {
        joins = false;
        continue;
      }
      const MessageView message = view(i);
      if (!std::exchange(joins, true)) parcels.push_back(Parcel::like(message));
      parcels.back().add(message);
    }
  }
  return parcels.empty() ? nullptr : build(std::move(parcels), sections_.front().enqueued_ms);
}

std::string_view Block::body(std::uint32_t index) const {
  const auto bytes = frame(index);
  return bytes.front() == '\0' ? bytes.substr(1) : frame::read(bytes).body;
}

void Block::add_bodies(std::uint32_t from, std::uint32_t to,
                       std::vector<std::string_view>& out) const {
  MSGQ_CHECK(from <= to && to <= count_, "message index inside the block");
  const std::string_view all = bytes_;
  std::uint32_t begin = from == 0 ? 0 : end_of(from - 1);
  for (std::uint32_t i = from; i < to; ++i) {
    const std::uint32_t end = end_of(i);
    const auto bytes = all.substr(begin, end - begin);
    out.push_back(bytes.front() == '\0' ? bytes.substr(1) : frame::read(bytes).body);
    begin = end;
  }
}

std::string_view Block::type(std::uint32_t index) const { return section_of(index).type; }

std::uint32_t Block::uniform_end(std::uint32_t index) const {
  const Section* s = &section_of(index);
  const Section* const end = sections_.data() + sections_.size();
  const Section& kind = *s;
  while (s != end && s->content == kind.content && s->type == kind.type) ++s;
  return s == end ? count_ : s->first;
}

std::uint64_t Block::checksum() const { return XXH3_64bits(bytes_.data(), bytes_.size()); }

std::size_t Block::body_bytes(std::uint32_t from, std::uint32_t to) const {
  if (from >= to) return 0;
  return end_of(to - 1) - (from == 0 ? 0 : end_of(from - 1));
}

}  // namespace msgq::transport
