// Two tellings of the same switches: what agrees, what differs, what one side does not know.
#include "bpf/slice_match.h"

#include <gmock/gmock.h>

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

SliceEnd End(uint32_t number, uint32_t tid, uint32_t next, int64_t run_ns, bool known = true) {
  return {.number = number, .thread = {.tid = tid, .start_ns = 5}, .next_tid = next, .known = known, .run_ns = run_ns};
}

TEST(SliceMatchTest, ComparesSlicesOfTheSameSwitchInWhateverOrderTheyAreTold) {
  SliceMatch match(2);
  match.OnLog(0, End(1, 7, 8, 100));
  match.OnLog(0, End(2, 8, 0, 250));
  match.OnAccount(1, End(1, 9, 0, 1000));
  match.OnAccount(0, End(1, 7, 8, 100));
  match.OnAccount(0, End(2, 8, 0, 240));
  match.OnLog(1, End(1, 9, 0, 1003));
  EXPECT_THAT(match.errors_ns(), ElementsAre(0, 10, 3));
  EXPECT_EQ(match.worst_tid(), 8u);
  EXPECT_EQ(match.matched(), 3u);
  EXPECT_EQ(match.different(), 0u);
}

TEST(SliceMatchTest, NumbersWrap) {
  SliceMatch match(1);
  for (uint32_t number = 0xFFFF'FFFE; number != 3; ++number) {
    if (number != 0xFFFF'FFFF) match.OnLog(0, End(number, 7, 8, 1));
    match.OnAccount(0, End(number, 7, 8, 1));
  }
  EXPECT_EQ(match.matched(), 4u);
  EXPECT_EQ(match.account_only(), 1u);
}

TEST(SliceMatchTest, ASwitchThatOneSideLacksIsCountedOnceBothAreInStep) {
  SliceMatch match(1);
  match.OnAccount(0, End(1, 7, 8, 1));  // before the log began
  match.OnLog(0, End(2, 8, 9, 1, /*known=*/false));
  match.OnAccount(0, End(2, 8, 9, 1));
  EXPECT_EQ(match.account_only(), 0u);
  match.OnAccount(0, End(3, 9, 8, 1));  // the log lost this one
  match.OnAccount(0, End(4, 8, 9, 1));
  match.OnLog(0, End(4, 9, 9, 2, /*known=*/false));
  EXPECT_EQ(match.account_only(), 1u);
  match.OnLog(0, End(5, 9, 8, 1));  // and the oracle this one
  match.OnLog(0, End(6, 8, 7, 1));
  match.OnAccount(0, End(6, 8, 7, 1));
  EXPECT_EQ(match.log_only(), 1u);
  EXPECT_EQ(match.different(), 0u);
}

TEST(SliceMatchTest, AnotherThreadIsNoErrorOfSoManyNanosecondsButADifference) {
  SliceMatch match(1);
  match.OnLog(0, End(1, 7, 8, 100));
  match.OnAccount(0, End(1, 7, 9, 100));  // another came
  match.OnLog(0, End(2, 8, 0, 100));
  match.OnAccount(0, End(2, 9, 0, 100));  // another left
  SliceEnd reused = End(3, 0, 0, 100);
  reused.thread.start_ns = 6;
  match.OnLog(0, reused);
  match.OnAccount(0, End(3, 0, 0, 100));  // the same number, an older thread
  EXPECT_EQ(match.different(), 3u);
  EXPECT_THAT(match.errors_ns(), IsEmpty());
}

TEST(SliceMatchTest, WhatTheLogSaysItDoesNotKnowIsHidden) {
  SliceMatch match(1);
  match.OnLog(0, End(2, 3, 8, 0, /*known=*/false));
  match.OnAccount(0, End(2, 7, 8, 400));
  EXPECT_EQ(match.hidden(), 1u);
  EXPECT_EQ(match.different(), 0u);
  EXPECT_EQ(match.hidden_run_ns().at({.tid = 7, .start_ns = 5}), 400);
  match.Mark();
  EXPECT_THAT(match.hidden_run_ns(), IsEmpty());
  match.OnAccount(0, End(3, 8, 7, 1));
  match.OnAccount(0, End(4, 7, 8, 1));
  match.OnLog(0, End(4, 8, 8, 1, /*known=*/false));
  EXPECT_EQ(match.account_only(), 1u) << "in step since before the mark";
}

switch_out Out(uint32_t tid, uint64_t start, uint64_t sum, uint32_t times) {
  return {.sum_exec_runtime = sum, .start = start, .tid = tid, .thread_switches = times};
}

TEST(ThreadAccountsTest, ASliceIsTheDifferenceOfTwoSums) {
  ThreadAccounts accounts;
  EXPECT_FALSE(accounts.OnSwitchOut(Out(7, 100, 5'000, 40)).known) << "it ran before anybody looked";
  const SliceEnd end = accounts.OnSwitchOut(Out(7, 100, 5'600, 41));
  EXPECT_TRUE(end.known);
  EXPECT_EQ(end.run_ns, 600);
}

TEST(ThreadAccountsTest, AThreadThatBeganAfterTheMarkCountsFromZero) {
  ThreadAccounts accounts;
  accounts.OnSwitchOut(Out(7, 100, 4'000, 39));
  accounts.OnSwitchOut(Out(7, 100, 5'000, 40));
  accounts.OnSwitchOut(Out(9, 100, 5'000, 40));
  accounts.Mark(/*boot_ns=*/1000);
  accounts.Unknown({.tid = 9, .start_ns = 100});
  const SliceEnd first = accounts.OnSwitchOut(Out(8, 1001, 70, 1));
  EXPECT_TRUE(first.known);
  EXPECT_EQ(first.run_ns, 70);
  accounts.OnSwitchOut(Out(7, 100, 5'010, 41));
  accounts.OnSwitchOut(Out(7, 1002, 20, 1));  // the number again
  accounts.OnSwitchOut(Out(6, 900, 800, 4));  // older than the mark, never seen
  const auto of = [&](uint32_t tid, uint64_t start) { return accounts.accounts().at({.tid = tid, .start_ns = start}); };
  EXPECT_EQ(of(8, 1001).run_ns(), 70);
  EXPECT_EQ(of(7, 100).run_ns(), 10);
  EXPECT_EQ(of(7, 1002).run_ns(), 20);
  EXPECT_TRUE(of(7, 100).base_known);
  EXPECT_FALSE(of(6, 900).base_known);
  EXPECT_FALSE(of(9, 100).base_known) << "it was on a CPU at the mark";
}

TEST(ThreadAccountsTest, ASwitchThatNobodyWasToldOfShowsInTheThreadsOwnCount) {
  ThreadAccounts accounts;
  accounts.OnSwitchOut(Out(7, 100, 5'000, 40));
  accounts.Mark(1000);
  EXPECT_FALSE(accounts.OnSwitchOut(Out(7, 100, 5'600, 42)).known) << "two slices in one";
  EXPECT_TRUE(accounts.accounts().at({.tid = 7, .start_ns = 100}).hidden);
  EXPECT_TRUE(accounts.OnSwitchOut(Out(7, 100, 5'700, 43)).known);
}

}  // namespace
}  // namespace vrapl
