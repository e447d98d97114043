// What a ceiling was asked to do: `name=value` words after the file name.
//
// Plain values; one thread.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace ceiling {

class Arguments {
 public:
  Arguments(int count, char** words) : count_(count), words_(words) {}

  /// The value after `name=`, or `otherwise`.
  [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise) const {
    const std::string start = name + "=";
    for (int i = 2; i < count_; ++i) {
      const std::string word = words_[i];
      if (word.rfind(start, 0) == 0) return word.substr(start.size());
    }
    return otherwise;
  }

  [[nodiscard]] std::int64_t number(const std::string& name, std::int64_t otherwise) const {
    return std::atoll(text(name, std::to_string(otherwise)).c_str());
  }

  [[nodiscard]] double seconds(const std::string& name, double otherwise) const {
    return std::atof(text(name, std::to_string(otherwise)).c_str());
  }

 private:
  int count_;
  char** words_;
};

}  // namespace ceiling
