#include "transport/sqlite/look.h"

#include "conformance/harness.h"
#include "transport/sqlite/sqlite_store_under_test.h"

namespace msgq::test {
namespace {

class LookTest : public ::testing::Test {
 protected:
  SqliteStoreUnderTest store_{Config()};
  std::unique_ptr<transport::Transport> process_ = store_.join();
};

TEST_F(LookTest, LookingBlocksNoWriter) {
  auto session = process_->open_session();
  auto other = store_.join();
  ExchangeResult out;
  for (std::uint32_t i = 0; i < 20; ++i) {
    Exchange in;
    in.appends.push_back({kQueue, block_of(numbered(5))});
    session->exchange(in, out);
    EXPECT_EQ(other->look().depth().at(0).waiting, 5u * (i + 1));
  }
}

TEST_F(LookTest, TheStoreHasASizeAndConnections) {
  EXPECT_GT(process_->look().store_bytes(), 8'192u);
  const auto before = process_->look().connections().used;
  auto session = process_->open_session();
  EXPECT_EQ(process_->look().connections().used, before + 1);
  session.reset();
  EXPECT_EQ(process_->look().connections().used, before);
}

}  // namespace
}  // namespace msgq::test
