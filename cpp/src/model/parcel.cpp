#include "base/spares.h"
#include "model/frame.h"
#include "msgq/message.h"

namespace msgq {
namespace {

// Room for what a block puts behind the frames, so that becoming one moves no byte.
constexpr std::size_t kTrailerBytes = 512;

}  // namespace

StoredMessage StoredMessage::copy(const MessageView& v) {
  return {v.id,
          std::string(v.type),
          v.content,
          std::string(v.headers),
          std::string(v.body),
          v.counts,
          std::string(v.history),
          v.enqueued_ms,
          v.priority,
          v.expires_ms,
          std::string(v.key),
          v.place,
          std::string(v.once)};
}

MessageView StoredMessage::view() const {
  return {id,          type,     content,    headers, body,  counts, history,
          enqueued_ms, priority, expires_ms, key,     place, once};
}

void StoredMessage::renew() {
  counts = {};
  place = {};
  expires_ms = 0;
}

void Parcel::reserve(std::size_t count, std::size_t size) {
  ends.reserve(count);
  const std::size_t trailer = count > 1 ? kTrailerBytes + type.size() : 0;
  frames = spares::take(size + 5 * count + trailer);
}

void Parcel::add(std::string_view body, std::string_view headers, std::string_view key,
                 std::string_view once) {
  has_once = has_once || !once.empty();
  if (headers.empty() && key.empty() && once.empty()) {
    frames += '\0';
    frames += body;
  } else {
    frame::append(frames, {headers, {}, body, {}, 0, key, {}, once});
  }
  ends.push_back(static_cast<std::uint32_t>(frames.size()));
}

void Parcel::add(const MessageView& m) {
  has_once = has_once || !m.once.empty();
  frame::append(frames,
                {m.headers, m.history, m.body, m.counts, m.enqueued_ms, m.key, m.place, m.once});
  ends.push_back(static_cast<std::uint32_t>(frames.size()));
}

MessageView Parcel::view(std::uint32_t index) const {
  const std::uint32_t from = index == 0 ? 0 : ends[index - 1];
  const auto f = frame::read(std::string_view(frames).substr(from, ends[index] - from));
  return {first_id.plus(index), type,     content,    f.headers, f.body,  f.counts, f.history,
          f.enqueued_ms,        priority, expires_ms, f.key,     f.place, f.once};
}

Parcel Parcel::cut(std::uint32_t from) {
  const std::uint32_t start = ends[from - 1];
  Parcel out = like(view(from));
  out.queue = queue;
  out.band = band;
  out.due_ms = due_ms;
  out.has_once = has_once;
  out.is_loose = is_loose;
  out.on_duplicate = on_duplicate;
  out.frames = frames.substr(start);
  for (std::uint32_t i = from; i < count(); ++i) out.ends.push_back(ends[i] - start);
  frames.resize(start);
  ends.resize(from);
  return out;
}

Parcel Parcel::like(const MessageView& m) {
  Parcel out;
  out.type = m.type;
  out.content = m.content;
  out.first_id = m.id;
  out.priority = m.priority;
  out.expires_ms = m.expires_ms;
  out.band = band_of(m.priority, m.key);
  return out;
}

bool Parcel::is_like(const Parcel& next) const {
  return next.content == content && next.type == type && next.priority == priority &&
         next.expires_ms == expires_ms;
}

}  // namespace msgq
