#include "msgq/version.h"

#include <gtest/gtest.h>

#include <string>

namespace msgq {
namespace {

TEST(Version, FactsSayWhatTheCoreIsMadeOf) {
  const std::string facts = build_facts();
  EXPECT_EQ(facts.rfind(std::string("version ") + kVersion + "\n", 0), 0u);
  for (const char* fact : {"\nasserts ", "\nsqlite ", "\ncompiler "}) {
    EXPECT_NE(facts.find(fact), std::string::npos) << fact;
  }
}

TEST(Version, TheSqliteLibraryIsTheSharedOneOfTheSystem) {
#if MSGQ_WITH_SQLITE
  EXPECT_NE(sqlite_library().find("libsqlite3.so"), std::string::npos) << sqlite_library();
#else
  EXPECT_EQ(sqlite_library(), "");
#endif
}

}  // namespace
}  // namespace msgq
