#include "lease/history.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace msgq {
namespace {

TEST(History, KeepsTheFirstTenAndTheLastTen) {
  std::string history;
  for (int i = 0; i < 50; ++i) history = append_attempt(history, std::to_string(i));
  std::string expected;
  for (int i = 0; i < 10; ++i) expected += std::to_string(i) + "\n";
  for (int i = 40; i < 50; ++i) expected += std::to_string(i) + (i < 49 ? "\n" : "");
  EXPECT_EQ(history, expected);
}

TEST(History, TheFirstAttemptStandsAlone) {
  EXPECT_EQ(append_attempt("", "{}"), "{}");
  EXPECT_EQ(append_attempt("{}", "{\"a\":1}"), "{}\n{\"a\":1}");
}

TEST(History, TwentyAttemptsAreAllKept) {
  std::string history;
  for (int i = 0; i < 20; ++i) history = append_attempt(history, std::to_string(i));
  EXPECT_EQ(std::count(history.begin(), history.end(), '\n'), 19);
}

}  // namespace
}  // namespace msgq
