#include "transport/sqlite/cut.h"

#include "conformance/harness.h"
#include "transport/sqlite/raw_store.h"

namespace msgq::test {
namespace {

using transport::Room;
using transport::sqlite::ClaimRow;
using transport::sqlite::cut_front;
using transport::sqlite::Place;

Room room(std::uint32_t count, std::uint64_t bytes = 0) {
  return Room(ClaimWish{kQueue, count, bytes, 30'000, false});
}

class CutFront : public RawStoreTest {
 protected:
  ClaimRow row(std::uint32_t n, Place from, Place to) {
    ClaimRow out;
    out.n = n;
    out.from = from;
    out.to = to;
    return out;
  }
  auto cut(const ClaimRow& of, const Room& with) {
    return cut_front(of, store.blocks.scan(1, of.from.seq), with);
  }
};

TEST_F(CutFront, RunsThroughBlocksAndEndsWhereRoomEnds) {
  for (std::int64_t seq = 1; seq <= 3; ++seq)
    store.blocks.append(1, seq, block_of(numbered(4)), {}, 0);
  const auto front = cut(row(10, {1, 2}, {4, 0}), room(5));
  EXPECT_EQ(front.n, 5u);
  EXPECT_EQ(front.to, (Place{2, 3}));
  ASSERT_EQ(front.parts.size(), 2u);
  EXPECT_EQ(front.parts[0].first, 2u);
  EXPECT_EQ(cut(row(10, {1, 2}, {4, 0}), room(7)).to, (Place{4, 0})) << "ten are nearly seven";
}

TEST_F(CutFront, DoneMessagesComeAlongForNothing) {
  store.blocks.append(1, 1, block_of(numbered(6)), {}, 0);
  ClaimRow of = row(6, {1, 0}, {2, 0});
  for (const std::uint32_t i : {0u, 1u, 3u, 5u}) of.done.set(i);
  const auto one = cut(of, Room::for_one());
  EXPECT_EQ(one.left, 1u);
  EXPECT_EQ(one.n, 4u) << "0, 1 done, 2 to run, 3 done";
}

TEST_F(CutFront, StopsBeforeADamagedBlock) {
  store.blocks.append(1, 1, block_of(numbered(2)), {}, 0);
  store.blocks.append(1, 2, block_of(numbered(2)), {}, 0);
  store.connection.run("update block set frames = zeroblob(9) where id & 0xff = 2");
  store.blocks.forget();
  const auto front = cut(row(4, {1, 0}, {3, 0}), room(10));
  EXPECT_EQ(front.n, 2u);
  ASSERT_TRUE(front.damaged.has_value());
  EXPECT_EQ(front.damaged->seq, 2);
}

}  // namespace
}  // namespace msgq::test
