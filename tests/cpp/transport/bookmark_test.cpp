#include "transport/bookmark.h"

#include <gtest/gtest.h>

#include "support/outcome.h"

namespace msgq::transport {
namespace {

using test::code_of;

TEST(Bookmark, ComesBackAsItWasWritten) {
  const Bookmark mark{1, ~0ull, 3, 'p'};
  const auto read = Bookmark::read(mark.text(), "mp");
  EXPECT_EQ(read.a, 1u);
  EXPECT_EQ(read.b, ~0ull);
  EXPECT_EQ(read.c, 3u);
  EXPECT_EQ(read.kind, 'p');
}

TEST(Bookmark, WhatIsNoneIsRefused) {
  for (const char* text : {"", "m", "m1", "m1.2", "x1.2.3", "d1.2.3", "m1.2.x", "m-1.2.3"})
    EXPECT_EQ(code_of([&] { Bookmark::read(text, "mp"); }), ErrorCode::kConfigInvalid) << text;
}

}  // namespace
}  // namespace msgq::transport
