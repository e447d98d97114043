#include "model/frame.h"

#include <gtest/gtest.h>

#include "support/fake_random.h"
#include "support/outcome.h"

namespace msgq::frame {
namespace {

std::string framed(const Fields& fields) {
  std::string out;
  append(out, fields);
  return out;
}

void expect_same(const Fields& a, const Fields& b) {
  EXPECT_EQ(a.headers, b.headers);
  EXPECT_EQ(a.history, b.history);
  EXPECT_EQ(a.body, b.body);
  EXPECT_EQ(a.counts.deliveries, b.counts.deliveries);
  EXPECT_EQ(a.counts.failures, b.counts.failures);
  EXPECT_EQ(a.counts.crashes, b.counts.crashes);
  EXPECT_EQ(a.enqueued_ms, b.enqueued_ms);
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.place, b.place);
  EXPECT_EQ(a.once, b.once);
}

TEST(Frame, APlainBodyCostsOneByte) {
  EXPECT_EQ(framed({{}, {}, "body", {}, 0, {}, {}, {}}), std::string("\0body", 5));
  EXPECT_EQ(framed({}).size(), 1u);
}

TEST(Frame, RoundTripsEveryMixOfFields) {
  for (unsigned mix = 0; mix < 256; ++mix) {
    Fields fields;
    if (mix & 1) fields.headers = R"({"a":1})";
    if (mix & 2) fields.history = "[{}]";
    if (mix & 4) fields.body = std::string_view("\0\xff", 2);
    if (mix & 8) fields.counts = {1, 4'000'000'000u, 3};
    if (mix & 16) fields.enqueued_ms = 1'750'000'000'123;
    if (mix & 32) fields.key = "user-42";
    if (mix & 64) fields.place = {1ull << 39, 999};
    if (mix & 128) fields.once = std::string_view("\0\x0bid", 4);
    const std::string bytes = framed(fields);
    expect_same(read(bytes), fields);
  }
}

TEST(Frame, RefusesWhatEndsTooSoonAndNeverReadsOutside) {
  const std::string whole =
      framed({"{}", "[]", "", {300, 2, 1}, 1'750'000'000'000, "k", {300, 7}, "once"});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string part = whole.substr(0, size);  // a copy, so that ASan sees its end
    EXPECT_EQ(test::code_of([&] { read(part); }), ErrorCode::kStoreRejected) << size;
  }
}

TEST(Frame, RefusesFieldsOfANewerVersion) {
  EXPECT_EQ(test::code_of([&] {
              read(
                  "\x80"
                  "body");
            }),
            ErrorCode::kStoreRejected);
}

TEST(Frame, RandomBytesNeverDoMoreThanThrow) {
  test::FakeRandom random(11);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    for (std::uint64_t n = random.below(20); n > 0; --n)
      bytes += static_cast<char>(random.below(256));
    try {
      const Fields fields = read(bytes);
      EXPECT_LE(fields.body.size(), bytes.size());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kStoreRejected);
    }
  }
}

TEST(Varint, RoundTripsAtEveryLength) {
  for (unsigned bits = 0; bits < 64; ++bits)
    for (const std::uint64_t value : {1ull << bits, (1ull << bits) - 1, ~0ull >> bits}) {
      std::string bytes;
      put_varint(bytes, value);
      std::string_view in = bytes;
      EXPECT_EQ(take_varint(in), value);
      EXPECT_TRUE(in.empty());
    }
}

TEST(Varint, RefusesWhatNeverEnds) {
  const std::string endless(11, '\xff');
  std::string_view in = endless;
  EXPECT_EQ(test::code_of([&] { take_varint(in); }), ErrorCode::kStoreRejected);
}

}  // namespace
}  // namespace msgq::frame
