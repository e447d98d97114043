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

TEST_F(FileCheck, ANetworkFileSystemIsRefusedByItsName) {
  const std::pair<std::uint64_t, const char*> network[] = {{0x6969, "NFS"},
                                                           {0x517b, "SMB"},
                                                           {0xff534d42, "SMB"},
                                                           {0xfe534d42, "SMB"},
                                                           {0x5346414f, "AFS"},
                                                           {0x6b414653, "AFS"},
                                                           {0x73757245, "AFS"},
                                                           {0x01021997, "9P"},
                                                           {0x00c36400, "Ceph"},
                                                           {0x0bd00bd0, "Lustre"},
                                                           {0x47504653, "GPFS"},
                                                           {0x19830326, "BeeGFS"},
                                                           {0x01161970, "a cluster file system"},
                                                           {0x7461636f, "cluster"}};
  for (const auto& [type, name] : network) {
    const Error error = error_of([&, t = type] { check_file_system(path_, t); });
    const std::string text = error.what();
    EXPECT_EQ(error.code(), ErrorCode::kStoreRejected) << name;
    EXPECT_NE(text.find(name), std::string::npos) << text;
    EXPECT_NE(text.find(path_), std::string::npos) << text;
    EXPECT_NE(text.find("put it on a local disk"), std::string::npos) << text;
  }
  EXPECT_STREQ(network_name(static_cast<std::uint64_t>(static_cast<std::int32_t>(0xff534d42))),
               "SMB")
      << "a type whose sign was extended";
}

TEST_F(FileCheck, ALocalFileSystemIsTaken) {
  // ext, xfs, btrfs, tmpfs, overlayfs, zfs, f2fs
  const std::uint64_t local[] = {0xef53,     0x58465342, 0x9123683e, 0x01021994,
                                 0x794c7630, 0x2fc12fc1, 0xf2f52010};
  for (const std::uint64_t type : local) {
    EXPECT_EQ(network_name(type), nullptr) << std::hex << type;
    EXPECT_NO_THROW(check_file_system(path_, type));
  }
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
