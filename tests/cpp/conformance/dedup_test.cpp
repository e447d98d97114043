// Promise: while a dedup id is remembered no other message of it comes into the queue, whoever
// sends it and however; the sender is told which message it is, and whether that has the same body.
// It is forgotten when its time is over, or with its message, never while that may still be run.
#include "conformance/harness.h"

namespace msgq::test {
namespace {

using Until = Once::Until;
using Bodies = std::vector<std::string>;

struct Sent {
  std::string body, id;
};

class DedupConformance : public ConformanceTest {
 protected:
  Parcel parcel(const std::vector<Sent>& messages, Until until = Until::kWindow,
                std::int64_t window_ms = 60'000) {
    Parcel out;
    out.queue = kQueue;
    out.first_id = draw_ids(messages.size(), FakeClock::kWallStartMs);
    for (const Sent& each : messages)
      out.add(each.body, {}, {}, Once{each.id, until, window_ms}.encode());
    return out;
  }
  static transport::Append append_of(Parcel parcel) {
    std::vector<Parcel> parcels;
    parcels.push_back(std::move(parcel));
    return {kQueue, transport::Block::build(std::move(parcels), FakeClock::kWallStartMs)};
  }
  ExchangeResult send(Process& process, const std::vector<Sent>& messages,
                      Until until = Until::kWindow, std::int64_t window_ms = 60'000) {
    Parcel made = parcel(messages, until, window_ms);
    first_ = made.first_id;
    Exchange in;
    in.appends.push_back(append_of(std::move(made)));
    return process.exchange(in);
  }
  // And lets the store know: it is told of the test's time when it is asked for more than to store.
  void wait(Process& process, std::int64_t ms) {
    clock().advance(std::chrono::milliseconds(ms));
    process.promote();
  }
  static SettleOrder done(const Claimed& claimed) {
    SettleOrder order = ack_all(claimed);
    for (const std::uint32_t i : left_of(claimed)) order.releases.push_back(id_of(claimed, i));
    return order;
  }
  static MessageId id_of(const Claimed& claimed, std::uint32_t ordinal) {
    return message_at(claimed, ordinal).id;
  }

