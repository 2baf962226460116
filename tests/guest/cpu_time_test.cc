#include "guest/cpu_time.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include "guest/posix_text.h"

namespace vrapl {
namespace {

TEST(CpuTimeTest, BusyIsWhatWasNotIdleNorStolen) {
  // USER_HZ is 100 on every architecture that a guest of ours has.
  const GuestCpuTime time = ParseProcStat(
      "cpu  30 0 30 1500 100 0 0 50\n"
      "cpu0 10 0 10 700 50 0 0 20 0 0\n"
      "cpu1 20 0 20 800 50 0 0 30 0 0\n"
      "intr 12345\n",
      10'000'000'000);
  EXPECT_EQ(time.cpus, 2);
  EXPECT_EQ(time.busy_ns, 20'000'000'000 - (700 + 800 + 100 + 50) * 10'000'000LL);
  EXPECT_EQ(time.stolen_ns, 500'000'000);
  EXPECT_EQ(ParseProcStat("", 1).busy_ns, -1);
}

TEST(CpuTimeTest, NamesOfProcessesMayHoldAnything) {
  ProcessTime process;
  ASSERT_TRUE(ParseProcessStat("42 (a) (b c)\x1b) S 1 2 3 4 5 6 7 8 9 10 150 50 13 14 15 16 17 18 999 20", process));
  EXPECT_EQ(process.name, "a) (b c)?");
  EXPECT_EQ(process.cpu_ns, 2'000'000'000);
  EXPECT_EQ(process.start_ticks, 999u);
  for (const char* text : {"", "42", "42 (", "42 )(", "42 (a) S 1 2"})
    EXPECT_FALSE(ParseProcessStat(text, process)) << text;
}

// What this process used by the kernel's own words, between what it had before and after they were asked.
TEST(CpuTimeTest, ThisProcessIsAmongAll) {
  const auto used_ns = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * int64_t{1'000'000'000} +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * int64_t{1000};
  };
  while (used_ns() < 100'000'000) {
  }
  const int64_t before_ns = used_ns();
  const std::map<pid_t, ProcessTime> processes = ReadProcesses();
  const int64_t after_ns = used_ns();
  const auto self = processes.find(::getpid());
  ASSERT_NE(self, processes.end());
  EXPECT_GE(self->second.cpu_ns, before_ns - 30'000'000) << "user and system time are cut to a tick each";
  EXPECT_LE(self->second.cpu_ns, after_ns + 10'000'000);
}

TEST(CpuTimeTest, BusyTimeGrowsByWhatAProcessUses) {
  const GuestCpuTime before = ReadGuestCpuTime();
  ASSERT_GT(before.cpus, 0);
  timespec used{};
  const auto used_ns = [&used] {
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * int64_t{1'000'000'000} + used.tv_nsec;
  };
  const int64_t begun_ns = used_ns();
  while (used_ns() - begun_ns < 300'000'000) {
  }
  const GuestCpuTime after = ReadGuestCpuTime();
  EXPECT_GE(after.busy_ns + after.stolen_ns - before.busy_ns - before.stolen_ns,
            300'000'000 - 2 * GuestCpuTimeErrorNs(before.cpus) - 50'000'000);
}

}  // namespace
}  // namespace vrapl
