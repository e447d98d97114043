// Promise: what the server answers is read as what it is: signs, nulls, arrays, bytes.
#include "transport/postgres/rows.h"

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using transport::postgres::Rows;

class PostgresRowsTest : public PostgresRoomTest {
 protected:
  Rows rows(const std::string& columns, const std::string& values) {
    ask("drop function if exists :schema.rows();"
        "create function :schema.rows() returns table (" +
        columns + ") language sql as $f$ " + values + " $f$");
    return connect()->call("rows");
  }
};

TEST_F(PostgresRowsTest, NumbersOfEveryWidthKeepTheirSign) {
  const Rows got =
      rows("a smallint, b int, c bigint, d boolean",
           "values (-2::smallint, -3, -4::bigint, true), (32767::smallint, 2147483647, "
           "9223372036854775807, false)");
  ASSERT_EQ(got.size(), 2);
  EXPECT_EQ(got.integer(0, 0), -2);
  EXPECT_EQ(got.integer(0, 1), -3);
  EXPECT_EQ(got.integer(0, 2), -4);
  EXPECT_EQ(got.integer(0, 3), 1);
  EXPECT_EQ(got.integer(1, 0), 32'767);
  EXPECT_EQ(got.integer(1, 1), 2'147'483'647);
  EXPECT_EQ(got.integer(1, 2), 9'223'372'036'854'775'807);
  EXPECT_EQ(got.integer(1, 3), 0);
}

TEST_F(PostgresRowsTest, ArraysRealsAndBytes) {
  const Rows got = rows("a int[], b int[], c float8, d bytea, e uuid",
                        "select array[1, -2, 3], '{}'::int[], -0.25::float8, '\\x00ff'::bytea, "
                        "'01234567-89ab-cdef-fedc-ba9876543210'::uuid");
  EXPECT_EQ(got.integers(0, 0), (std::vector<std::int64_t>{1, -2, 3}));
  EXPECT_TRUE(got.integers(0, 1).empty());
  EXPECT_EQ(got.real(0, 2), -0.25);
  EXPECT_EQ(got.bytes(0, 3), std::string_view("\0\xff", 2));
  EXPECT_EQ(got.id(0, 4), (MessageId{0x0123456789abcdefull, 0xfedcba9876543210ull}));
}

TEST_F(PostgresRowsTest, NullsAndNoRowsAreTold) {
  const Rows got = rows("a int, b text", "values (null::int, ''), (0, null)");
  EXPECT_TRUE(got.is_null(0, 0));
  EXPECT_FALSE(got.is_null(0, 1));
  EXPECT_TRUE(got.is_null(1, 1));
  EXPECT_EQ(rows("a int", "select 1 where false").size(), 0);
  EXPECT_EQ(Rows().size(), 0);
}

}  // namespace
}  // namespace msgq::test
