// Promise (E7, E10): a file of another program, of a newer msgq or of no database at all is refused
// and left as it is.
#include "transport/sqlite/schema.h"

#include <fstream>
#include <sstream>

#include "support/outcome.h"
#include "transport/sqlite/sqlite_store_under_test.h"

namespace msgq::test {
namespace {

class SchemaTest : public ::testing::Test {
 protected:
  std::string bytes() {
    std::ifstream file(store_.path(), std::ios::binary);
    return (std::stringstream() << file.rdbuf()).str();
  }
  // Opening is refused as a mismatch and the file is as it was; the text.
  std::string refusal() {
    const std::string before = bytes();
    const Error error = error_of([this] { store_.join(); });
    EXPECT_EQ(error.code(), ErrorCode::kSchemaMismatch) << error.what();
    EXPECT_EQ(bytes(), before) << "it was touched";
    return error.what();
  }
  SqliteStoreUnderTest store_{Config()};
};

TEST_F(SchemaTest, ANewFileGetsOurStamp) {
  store_.join();
  transport::sqlite::Connection reader({store_.path(), ""}, system_clock());
  EXPECT_EQ(reader.ask("pragma application_id"), transport::sqlite::kApplicationId);
  EXPECT_EQ(reader.ask("pragma user_version"), transport::sqlite::kSchemaVersion);
  EXPECT_EQ(reader.ask("pragma page_size"), 8'192);
  EXPECT_EQ(reader.ask("pragma auto_vacuum"), 2);
  EXPECT_EQ(reader.ask("select count(*) from pragma_journal_mode where journal_mode = 'wal'"), 1);
}

TEST_F(SchemaTest, AForeignDatabaseIsRefusedUntouched) {
  store_.run("create table theirs (a); insert into theirs values (1)");
  EXPECT_NE(refusal().find("another program"), std::string::npos);
  store_.run("pragma application_id = 5");
  EXPECT_NE(refusal().find("another program"), std::string::npos);
}

TEST_F(SchemaTest, ANewerStoreIsRefusedUntouched) {
  store_.join();
  store_.run("pragma user_version = 99");
  EXPECT_NE(refusal().find("newer msgq"), std::string::npos);
}

TEST_F(SchemaTest, AFileThatIsNoDatabaseIsRefusedUntouched) {
  std::ofstream(store_.path()) << std::string(5'000, 'x');
  refusal();
}

TEST_F(SchemaTest, AnEmptyFileIsMadeAStore) {
  std::ofstream(store_.path()).flush();
  EXPECT_NO_THROW(store_.join());
}

}  // namespace
}  // namespace msgq::test
