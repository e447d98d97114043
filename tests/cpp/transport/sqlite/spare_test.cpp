#include "transport/sqlite/spare.h"

#include "support/outcome.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

class SpareTest : public RawStoreTest {
 protected:
  std::uint64_t file_bytes() { return base.disk.size_of(base.config.path); }
};

TEST_F(SpareTest, TheFileIsLongerThanAllOfItsPages) {
  store.connection.run("create table t (a); insert into t values (zeroblob(5000000))");
  store.spare.hold(5'000'000);
  EXPECT_GE(file_bytes(),
            static_cast<std::uint64_t>(store.connection.ask("pragma page_count")) * 8'192);
  EXPECT_GE(file_bytes(), 5'000'000u);
}

TEST_F(SpareTest, LittleWorkIsNotLookedAtEachTime) {
  store.spare.hold(0);  // the first call looks
  const auto before = file_bytes();
  store.connection.run("create table t (a); insert into t values (zeroblob(5000000))");
  store.spare.hold(10);
  EXPECT_EQ(file_bytes(), before);
  store.spare.hold(1 << 20);
  EXPECT_GT(file_bytes(), before);
}

TEST_F(SpareTest, AFullDeviceIsSaid) {
  base.disk.set_room(base.disk.used());
  store.connection.run("create table t (a); insert into t values (zeroblob(500000))");
  EXPECT_EQ(code_of([this] { store.spare.hold(500'000); }), ErrorCode::kStoreFull);
}

}  // namespace
}  // namespace msgq::test
