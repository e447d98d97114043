// Promise: whatever a role is called, what is granted goes to it; an upgrade leaves senders their
// owner's rights.
#include "transport/postgres/grants.h"

#include <unistd.h>

#include "transport/postgres/room.h"
#include "transport/postgres/schema.h"

namespace msgq::test {
namespace {

using transport::postgres::grant_roles;

class PostgresGrantsTest : public PostgresRoomTest {
 protected:
  std::string senders() {
    return ask(
        "select count(*) from pg_proc where pronamespace = ':schema'::regnamespace and prosecdef");
  }
  std::string role() const { return "r_" + std::to_string(::getpid()) + "_x"; }
};

TEST_F(PostgresGrantsTest, AnUpgradeLeavesSendersTheirOwnersRights) {
  join();
  pg_run("create role " + role());
  EXPECT_EQ(senders(), "0");
  grant_roles(spec(), {{role()}, {}, {}}, true);
  const std::string granted = senders();
  EXPECT_GE(std::stoi(granted), 17);
  transport::postgres::upgrade_schema(spec());
  EXPECT_EQ(senders(), granted);
  EXPECT_EQ(ask("select has_function_privilege('public', p.oid, 'execute')::text from pg_proc p "
                "where p.pronamespace = ':schema'::regnamespace and p.proname = 'append'"),
            "false");
  pg_run("drop owned by " + role() + "; drop role " + role());
}

TEST_F(PostgresGrantsTest, NamesAreQuotedAndNobodyIsRefused) {
  const std::string name = "a\"b\\c,{}; --";
  bool is_quoted = false;
  for (const std::string& each : grant_roles(spec(), {{}, {name}, {}}, false))
    is_quoted |= each.find("to \"a\"\"b\\c,{}; --\"") != each.npos;
  EXPECT_TRUE(is_quoted);
  EXPECT_EQ(code_of([&] {
              grant_roles(spec(), {{}, {name}, {}}, true);
            }),
            ErrorCode::kStoreRejected);
  EXPECT_EQ(code_of([&] { grant_roles(spec(), {}, true); }), ErrorCode::kConfigInvalid);
  EXPECT_EQ(code_of([&] { grant_roles(spec(), {{""}, {}, {}}, true); }), ErrorCode::kConfigInvalid);
}

}  // namespace
}  // namespace msgq::test
