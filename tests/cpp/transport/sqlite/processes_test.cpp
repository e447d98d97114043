#include "transport/sqlite/processes.h"

#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

class ProcessesTest : public RawStoreTest {};

TEST_F(ProcessesTest, OthersAreListedWithoutOneself) {
  const auto before = store.processes.others(0).size();
  store.processes.join({5, "boot", "host", 42}, 9);
  const auto others = store.processes.others(0);
  EXPECT_EQ(others.size(), before + 1);
  EXPECT_EQ(store.processes.others(5).size(), before);
  store.processes.open_owner(50, 5);
  store.processes.leave(5);
  EXPECT_EQ(store.processes.others(0).size(), before);
  EXPECT_FALSE(store.processes.read_owner(50).is_known) << "its owners go with it";
}

TEST_F(ProcessesTest, AnOwnersLastRequestIsKnownWithItsAnswers) {
  store.processes.open_owner(50, 5);
  Bitmap lost;
  lost.set(3);
  EXPECT_TRUE(store.processes.raise_request(50, 7, lost));
  EXPECT_EQ(store.processes.read_owner(50).request, 7);
  EXPECT_TRUE(store.processes.read_owner(50).lost.has(3));
  EXPECT_TRUE(store.processes.raise_request(50, 8, {}));
  EXPECT_TRUE(store.processes.read_owner(50).lost.empty());
}

TEST_F(ProcessesTest, AClosedOwnerRaisesNothing) {
  store.processes.open_owner(50, 5);
  EXPECT_TRUE(store.processes.close_owner(50));
  EXPECT_FALSE(store.processes.close_owner(50)) << "changed nothing the second time";
  EXPECT_FALSE(store.processes.raise_request(50, 1, {}));
  EXPECT_FALSE(store.processes.raise_request(51, 1, {})) << "nobody";
}

TEST(BootId, IsThisMachines) {
  EXPECT_EQ(transport::sqlite::read_boot_id().size(), 36u);
  EXPECT_FALSE(transport::sqlite::read_host().empty());
}

}  // namespace
}  // namespace msgq::test
