#include "transport/sqlite/file_check.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "support/outcome.h"
#include "support/temp_dir.h"

namespace msgq::transport::sqlite {
namespace {

using test::code_of;
using test::error_of;
using test::TempDir;

class FileCheck : public ::testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
  TempDir dir_;
  const std::string path_ = dir_.file("store.db");
};

TEST_F(FileCheck, APathThatCannotHoldAStoreIsRefusedWithTheReason) {
  std::filesystem::create_directory(dir_.file("folder"));
  const std::pair<std::string, const char*> bad[] = {{"", "empty"},
                                                     {dir_.file("none/x.db"), "make it first"},
                                                     {dir_.file("folder"), "no plain file"},
                                                     {"/dev/null", "no plain file"}};
  for (const auto& [path, why] : bad) {
    const Error error = error_of([&, p = path] { check_path(p); });
    EXPECT_EQ(error.code(), ErrorCode::kStoreRejected) << path;
    EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
  }
  EXPECT_NO_THROW(check_path(path_));
}

TEST_F(FileCheck, ANewFileBelongsToItsOwnerAlone) {
  create_private(path_);
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(info.st_nlink, 1u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_.path()), {}), 1);
}

TEST_F(FileCheck, AFileThatIsThereStaysAsItIs) {
  write(path_, "precious");
  create_private(path_);
  EXPECT_EQ(std::filesystem::file_size(path_), 8u);
}

TEST_F(FileCheck, TheSameFilePasses) {
  write(path_, "x");
  const FileIdentity identity(path_);
  EXPECT_NO_THROW(identity.check());
}

TEST_F(FileCheck, ADeletedReplacedOrEmptiedFileIsNoticed) {
  write(path_, "x");
  const FileIdentity identity(path_);
  write(dir_.file("other"), "y");
  std::filesystem::rename(dir_.file("other"), path_);
  EXPECT_EQ(code_of([&] { identity.check(); }), ErrorCode::kStoreRejected);
  std::filesystem::remove(path_);
  EXPECT_EQ(code_of([&] { identity.check(); }), ErrorCode::kStoreRejected);
  write(path_, "z");
  const FileIdentity again(path_);
  std::filesystem::resize_file(path_, 0);
  EXPECT_EQ(code_of([&] { again.check(); }), ErrorCode::kStoreRejected);
  EXPECT_EQ(code_of([&] { FileIdentity none(dir_.file("none")); }), ErrorCode::kStoreRejected);
}

}  // namespace
}  // namespace msgq::transport::sqlite