  MessageId first_;  // of the last send()
};

// The blocks of an exchange need not lie in the order of the calls.
TEST_P(DedupConformance, OfOneExchangeTheFirstCallIsStored) {
  Process& process = join();
  Parcel first = parcel({{"a", "1"}}), second = parcel({{"b", "2"}, {"c", "1"}});
  const MessageId earlier = first.first_id;
  Exchange in;
  in.appends.push_back(append_of(std::move(second)));
  in.appends.push_back(append_of(std::move(first)));
  const auto duplicates = process.exchange(in).duplicates;
  ASSERT_EQ(duplicates.size(), 1u);
  EXPECT_EQ(duplicates[0].number, 1u);
  EXPECT_EQ(duplicates[0].earlier, earlier);
  EXPECT_EQ(drain(process), (Bodies{"b", "a"}));
}

TEST_P(DedupConformance, TheSecondOfAnIdIsToldOfTheFirst) {
  Process& process = join();
  EXPECT_TRUE(send(process, {{"a", "x"}}).duplicates.empty());
  const MessageId earlier = first_;
  const auto again = send(process, {{"b", "y"}, {"a", "x"}, {"other", "x"}}).duplicates;
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[0].number, 1u);
  EXPECT_EQ(again[0].earlier, earlier);
  EXPECT_TRUE(again[0].is_same);
  EXPECT_EQ(again[1].number, 2u);
  EXPECT_FALSE(again[1].is_same);
  EXPECT_EQ(drain(process), (Bodies{"a", "b"}));
  EXPECT_EQ(depth().sent, 2u);
}

TEST_P(DedupConformance, TwoOfAnIdInOneExchangeAreOne) {
  Process& process = join();
  Exchange in;
  in.appends.push_back(append_of(parcel({{"a", "x"}, {"a", "x"}, {"b", "y"}})));
  in.appends.push_back(append_of(parcel({{"a", "x"}})));
  const auto twice = process.exchange(in).duplicates;
  ASSERT_EQ(twice.size(), 2u);
  EXPECT_EQ(twice[0].number, 1u);
  EXPECT_EQ(twice[1].number, 3u);
  EXPECT_EQ(twice[0].earlier, in.appends[0].block->first_id());
  EXPECT_EQ(twice[1].earlier, in.appends[0].block->first_id());
  EXPECT_EQ(drain(process), (Bodies{"a", "b"}));
}

TEST_P(DedupConformance, AnotherProcessSeesItToo) {
  Process& one = join();
  Process& other = join();
  send(one, {{"a", "x"}});
  EXPECT_EQ(send(other, {{"a", "x"}}).duplicates.size(), 1u);
  EXPECT_EQ(drain(other), Bodies{"a"});
}

TEST_P(DedupConformance, AnotherQueueHasIdsOfItsOwn) {
  Process& process = join();
  send(process, {{"a", "x"}});
  Exchange in;
  in.appends.push_back(append_of(parcel({{"a", "x"}})));
  in.appends[0].queue = "others";
  EXPECT_TRUE(process.exchange(in).duplicates.empty());
  EXPECT_EQ(drain(process, "others"), Bodies{"a"});
}

TEST_P(DedupConformance, ADelayedMessageIsADuplicateAndMakesOne) {
  Process& process = join();
  const auto park = [&](const std::string& body) {
    Exchange in;
    in.parks.push_back(
        {kQueue, wall_ms() + 1'000, StoredMessage::copy(parcel({{body, "x"}}).view(0))});
    return process.exchange(in).duplicates.size();
  };
  EXPECT_EQ(park("a"), 0u);
  EXPECT_EQ(park("a"), 1u);
  EXPECT_EQ(send(process, {{"a", "x"}}).duplicates.size(), 1u);
  EXPECT_EQ(depth().parked, 1u);
  EXPECT_EQ(depth().sent, 1u);
}

TEST_P(DedupConformance, AWindowOutlivesItsMessageAndEnds) {
  Process& process = join();
  send(process, {{"a", "x"}}, Until::kWindow, 1'000);
  const Claimed claimed = process.claim_one(1);
  EXPECT_TRUE(process.settle(done(claimed)));
  EXPECT_EQ(send(process, {{"a", "x"}}).duplicates.size(), 1u) << "done, and still remembered";
  wait(process, 500);
  EXPECT_EQ(send(process, {{"a", "x"}}).duplicates.size(), 1u);
  wait(process, 501);
  EXPECT_TRUE(send(process, {{"a", "x"}}).duplicates.empty());
  EXPECT_EQ(drain(process), Bodies{"a"});
}

TEST_P(DedupConformance, UntilDoneIsUntilTheMessageIsSettled) {
  Process& process = join();
  send(process, {{"a", "x"}}, Until::kDone);
  const Claimed claimed = process.claim_one(1);
  clock().advance(std::chrono::hours(1));
  EXPECT_EQ(send(process, {{"a", "x"}}, Until::kDone).duplicates.size(), 1u);
  EXPECT_TRUE(process.settle(done(claimed)));
  EXPECT_TRUE(send(process, {{"a", "x"}}, Until::kDone).duplicates.empty());
  EXPECT_EQ(drain(process), Bodies{"a"});
}

TEST_P(DedupConformance, AMessagePassesItsIdOn) {
  Process& process = join();
  send(process, {{"a", "x"}}, Until::kDone);
  const Claimed claimed = process.claim_one(1);
  Exchange in;
  in.settles.push_back(done(claimed));
  in.settles.back().is_required = true;
  in.appends.push_back(append_of(parcel({{"b", "x"}}, Until::kDone)));
  in.stricts.push_back({0, 1, true});
  EXPECT_TRUE(process.exchange(in).duplicates.empty());
  EXPECT_EQ(send(process, {{"c", "x"}}, Until::kDone).duplicates.size(), 1u);
  EXPECT_EQ(drain(process), Bodies{"b"});
}

TEST_P(DedupConformance, WhatASubscriptionIsDoneWithFreesNothingOfItsQueue) {
  Process& process = join();
  observer().subscribe(kQueue, "audit", {});
  send(process, {{"a", "x"}}, Until::kDone);
  const Claimed claimed = process.claim_one(1, subscription_name(kQueue, "audit"));
  Exchange in;
  in.settles.push_back(done(claimed));
  in.settles.back().is_required = true;
  in.appends.push_back(append_of(parcel({{"b", "x"}}, Until::kDone)));
  in.stricts.push_back({0, 1, true});
  EXPECT_THROW(process.exchange(in), transport::DuplicateRefused);
  EXPECT_TRUE(process.settle(done(claimed)));
  EXPECT_EQ(drain(process), Bodies{"a"});
}

TEST_P(DedupConformance, ALostClaimFreesNothing) {
  Process& process = join();
  send(process, {{"a", "x"}}, Until::kDone);
  const Claimed lost = process.claim_one(1);
  EXPECT_TRUE(process.settle(give_back(lost)));
  EXPECT_FALSE(process.settle(done(lost)));
  Exchange in;
  in.starts.push_back({lost.key, {id_of(lost, 0)}});
  process.exchange(in);
  EXPECT_EQ(send(process, {{"a", "x"}}, Until::kDone).duplicates.size(), 1u);
}

TEST_P(DedupConformance, ARetryKeepsWhatIsUniqueUntilDone) {
  Process& process = join();
  send(process, {{"a", "x"}}, Until::kDone);
  const Claimed claimed = process.claim_one(1);
  SettleOrder order = ack_some(claimed, {});
  add_back(order, claimed, 0, SettleOrder::Return::kRetry, wall_ms() + 1'000);
  order.done.set(0);
  order.is_whole = true;
  EXPECT_TRUE(process.settle(order));
  EXPECT_EQ(send(process, {{"a", "x"}}, Until::kDone).duplicates.size(), 1u);
}

TEST_P(DedupConformance, AStartFreesWhatIsUniqueUntilThen) {
  Process& process = join();
  send(process, {{"a", "x"}}, Until::kStarted);
  const Claimed claimed = process.claim_one(1);
  EXPECT_EQ(send(process, {{"a", "x"}}, Until::kStarted).duplicates.size(), 1u);
  Exchange in;
  in.starts.push_back({claimed.key, {id_of(claimed, 0)}});
  process.exchange(in);
  EXPECT_TRUE(send(process, {{"a", "x"}}, Until::kStarted).duplicates.empty());
  EXPECT_TRUE(process.settle(done(claimed))) << "and the end of the first frees no more";
  EXPECT_EQ(send(process, {{"a", "x"}}, Until::kStarted).duplicates.size(), 1u);
  EXPECT_EQ(drain(process), Bodies{"a"});
}

TEST_P(DedupConformance, ACancelledMessageAndAPurgedQueueFreeWhatIsUniqueUntilDone) {
  Process& process = join();
  Parcel made = parcel({{"a", "x"}}, Until::kDone);
  const MessageId id = made.first_id;
  Exchange in;
  in.parks.push_back({kQueue, wall_ms() + 1'000, StoredMessage::copy(made.view(0))});
  process.exchange(in);
  EXPECT_EQ(process.look().cancel(kQueue, {id}), 1u);
  EXPECT_TRUE(send(process, {{"a", "x"}}, Until::kDone).duplicates.empty());
  EXPECT_EQ(process.look().purge(kQueue), 1u);
  EXPECT_TRUE(send(process, {{"a", "x"}}, Until::kDone).duplicates.empty());
  send(process, {{"b", "y"}});
  EXPECT_EQ(process.look().purge(kQueue), 2u);
  EXPECT_EQ(send(process, {{"b", "y"}}).duplicates.size(), 1u) << "a window is a window";
  process.look().delete_queue(kQueue);
  EXPECT_TRUE(send(join(), {{"b", "y"}}).duplicates.empty());
  drain(process);
}

TEST_P(DedupConformance, AMessageShowsItsIdWhereverItIs) {
  Process& process = join();
  send(process, {{"a", "x"}}, Until::kDone);
  const std::string once = Once{"x", Until::kDone, 60'000}.encode();
  EXPECT_EQ(process.look().find(kQueue, first_)->message.once, once);
  const Claimed claimed = process.claim_one(1);
  SettleOrder order = ack_some(claimed, {});
  add_back(order, claimed, 0, SettleOrder::Return::kRetry, wall_ms() + 1'000);
  order.done.set(0);
  order.is_whole = true;
  EXPECT_TRUE(process.settle(order));
  EXPECT_EQ(process.look().find(kQueue, first_)->message.once, once) << "parked";
  clock().advance(std::chrono::seconds(2));
  EXPECT_EQ(process.promote(), 1u);
  const Claimed again = process.claim_one(1);
  EXPECT_EQ(message_at(again, 0).once, once);
  SettleOrder end = ack_some(again, {});
  add_dead(end, again, 0, "no");
  end.done.set(0);
  end.is_whole = true;
  EXPECT_TRUE(process.settle(end));
  EXPECT_EQ(process.look().dead(kQueue, {}, 1).at(0).message.once, once);
}

MSGQ_CONFORMANCE(DedupConformance);

class DedupDoubtConformance : public DedupConformance {
 protected:
  std::shared_ptr<ScriptedPlan> plan_ = std::make_shared<ScriptedPlan>();
};

TEST_P(DedupDoubtConformance, ALostReplyIsFoundOutWithItsDuplicates) {
  Process& process = join_with(plan_);
  send(process, {{"a", "x"}});
  Exchange in;
  in.appends.push_back(append_of(parcel({{"a", "x"}, {"b", "y"}})));
  plan_->push(Fault::kDoubtDone);
  EXPECT_EQ(code_of([&] { process.exchange(in); }), ErrorCode::kStoreInDoubt);
  ExchangeResult out;
  ASSERT_TRUE(process.session().resolve(out));
  ASSERT_EQ(out.duplicates.size(), 1u);
  EXPECT_EQ(out.duplicates[0].number, 0u);
  EXPECT_EQ(drain(process), (Bodies{"a", "b"}));
}

TEST_P(DedupDoubtConformance, WhatWasLostIsNotRemembered) {
  Process& process = join_with(plan_);
  Exchange in;
  in.appends.push_back(append_of(parcel({{"a", "x"}})));
  plan_->push(Fault::kDoubtUndone);
  EXPECT_EQ(code_of([&] { process.exchange(in); }), ErrorCode::kStoreInDoubt);
  ExchangeResult out;
  EXPECT_FALSE(process.session().resolve(out));
  EXPECT_TRUE(process.exchange(in).duplicates.empty()) << "or it would never come";
  EXPECT_EQ(drain(process), Bodies{"a"});
}

MSGQ_CONFORMANCE(DedupDoubtConformance);

}  // namespace
}  // namespace msgq::test
