#include <gtest/gtest.h>

#include "msgq/message.h"

namespace msgq {
namespace {

TEST(Parcel, GivesBackWhatWasAdded) {
  Parcel parcel;
  parcel.type = "mail";
  parcel.content = Content::kText;
  parcel.first_id = draw_ids(3, 1);
  parcel.reserve(3, 100);
  parcel.add("one");
  parcel.add("", R"({"h":"x"})");
  parcel.add(std::string(70'000, 'z'));
  ASSERT_EQ(parcel.count(), 3u);
  EXPECT_EQ(parcel.bytes(), parcel.frames.size());
  EXPECT_EQ(parcel.view(0).body, "one");
  EXPECT_EQ(parcel.view(0).headers, "");
  EXPECT_EQ(parcel.view(1).body, "");
  EXPECT_EQ(parcel.view(1).headers, R"({"h":"x"})");
  EXPECT_EQ(parcel.view(2).body.size(), 70'000u);
  EXPECT_EQ(parcel.view(2).id, parcel.first_id.plus(2));
  EXPECT_EQ(parcel.view(2).type, "mail");
  EXPECT_EQ(parcel.view(2).content, Content::kText);
}

TEST(Parcel, WhatIsCutOffIsAParcelOfItsOwn) {
  Parcel parcel;
  parcel.queue = "q";
  parcel.type = "t";
  parcel.due_ms = 7;
  parcel.first_id = draw_ids(3, 1'000);
  parcel.add("a", {}, "k");
  parcel.add("bb", "{}");
  parcel.add("ccc");
  parcel.band = kKeyedBand;
  const Parcel rest = parcel.cut(1);
  ASSERT_EQ(parcel.count(), 1u);
  EXPECT_EQ(parcel.view(0).body, "a");
  ASSERT_EQ(rest.count(), 2u);
  EXPECT_EQ(rest.queue, "q");
  EXPECT_EQ(rest.due_ms, 7);
  EXPECT_EQ(rest.first_id, parcel.first_id.plus(1));
  EXPECT_EQ(rest.band, parcel.band);
  EXPECT_EQ(rest.view(0).headers, "{}");
  EXPECT_EQ(rest.view(1).body, "ccc");
}

TEST(Parcel, ReservedRoomIsEnoughForPlainBodies) {
  Parcel parcel;
  parcel.reserve(100, 100 * 200);
  const auto capacity = parcel.frames.capacity();
  for (int i = 0; i < 100; ++i) parcel.add(std::string(200, 'x'));
  EXPECT_EQ(parcel.frames.capacity(), capacity);
}

TEST(Parcel, AMessageThatHasLivedKeepsItsPast) {
  StoredMessage message;
  message.body = "body";
  message.headers = "{}";
  message.counts = {3, 2, 1};
  message.history = "[1]";
  message.enqueued_ms = 12'345;
  Parcel parcel;
  parcel.add(message.view());
  const MessageView view = parcel.view(0);
  EXPECT_EQ(view.body, "body");
  EXPECT_EQ(view.headers, "{}");
  EXPECT_EQ(view.counts.deliveries, 3u);
  EXPECT_EQ(view.counts.failures, 2u);
  EXPECT_EQ(view.counts.crashes, 1u);
  EXPECT_EQ(view.history, "[1]");
  EXPECT_EQ(view.enqueued_ms, 12'345);
}

TEST(StoredMessage, OwnsWhatItCopied) {
  StoredMessage copy;
  {
    Parcel parcel;
    parcel.type = "kind";
    parcel.content = Content::kMsgpack;
    parcel.first_id = draw_ids(1, 1);
    parcel.add("body", R"({"a":1})");
    copy = StoredMessage::copy(parcel.view(0));
    parcel.frames.assign(parcel.frames.size(), '?');
  }
  EXPECT_EQ(copy.type, "kind");
  EXPECT_EQ(copy.body, "body");
  EXPECT_EQ(copy.headers, R"({"a":1})");
  EXPECT_EQ(copy.content, Content::kMsgpack);
  EXPECT_EQ(StoredMessage::copy(copy.view()).id, copy.id);
}

}  // namespace
}  // namespace msgq
