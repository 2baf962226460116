#include "guest/process_energy.h"

#include <gmock/gmock.h>

#include <random>

namespace vrapl {
namespace {

TEST(ProcessEnergyTest, ByCpuTimeTheMostFirst) {
  const std::map<pid_t, ProcessTime> before = {{1, {"init", 1, 100}}, {2, {"old", 5, 700}}};
  const std::map<pid_t, ProcessTime> after = {{1, {"init", 1, 200}}, {2, {"new", 9, 300}}, {3, {"idle", 1, 0}}};
  const std::vector<ProcessEnergy> rows = DivideEnergy(before, after, 1000, 10'000);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].name, "new") << "a pid that is used again is somebody else";
  EXPECT_EQ(rows[0].energy_uj, 3000);
  EXPECT_EQ(rows[1].name, "init");
  EXPECT_EQ(rows[1].energy_uj, 1000);
  EXPECT_EQ(rows[2].pid, 0);
  EXPECT_EQ(rows[2].energy_uj, 6000);
  EXPECT_EQ(rows[2].cpu_ns, 600);
}

// Whatever is divided, nothing is lost and nobody's energy is negative, and the order of pids does not matter.
TEST(ProcessEnergyTest, RowsSumUp) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::map<pid_t, ProcessTime> before;
    std::map<pid_t, ProcessTime> after;
    for (pid_t pid = 1; pid < 30; ++pid) {
      const auto had = static_cast<int64_t>(random() % 1'000'000'000);
      if (random() % 4 != 0) before[pid] = {"p", random() % 2, had};
      if (random() % 4 != 0) after[pid] = {"p", random() % 2, had + static_cast<int64_t>(random() % 2'000'000'000)};
    }
    const auto busy_ns = static_cast<int64_t>(random() % 50'000'000'000);
    const auto energy_uj = static_cast<int64_t>(random() % 1'000'000'000'000);
    int64_t sum_uj = 0;
    int64_t sum_ns = 0;
    for (const ProcessEnergy& row : DivideEnergy(before, after, busy_ns, energy_uj)) {
      ASSERT_GE(row.energy_uj, 0);
      ASSERT_GE(row.cpu_ns, 0);
      sum_uj += row.energy_uj;
      sum_ns += row.cpu_ns;
    }
    ASSERT_EQ(sum_uj, energy_uj);
    ASSERT_GE(sum_ns, busy_ns);
  }
  const std::vector<ProcessEnergy> nobody = DivideEnergy({}, {}, 0, 5);
  ASSERT_EQ(nobody.size(), 1u);
  EXPECT_EQ(nobody[0].energy_uj, 5);
}

// A table that is cut still sums to what the VM used.
TEST(ProcessEnergyTest, ACutTableHasARowOfAllOthers) {
  std::map<pid_t, ProcessTime> after;
  for (pid_t pid = 1; pid <= 9; ++pid) after[pid] = {"p" + std::to_string(pid), 1, pid * 100};
  const std::vector<ProcessEnergy> all = DivideEnergy({}, after, 9'999, 1'234'567);
  for (const size_t most : {1u, 3u, 8u, 9u, 20u}) {
    const std::vector<ProcessEnergy> rows = TopRows(all, most);
    int64_t energy_uj = 0;
    int64_t cpu_ns = 0;
    for (const ProcessEnergy& row : rows) {
      energy_uj += row.energy_uj;
      cpu_ns += row.cpu_ns;
    }
    EXPECT_EQ(energy_uj, 1'234'567) << most;
    EXPECT_EQ(cpu_ns, 9'999) << most;
    EXPECT_EQ(rows.size(), most < 9 ? most + 2 : 10u);
    EXPECT_EQ(rows[0].name, "p9");
    EXPECT_EQ(rows.back().name, "ended, kernel, rest");
    if (most < 9) {
      EXPECT_EQ(rows[most].name, "others (" + std::to_string(9 - most) + ")");
    }
  }
}

}  // namespace
}  // namespace vrapl
