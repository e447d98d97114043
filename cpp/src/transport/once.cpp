#include "transport/once.h"

#include <algorithm>

namespace msgq::transport {
namespace {

OnceWish wish_of(std::size_t number, const std::string& queue, const MessageView& message) {
  // The key hash does for bodies too: what it tells apart is said, not decided by it.
  return {number, &queue, Once::decode(message.once), {message.id, hash_of(message.body)}};
}

}  // namespace

std::vector<OnceWish> once_wishes(const Exchange& in) {
  std::vector<OnceWish> out;
  std::size_t first = 0;
  for (const Append& each : in.appends) {
    if (each.block->has_once())
      for (std::uint32_t i = 0; i < each.block->count(); ++i)
        if (const MessageView message = each.block->view(i); !message.once.empty())
          out.push_back(wish_of(first + i, each.queue, message));
    first += each.block->count();
  }
  for (const Park& each : in.parks) {
    if (!each.message.once.empty()) out.push_back(wish_of(first, each.queue, each.message.view()));
    ++first;
  }
  std::stable_sort(out.begin(), out.end(), [](const OnceWish& a, const OnceWish& b) {
    return a.as.message < b.as.message;
  });
  return out;
}

void refuse_strict(const Exchange& in, const std::vector<Duplicate>& duplicates) {
  for (const Strict& strict : in.stricts)
    for (const Duplicate& each : duplicates) {
      const bool is_of_it =
          each.number >= strict.first && each.number - strict.first < strict.count;
      if (is_of_it && (strict.refuses_same || !each.is_same))
        throw DuplicateRefused(each, once_id(in, each.number), strict.refuses_same);
    }
}

std::vector<Duplicate> by_number(std::vector<Duplicate> duplicates) {
  std::sort(duplicates.begin(), duplicates.end(),
            [](const Duplicate& a, const Duplicate& b) { return a.number < b.number; });
  return duplicates;
}

std::string_view once_id(const Exchange& in, std::size_t number) {
  for (const Append& each : in.appends) {
    if (number < each.block->count())
      return Once::decode(each.block->view(static_cast<std::uint32_t>(number)).once).id;
    number -= each.block->count();
  }
  return Once::decode(in.parks.at(number).message.once).id;
}

Exchange without(const Exchange& in, const std::vector<Duplicate>& duplicates) {
  Exchange out;
  auto next = duplicates.begin();
  std::size_t first = 0;
  for (const Append& each : in.appends) {
    Bitmap gone;
    for (; next != duplicates.end() && next->number < first + each.block->count(); ++next)
      gone.set(static_cast<std::uint32_t>(next->number - first));
    first += each.block->count();
    if (gone.empty())
      out.appends.push_back(each);
    else if (auto rest = each.block->without(gone))
      out.appends.push_back({each.queue, std::move(rest), each.band});
  }
  for (const Park& each : in.parks) {
    const bool is_gone = next != duplicates.end() && next->number == first;
    ++first;
    if (is_gone)
      ++next;
    else
      out.parks.push_back(each);
  }
  return out;
}

}  // namespace msgq::transport
