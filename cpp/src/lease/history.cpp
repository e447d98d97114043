#include "lease/history.h"

#include <vector>

namespace msgq {
namespace {

constexpr std::size_t kFirstCount = 10, kLastCount = 10;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

}  // namespace

std::string append_attempt(std::string_view history, std::string_view record) {
  auto lines = lines_of(history);
  lines.push_back(record);
  if (lines.size() > kFirstCount + kLastCount) lines.erase(lines.begin() + kFirstCount);
  std::string out;
  for (const auto line : lines) {
    if (!out.empty()) out += '\n';
    out += line;
  }
  return out;
}

}  // namespace msgq
