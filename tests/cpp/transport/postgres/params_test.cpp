// Promise: what is put into parameters is what the server gets, whatever its type and size.
#include "transport/postgres/params.h"

#include <limits>

#include "transport/postgres/room.h"

namespace msgq::test {
namespace {

using transport::postgres::Array;
using transport::postgres::Connection;
using transport::postgres::Params;
using transport::postgres::Rows;

class PostgresParamsTest : public PostgresRoomTest {
 protected:
  // What a function of these parameters, all named by $n, gives as text.
  std::string echo(const std::string& types, const std::string& expression, const Params& params) {
    ask("create or replace function :schema.echo(" + types +
        ") returns text language sql as $f$ select " + expression + " $f$");
    return std::string(connect()->call("echo", params).bytes(0, 0));
  }
};

TEST_F(PostgresParamsTest, NumbersKeepTheirEnds) {
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  constexpr auto kSmallMin = std::numeric_limits<std::int32_t>::min();
  constexpr auto kSmallMax = std::numeric_limits<std::int32_t>::max();
  Params params;
  params.integer(kMin).integer(kMax).small(kSmallMin).small(kSmallMax).flag(true);
  EXPECT_EQ(echo("bigint, bigint, int, int, boolean", "concat_ws(' ', $1, $2, $3, $4, $5)", params),
            "-9223372036854775808 9223372036854775807 -2147483648 2147483647 t");
}

TEST_F(PostgresParamsTest, ArraysKeepOrderNullsAndQuotes) {
  Array numbers(Array::Type::kInt4), big(Array::Type::kInt8), flags(Array::Type::kBool);
  Array texts(Array::Type::kText);
  for (const int each : {3, -1, 0}) numbers.add(each);
  big.add(std::numeric_limits<std::int64_t>::max());
  flags.add(1);
  flags.add(0);
  texts.add(std::string_view("a,\"b\"\\{}"));
  texts.add_null();
  texts.add(std::string_view(""));
  Params params;
  params.array(std::move(numbers)).array(std::move(big)).array(std::move(flags));
  params.array(std::move(texts));
  EXPECT_EQ(echo("int[], bigint[], boolean[], text[]", "concat_ws(' ', $1, $2, $3, $4)", params),
            R"({3,-1,0} {9223372036854775807} {t,f} {"a,\"b\"\\{}",NULL,""})");
}

TEST_F(PostgresParamsTest, EmptyArraysHaveNoElements) {
  Params params;
  params.array(Array(Array::Type::kInt4)).array(Array(Array::Type::kUuid));
  EXPECT_EQ(echo("int[], uuid[]", "concat_ws(' ', $1, cardinality($1), cardinality($2))", params),
            "{} 0 0");
}

TEST_F(PostgresParamsTest, UuidsAndBytesAreTheSameBytes) {
  const MessageId id{0x0123456789abcdefull, 0xfedcba9876543210ull};
  Array ids(Array::Type::kUuid);
  ids.add(id);
  Params params;
  params.uuid(id).array(std::move(ids)).bytes(std::string("\0\xff\n\\", 4)).bytes("");
  EXPECT_EQ(
      echo("uuid, uuid[], bytea, bytea", "concat_ws(' ', $1, $2, encode($3, 'hex'), length($4))",
           params),
      "01234567-89ab-cdef-fedc-ba9876543210 {01234567-89ab-cdef-fedc-ba9876543210} 00ff0a5c 0");
}

TEST_F(PostgresParamsTest, TenThousandElementsAndAMegabyteArrive) {
  Array numbers(Array::Type::kInt8);
  for (int i = 0; i < 10'000; ++i) numbers.add(i);
  Params params;
  params.array(std::move(numbers)).bytes(std::string(1 << 20, 'x'));
  EXPECT_EQ(echo("bigint[], bytea", "concat_ws(' ', (select sum(e) from unnest($1) e), length($2))",
                 params),
            "49995000 1048576");
}

}  // namespace
}  // namespace msgq::test
