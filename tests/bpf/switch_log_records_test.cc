// A log in ordinary memory with a writer that is as fast as the test wants it to be.
#include "bpf/switch_log_records.h"

#include <gmock/gmock.h>

#include <memory>
#include <vector>

namespace vrapl {
namespace {

class SwitchLogRecordsTest : public testing::Test {
 protected:
  // As the BPF program does: the record first, then the head.
  void Write(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      log_->records[log_->head & (VRAPL_LOG_RECORDS - 1)] = {.clock = log_->head};
      ++log_->head;
    }
  }
  std::unique_ptr<switch_log> log_ = std::make_unique<switch_log>();
  uint64_t tail_ = 0;
};

TEST_F(SwitchLogRecordsTest, EachRecordIsSeenOnceAndInOrder) {
  std::vector<uint64_t> seen;
  const auto visit = [&](const switch_record& record) { return seen.push_back(record.clock), true; };
  EXPECT_EQ(ForEachLogRecord(*log_, tail_, visit), 0u);
  EXPECT_TRUE(seen.empty());
  for (int round = 0; round < 10; ++round) {
    Write(VRAPL_LOG_RECORDS - 1);  // around the end of the buffer
    EXPECT_EQ(ForEachLogRecord(*log_, tail_, visit), 0u);
  }
  ASSERT_EQ(seen.size(), 10u * (VRAPL_LOG_RECORDS - 1));
  for (size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], i);
}

TEST_F(SwitchLogRecordsTest, ARecordThatWasNotTakenIsThereTheNextTime) {
  Write(3);
  uint64_t clock = 99;
  EXPECT_EQ(ForEachLogRecord(*log_, tail_, [&](const switch_record& record) { return record.clock < 1; }), 0u);
  EXPECT_EQ(ForEachLogRecord(*log_, tail_, [&](const switch_record& record) { return clock = record.clock, false; }), 0u);
  EXPECT_EQ(clock, 1u);
  EXPECT_EQ(tail_, 1u);
}

TEST_F(SwitchLogRecordsTest, WhatWasOverwrittenIsCounted) {
  Write(3 * VRAPL_LOG_RECORDS + 5);
  uint64_t seen = 0;
  const uint64_t lost = ForEachLogRecord(*log_, tail_, [&](const switch_record&) { return ++seen, true; });
  EXPECT_EQ(lost + seen, 3u * VRAPL_LOG_RECORDS + 5);
  EXPECT_EQ(seen, VRAPL_LOG_RECORDS / 2u) << "half a log of headroom";
  EXPECT_EQ(tail_, log_->head);
}

// The reader is held up after it has looked at the head, with few records to read, and the writer goes all the way round.
TEST_F(SwitchLogRecordsTest, AWriterThatLapsTheReaderMeanwhileDoesNotKeepIt) {
  for (const uint64_t ahead : {VRAPL_LOG_RECORDS - 8, VRAPL_LOG_RECORDS, 5 * VRAPL_LOG_RECORDS}) {
    Write(10);
    uint64_t seen = 0;
    uint64_t last = 0;
    const uint64_t before = tail_;
    const uint64_t lost = ForEachLogRecord(*log_, tail_, [&](const switch_record& record) {
      EXPECT_TRUE(seen == 0 || record.clock > last);
      last = record.clock;
      if (++seen == 1) Write(ahead);
      return true;
    });
    EXPECT_EQ(lost + seen, tail_ - before);
    EXPECT_GT(lost, 0u);
    EXPECT_EQ(ForEachLogRecord(*log_, tail_, [](const switch_record&) { return true; }), 0u);
    EXPECT_EQ(tail_, log_->head);
  }
}

}  // namespace
}  // namespace vrapl
