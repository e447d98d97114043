#include "transport/sqlite/statement.h"

#include "support/outcome.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

using transport::sqlite::Blob;
using transport::sqlite::Cursor;
using transport::sqlite::Statement;

class StatementTest : public RawStoreTest {
 protected:
  sqlite3* database() { return store.connection.handle(); }
};

TEST_F(StatementTest, ValuesComeBackAsTheyWent) {
  Statement echo(database(), "select ?1, ?2, ?3, ?4");
  const std::string text = "t\xc3\xa4xt", bytes("a\0b", 3);
  Cursor row = echo.query(-5, std::string_view(text), Blob{bytes}, Blob{{}, true});
  ASSERT_TRUE(row.next());
  EXPECT_EQ(row.integer(0), -5);
  EXPECT_EQ(row.text(1), text);
  EXPECT_EQ(row.text(2), bytes);
  EXPECT_TRUE(row.is_null(3));
  EXPECT_FALSE(row.next());
}

TEST_F(StatementTest, EmptyIsNotNull) {
  Statement echo(database(), "select ?1, ?2");
  Cursor row = echo.query(std::string_view(), Blob{});
  ASSERT_TRUE(row.next());
  EXPECT_FALSE(row.is_null(0));
  EXPECT_FALSE(row.is_null(1));
}

TEST_F(StatementTest, ACursorThatIsLeftEarlyGivesTheStatementBack) {
  Statement two(database(), "select 1 union all select 2");
  for (int i = 0; i < 3; ++i) {
    Cursor row = two.query();
    ASSERT_TRUE(row.next());
    EXPECT_EQ(row.integer(0), 1);
  }
}

TEST_F(StatementTest, AnErrorShowsTheFirstLineOfTheStatementNotItsComment) {
  const Error error = error_of([&] { Statement bad(database(), "-- says\nselekt 1\nfrom x"); });
  EXPECT_EQ(error.code(), ErrorCode::kInternal);
  EXPECT_NE(std::string(error.what()).find("'selekt 1'"), std::string::npos) << error.what();
}

TEST_F(StatementTest, RunCountsTheRowsItChanged) {
  Statement insert(database(), "insert into queue (name) values (?1), (?2)");
  EXPECT_EQ(insert.run(std::string_view("a"), std::string_view("b")), 2);
}

}  // namespace
}  // namespace msgq::test
