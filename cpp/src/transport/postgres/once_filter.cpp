#include "transport/postgres/once_filter.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <utility>

#include "msgq/error.h"

namespace msgq::transport::postgres {
namespace {

// Takes what is before `mark` off the front.
std::string_view take_until(std::string_view& in, char mark) {
  const std::size_t end = std::min(in.find(mark), in.size());
  const std::string_view out = in.substr(0, end);
  in.remove_prefix(std::min(end + 1, in.size()));
  return out;
}

std::int64_t number_of(std::string_view text) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(ErrorCode::kStoreRejected,
                "the store says in unknown words which dedup ids it remembers");
  return out;
}

}  // namespace

OnceFilter::OnceFilter(const Exchange& in) {
  std::map<std::pair<std::string_view, std::string_view>, std::size_t> seen;
  for (const OnceWish& wish : once_wishes(in)) {
    const std::size_t first =
        seen.try_emplace({*wish.queue, wish.once.id}, wishes_.size()).first->second;
    wishes_.push_back({wish, first, std::nullopt});
  }
}

std::vector<std::size_t> OnceFilter::asked() const {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < wishes_.size(); ++i)
    if (wishes_[i].first == i && !wishes_[i].earlier) out.push_back(i);
  return out;
}

bool OnceFilter::is_asking() const { return !asked().empty(); }

Params OnceFilter::params(const Directory& queues) const {
  using Type = Array::Type;
  Array ids(Type::kText), numbers(Type::kInt4), messages(Type::kUuid), digests(Type::kInt8);
  Array kinds(Type::kInt4), windows(Type::kInt8);
  for (const std::size_t i : asked()) {
    const OnceWish& wish = wishes_[i].wish;
    numbers.add(queues.find(*wish.queue)->id);
    ids.add(wish.once.id);
    messages.add(wish.as.message);
    digests.add(static_cast<std::int64_t>(wish.as.digest));
    kinds.add(static_cast<std::int64_t>(wish.once.until));
    windows.add(wish.once.window_ms);
  }
  Params out;
  out.array(std::move(numbers)).array(std::move(ids)).array(std::move(messages));
  out.array(std::move(digests)).array(std::move(kinds)).array(std::move(windows));
  return out;
}

void OnceFilter::note(std::string_view detail) {
  const std::vector<std::size_t> all = asked();
  while (!detail.empty()) {
    std::string_view line = take_until(detail, ',');
    const auto number = static_cast<std::size_t>(number_of(take_until(line, ' ')));
    const MessageId message = MessageId::parse(take_until(line, ' '));
    wishes_.at(all.at(number - 1)).earlier =
        Remembered{message, static_cast<std::uint64_t>(number_of(line))};
  }
}

std::vector<Duplicate> OnceFilter::duplicates() const {
  std::vector<Duplicate> out;
  for (std::size_t i = 0; i < wishes_.size(); ++i) {
    const Wish& first = wishes_[wishes_[i].first];
    if (first.earlier)
      out.push_back(wishes_[i].wish.duplicate_of(*first.earlier));
    else if (wishes_[i].first != i)
      out.push_back(wishes_[i].wish.duplicate_of(first.wish.as));
  }
  return by_number(std::move(out));
}

}  // namespace msgq::transport::postgres
