#include "schedstat/proc_text.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/host_root.h"

namespace vrapl {
namespace {

TEST(SchedstatTextTest, TheFirstNumberIsTheRunTime) {
  EXPECT_EQ(RunNsOfSchedstat("1256563 77 2\n"), 1256563u);
  EXPECT_EQ(RunNsOfSchedstat("18446744073709551615 0 0\n"), 18446744073709551615u);
  EXPECT_EQ(RunNsOfSchedstat("0 0 0\n"), 0u) << "a thread that has not run yet";
  for (const char* text : {"", "\n", "x", "-1 0 0", "99999999999999999999 0 0", "12"}) {
    EXPECT_FALSE(RunNsOfSchedstat(text).has_value()) << text;
  }
}

constexpr char kStat[] =
    "4720 (CPU 0/KVM) x)) S 1 2 3 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 8 0 23456 999999 888 18446744073709551615 1 1 0 "
    "0 0 0 0 4096 17663 0 0 0 17 13 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

TEST(ThreadStatTest, StartAndCpuWhateverTheNameIs) {
  const std::optional<ThreadStat> stat = ParseThreadStat(kStat);
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->start_ticks, 23456u);
  EXPECT_EQ(stat->cpu, 13);
}

TEST(ThreadStatTest, WhatIsCutOffIsNoStat) {
  const absl::string_view whole = kStat;
  const size_t needed = whole.find(" 13 ") + 3;
  for (size_t size = 0; size < whole.find(" 17 13 ") + 4; ++size) {
    EXPECT_FALSE(ParseThreadStat(whole.substr(0, size)).has_value()) << size;
  }
  EXPECT_TRUE(ParseThreadStat(whole.substr(0, needed)).has_value());
}

TEST(CpuStatTest, EachOnlineCpuAndNotTheirSum) {
  absl::string_view text =
      "cpu  3 3 3 3 3 3 3 3 0 0\n"
      "cpu0 857573 648549 251423 706735 2547 5 1067 1843 0 0\n"
      "cpu12 1 2 3 4 5 6 7 8 9 10\n"
      "intr 1 2 3\n";
  const std::optional<CpuStat> first = TakeCpuStat(text);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->cpu, 0);
  EXPECT_EQ(first->idle_ticks, 706735u + 2547);
  EXPECT_EQ(first->irq_ticks, 5u + 1067);
  EXPECT_EQ(first->stolen_ticks, 1843u);
  const std::optional<CpuStat> second = TakeCpuStat(text);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->cpu, 12);
  EXPECT_EQ(second->stolen_ticks, 8u);
  EXPECT_FALSE(TakeCpuStat(text).has_value());
}

TEST(CpuStatTest, ALineThatIsCutOffIsNoLine) {
  const absl::string_view whole = "cpu0 1 2 3 4 5 6 7 8 9 10\n";
  for (size_t size = 0; size < whole.size(); ++size) {
    absl::string_view text = whole.substr(0, size);
    EXPECT_FALSE(TakeCpuStat(text).has_value()) << size;
  }
}

// What the kernel of this machine writes is what is parsed.
TEST(ProcTextTest, ThisMachinesFiles) {
  const std::string self = absl::StrCat("/proc/self/task/", ::getpid());
  if (::access((self + "/schedstat").c_str(), R_OK) != 0) GTEST_SKIP() << "no /proc/PID/schedstat on this kernel";
  EXPECT_GT(RunNsOfSchedstat(ReadSmallFile(self + "/schedstat").value()).value_or(0), 0u);
  const std::optional<ThreadStat> stat = ParseThreadStat(ReadSmallFile(self + "/stat").value());
  ASSERT_TRUE(stat.has_value());
  EXPECT_GT(stat->start_ticks, 0u);
  EXPECT_GE(stat->cpu, 0);
  const std::string all = ReadSmallFile("/proc/stat").value();
  absl::string_view text = all;
  int cpus = 0;
  while (TakeCpuStat(text)) ++cpus;
  EXPECT_EQ(cpus, ::sysconf(_SC_NPROCESSORS_ONLN));
}

}  // namespace
}  // namespace vrapl
