#include "sampler/command_tree.h"

#include <gmock/gmock.h>

#include <map>
#include <random>
#include <vector>

namespace vrapl {
namespace {

fork_event Fork(uint32_t parent, uint64_t parent_start, uint32_t child, uint64_t child_start, uint32_t tgid = 0) {
  return {.parent_start = parent_start,
          .child_start = child_start,
          .parent_tid = parent,
          .parent_tgid = parent,
          .child_tid = child,
          .child_tgid = tgid == 0 ? child : tgid};
}

ThreadRun Thread(uint32_t tid, uint64_t start_ns, uint32_t tgid = 0) {
  return {.tid = tid, .tgid = tgid == 0 ? tid : tgid, .start_ns = start_ns};
}

TEST(CommandTreeTest, WhatTheCommandStartsBelongsToIt) {
  CommandTree tree;
  tree.SetRoot(100);
  tree.OnFork(Fork(1, 5, 100, 1000));
  tree.OnFork(Fork(100, 1000, 101, 1001));
  tree.OnFork(Fork(101, 1001, 102, 1002, /*tgid=*/101));
  tree.OnFork(Fork(102, 1002, 103, 1003));
  tree.OnFork(Fork(1, 5, 104, 1004));
  for (uint32_t i = 0; i < 4; ++i) EXPECT_TRUE(tree.Owns(Thread(100 + i, 1000 + i))) << i;
  EXPECT_FALSE(tree.Owns(Thread(104, 1004))) << "somebody else's";
  EXPECT_FALSE(tree.Owns(Thread(1, 5))) << "who made it";
  EXPECT_TRUE(tree.Owns(Thread(200, 1005, /*tgid=*/101))) << "a worker that the kernel made in one of its processes";
}

TEST(CommandTreeTest, ANumberThatIsUsedAgainIsAnothers) {
  CommandTree tree;
  tree.SetRoot(100);
  tree.OnFork(Fork(1, 5, 100, 1000));
  tree.OnFork(Fork(100, 1000, 101, 1001));
  EXPECT_FALSE(tree.Owns(Thread(101, 900))) << "one that had the number before";
  tree.OnFork(Fork(1, 5, 101, 2000));
  EXPECT_FALSE(tree.Owns(Thread(101, 2000)));
  EXPECT_FALSE(tree.Owns(Thread(300, 2001, /*tgid=*/101))) << "a worker of that process";
  tree.OnFork(Fork(101, 2000, 105, 2002));
  EXPECT_FALSE(tree.Owns(Thread(105, 2002)));
  // The command's own number too, once it has gone.
  tree.OnFork(Fork(1, 5, 100, 3000));
  EXPECT_FALSE(tree.Owns(Thread(100, 3000)));
  tree.OnFork(Fork(1, 5, 100, 4000));
  EXPECT_FALSE(tree.Owns(Thread(100, 4000)));
}

TEST(CommandTreeTest, AnotherCommandKnowsNothingOfTheFirst) {
  CommandTree tree;
  tree.SetRoot(100);
  tree.OnFork(Fork(1, 5, 100, 1000));
  tree.OnFork(Fork(100, 1000, 101, 1001));
  tree.SetRoot(200);
  tree.OnFork(Fork(1, 5, 200, 1100));
  tree.OnFork(Fork(101, 1001, 102, 1200));
  EXPECT_FALSE(tree.Owns(Thread(101, 1001)));
  EXPECT_FALSE(tree.Owns(Thread(102, 1200))) << "what a daemon of the first starts";
  EXPECT_TRUE(tree.Owns(Thread(200, 1100)));
}

TEST(CommandTreeTest, WithoutForkEventsAProcessOwnsItsThreads) {
  CommandTree tree;
  tree.SetRoot(100);
  EXPECT_TRUE(tree.Owns(Thread(100, 1000))) << "its start is not known yet";
  tree.AddProcess(100, 1000);
  tree.AddProcess(101, 1500);
  EXPECT_TRUE(tree.Owns(Thread(102, 1600, /*tgid=*/101)));
  EXPECT_FALSE(tree.Owns(Thread(102, 1400, /*tgid=*/101))) << "older than its process";
}

// Random families over few numbers, against one that remembers every thread by a name that is never used again.
TEST(CommandTreeTest, AgreesWithAFamilyBookWhateverIsBornAndUsedAgain) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    CommandTree tree;
    std::map<uint32_t, std::pair<uint64_t, bool>> book;  // number: start, of the command
    for (uint32_t tid = 1; tid <= 5; ++tid) book[tid] = {tid, false};
    tree.SetRoot(50);
    tree.OnFork(Fork(1, 1, 50, 10));
    book[50] = {10, true};
    for (uint64_t now = 11; now < 3000; ++now) {
      auto parent = std::next(book.begin(), static_cast<long>(random() % book.size()));
      const uint32_t child = 6 + random() % 60;
      if (child == parent->first) continue;
      const auto [parent_start, owned] = parent->second;
      tree.OnFork(Fork(parent->first, parent_start, child, now));
      book[child] = {now, owned};
      for (const auto& [tid, known] : book) {
        ASSERT_EQ(tree.Owns(Thread(tid, known.first)), known.second) << "seed " << seed << " tid " << tid;
      }
    }
  }
}

}  // namespace
}  // namespace vrapl
