// Promise: a copy of a running store is whole, private, never overwrites, and what was leased in it
// is claimable without anybody having crashed.
#include "transport/sqlite/backup.h"

#include <sys/stat.h>

#include <fstream>

#include "conformance/harness.h"
#include "transport/sqlite/sqlite_store_under_test.h"

namespace msgq::test {
namespace {

class BackupTest : public ::testing::Test {
 protected:
  SqliteStoreUnderTest store_{Config()};
  std::unique_ptr<transport::Transport> process_ = store_.join();
  TempDir dir_;
  const std::string path_ = dir_.file("copy.db");
};

TEST_F(BackupTest, TheCopyHoldsEverythingAndNobodyCrashed) {
  auto session = process_->open_session();
  Exchange in;
  in.appends.push_back({kQueue, block_of(numbered(10))});
  in.claims.push_back({kQueue, 4, 0, 30'000, false});
  ExchangeResult out;
  session->exchange(in, out);
  process_->look().backup(path_);
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);

  store_.config().path = path_;
  auto copy = store_.join();
  EXPECT_EQ(copy->look().depth().at(0).waiting, 10u);
  EXPECT_EQ(copy->look().depth().at(0).leased, 0u);
  auto reader = copy->open_session();
  std::uint32_t seen = 0;
  Exchange claim;
  claim.claims.push_back({kQueue, 100, 0, 30'000, false});
  reader->exchange(claim, out);
  for (const auto& claimed : out.claims.at(0).claims) {
    EXPECT_FALSE(claimed.is_suspect);
    seen += claimed.count();
  }
  EXPECT_EQ(seen, 10u);
}

TEST_F(BackupTest, NothingIsOverwritten) {
  std::ofstream(path_) << "precious";
  EXPECT_EQ(code_of([this] { process_->look().backup(path_); }), ErrorCode::kStoreRejected);
  std::string text;
  std::ifstream(path_) >> text;
  EXPECT_EQ(text, "precious");
}

TEST_F(BackupTest, APathThatCannotBeWrittenIsRefused) {
  EXPECT_EQ(code_of([this] { process_->look().backup(dir_.file("none/copy.db")); }),
            ErrorCode::kStoreRejected);
}

}  // namespace
}  // namespace msgq::test
