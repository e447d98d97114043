#include "transport/sqlite/open_file.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "msgq/error.h"
#include "support/temp_dir.h"

namespace msgq::transport::sqlite {
namespace {

bool is_refused(const std::string& path) {
  try {
    refuse_inherited(path);
    return false;
  } catch (const Error& error) {
    return error.code() == ErrorCode::kClosed;
  }
}

// Whether a forked child may not open the file.
bool is_refused_in_child(const std::string& path) {
  const pid_t child = fork();
  if (child == 0) _exit(is_refused(path) ? 1 : 0);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

TEST(OpenFile, IsRefusedInAForkedChildOnly) {
  const test::TempDir folder;
  const std::string path = folder.file("a"), other = folder.file("b");
  std::ofstream(path) << "x";
  std::ofstream(other) << "x";
  {
    const OpenFile file(path);
    EXPECT_FALSE(is_refused(path));
    EXPECT_TRUE(is_refused_in_child(path));
    EXPECT_FALSE(is_refused_in_child(other));
  }
  EXPECT_FALSE(is_refused_in_child(path)) << "closed before the fork";
}

TEST(OpenFile, IsKnownByAnotherNameToo) {
  const test::TempDir folder;
  const std::string path = folder.file("a"), name = folder.file("link");
  std::ofstream(path) << "x";
  ASSERT_EQ(link(path.c_str(), name.c_str()), 0);
  const OpenFile file(path);
  EXPECT_TRUE(is_refused_in_child(name));
}

}  // namespace
}  // namespace msgq::transport::sqlite
