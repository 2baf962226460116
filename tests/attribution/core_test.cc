// The model core: energy of single cores to who ran on them.
#include <gmock/gmock.h>

#include <numeric>
#include <random>
#include <vector>

#include "attribution/core_energy.h"
#include "attribution/ledger.h"

namespace vrapl {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int kA = kFirstFreeRow;
constexpr int kB = kFirstFreeRow + 1;
constexpr double kNanojoules = 1000;  // a tick

int64_t Of(const std::vector<RowTime>& rows, int row) {
  int64_t nj = 0;
  for (const RowTime& time : rows) nj += time.row == row ? time.core_nj : 0;
  return nj;
}

std::vector<RowTime> Taken(CoreEnergy& energy, std::vector<RowTime> rows = {}) {
  energy.MoveTo(rows);
  return rows;
}

TEST(CoreEnergyTest, WhoRanOnACoreGetsWhatItUsed) {
  CoreEnergy energy({kNanojoules, kNanojoules});
  energy.Add(0, std::vector<RowTime>{{.row = kA, .run_ns = kMs}}, 500);
  energy.Add(1, std::vector<RowTime>{{.row = kB, .run_ns = kMs / 4}, {.row = kA, .run_ns = 3 * kMs / 4}}, 100);
  const std::vector<RowTime> rows = Taken(energy, {{.row = kA, .run_ns = 7}});
  EXPECT_EQ(Of(rows, kA), 575'000);
  EXPECT_EQ(Of(rows, kB), 25'000) << "appended: it was not among the rows";
  EXPECT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].run_ns, 7);
  EXPECT_EQ(rows[1].run_ns, 0);
  EXPECT_TRUE(Taken(energy).empty()) << "given once";
}

TEST(CoreEnergyTest, TimeWaitsForItsCounter) {
  CoreEnergy energy({kNanojoules});
  energy.Add(0, std::vector<RowTime>{{.row = kA, .run_ns = kMs}}, 0);
  EXPECT_TRUE(Taken(energy).empty());
  energy.Add(0, std::vector<RowTime>{{.row = kB, .run_ns = kMs}}, 100);
  const std::vector<RowTime> rows = Taken(energy);
  EXPECT_EQ(Of(rows, kA), 50'000);
  EXPECT_EQ(Of(rows, kB), 50'000);
}

// A VM's row whose energy comes after it ran is still the VM's.
TEST(CoreEnergyTest, AppendedRowsKeepTheirGroup) {
  CoreEnergy energy({kNanojoules});
  energy.Add(0, std::vector<RowTime>{{.row = kA, .run_ns = kMs, .group = 7}}, 0);
  energy.Add(0, {}, 100);
  const std::vector<RowTime> rows = Taken(energy);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].group, 7);
}

TEST(CoreEnergyTest, TimeOfUnknownEnergyIsForgotten) {
  CoreEnergy energy({kNanojoules});
  energy.Add(0, std::vector<RowTime>{{.row = kA, .run_ns = kMs}}, 0);
  energy.Add(0, std::vector<RowTime>{{.row = kA, .run_ns = kMs}}, std::nullopt);
  energy.Add(0, std::vector<RowTime>{{.row = kB, .run_ns = kMs}}, 100);
  const std::vector<RowTime> rows = Taken(energy);
  EXPECT_EQ(Of(rows, kA), 0);
  EXPECT_EQ(Of(rows, kB), 100'000);
}

TEST(CoreEnergyTest, WhatARetiredRowIsOwedIsItsHeirs) {
  CoreEnergy energy({kNanojoules, kNanojoules});
  energy.Add(0, std::vector<RowTime>{{.row = kA, .run_ns = kMs}}, 0);
  energy.Add(1, std::vector<RowTime>{{.row = kA, .run_ns = kMs}}, 10);
  energy.Retire(kA, kB);
  energy.Add(0, {}, 100);
  const std::vector<RowTime> rows = Taken(energy);
  EXPECT_EQ(Of(rows, kA), 0);
  EXPECT_EQ(Of(rows, kB), 110'000);
}

// Law: where somebody ran, rows get what the counters moved, to the nanojoule and whatever the shares.
TEST(CoreEnergyTest, RowsSumToTheCounters) {
  std::mt19937_64 random(3);
  CoreEnergy energy({15'258.789, 15'258.789, 61'035.156});
  double moved_nj = 0;
  double given_nj = 0;
  for (int i = 0; i < 20'000; ++i) {
    for (size_t core = 0; core < 3; ++core) {
      std::vector<RowTime> rows;
      for (uint64_t k = 0; k <= random() % 4; ++k) {
        rows.push_back({.row = static_cast<int>(random() % 40), .run_ns = 1 + static_cast<int64_t>(random() % kMs)});
      }
      const uint64_t ticks = random() % 3 == 0 ? 0 : random() % 400;
      energy.Add(core, rows, ticks);
      moved_nj += static_cast<double>(ticks) * (core == 2 ? 61'035.156 : 15'258.789);
    }
    for (const RowTime& row : Taken(energy)) given_nj += static_cast<double>(row.core_nj);
  }
  EXPECT_NEAR(given_nj, moved_nj, 41) << "less than a nanojoule is owed to each row";
}

uint64_t TicksOf(const Settlement& settlement, int row) {
  return static_cast<size_t>(row) < settlement.rows.size() ? settlement.rows[static_cast<size_t>(row)].ticks : 0;
}

Ledger CoreLedger(double base_ticks_per_second) {
  Ledger ledger(Model::kCore, {.nanojoules_per_tick = kNanojoules});
  ledger.GiveBase(base_ticks_per_second);
  return ledger;
}

void Add(Ledger& ledger, const std::vector<RowTime>& rows, uint64_t ticks) {
  ledger.Add({.dt_ns = kMs, .cpus = 2, .rows = rows}, ticks);
}

TEST(CoreTest, TheRestGoesByRunTime) {
  Ledger ledger = CoreLedger(20e6);  // 20'000 ticks a ms
  for (int i = 0; i < 100; ++i) {
    Add(ledger,
        {{.row = kA, .run_ns = kMs, .core_nj = 9'000'000}, {.row = kB, .run_ns = kMs / 2, .core_nj = 1'000'000}},
        20'000 + 10'000 + 3'000);
  }
  const Settlement settlement = ledger.Settle();
  EXPECT_EQ(settlement.model, Model::kCore);
  EXPECT_EQ(TicksOf(settlement, kIdleRow), 2'000'000u);
  EXPECT_NEAR(static_cast<double>(TicksOf(settlement, kA)), 900'000 + 200'000, 2);
  EXPECT_NEAR(static_cast<double>(TicksOf(settlement, kB)), 100'000 + 100'000, 2);
  EXPECT_TRUE(settlement.active_known);
}

TEST(CoreTest, CoresThatClaimMoreThanThereIsGetAllInProportion) {
  Ledger ledger = CoreLedger(20e6);
  Add(ledger, {{.row = kA, .run_ns = kMs, .core_nj = 30'000'000}, {.row = kB, .run_ns = kMs, .core_nj = 10'000'000}},
      20'000 + 8'000);
  const Settlement settlement = ledger.Settle();
  EXPECT_EQ(TicksOf(settlement, kIdleRow), 20'000u);
  EXPECT_EQ(TicksOf(settlement, kA), 6'000u);
  EXPECT_EQ(TicksOf(settlement, kB), 2'000u);
}

TEST(CoreTest, BaseShareStandsInWithoutCoresCounters) {
  Ledger core = CoreLedger(20e6);
  Ledger base_share(Model::kBaseShare);
  base_share.GiveBase(20e6);
  std::mt19937_64 random(5);
  for (int i = 0; i < 1000; ++i) {
    const std::vector<RowTime> rows = {{.row = kA, .run_ns = static_cast<int64_t>(random() % kMs)},
                                       {.row = kB, .run_ns = static_cast<int64_t>(random() % kMs)}};
    const uint64_t ticks = 20'000 + random() % 20'000;
    Add(core, rows, ticks);
    Add(base_share, rows, ticks);
  }
  const Settlement settlement = core.Settle();
  EXPECT_EQ(settlement.model, Model::kBaseShare);
  EXPECT_EQ(TicksOf(settlement, kA), TicksOf(base_share.Settle(), kA));
  // It is said of each flush anew.
  Add(core, {{.row = kA, .run_ns = kMs, .core_nj = 5'000'000}}, 30'000);
  EXPECT_EQ(core.Settle().model, Model::kCore);
}

// A package that is not read for seconds gives all of its energy at once: no row may have more than there is room for.
TEST(CoreTest, ManyJoulesAtOnceAreDividedAsFewAre) {
  for (const bool based : {true, false}) {
    Ledger ledger(Model::kCore, {.nanojoules_per_tick = kNanojoules});
    if (based) ledger.GiveBase(0);
    constexpr int64_t kJoule = 1'000'000'000;
    Add(ledger,
        {{.row = kA, .run_ns = kMs, .core_nj = 4000 * kJoule}, {.row = kB, .run_ns = kMs, .core_nj = 1000 * kJoule}},
        5'000'000'000);
    const Settlement settlement = ledger.Settle();
    EXPECT_NEAR(static_cast<double>(TicksOf(settlement, kA)), 4e9, 10);
    EXPECT_NEAR(static_cast<double>(TicksOf(settlement, kB)), 1e9, 10);
  }
}

TEST(CoreTest, ItIsBaseShareWhereCoresWereHardlyEverRead) {
  Ledger ledger = CoreLedger(20e6);
  Add(ledger, {{.row = kA, .run_ns = kMs, .core_nj = 5'000'000}}, 30'000);
  for (int i = 0; i < 10; ++i) Add(ledger, {{.row = kA, .run_ns = kMs}}, 30'000);
  EXPECT_EQ(ledger.Settle().model, Model::kBaseShare);
}

TEST(CoreTest, WithoutABaseTheCoresEnergyIsStillTheirs) {
  Ledger ledger(Model::kCore, {.nanojoules_per_tick = kNanojoules});
  Add(ledger, {{.row = kA, .run_ns = kMs, .core_nj = 4'000'000}}, 10'000);
  const Settlement settlement = ledger.Settle();
  EXPECT_EQ(settlement.model, Model::kCore);
  EXPECT_FALSE(settlement.base.known);
  EXPECT_FALSE(settlement.active_known);
  Add(ledger, {{.row = kA, .run_ns = kMs}}, 10'000);
  EXPECT_EQ(ledger.Settle().model, Model::kCapacity) << "nothing of it was by core";
  EXPECT_NEAR(static_cast<double>(TicksOf(settlement, kA)), 4'000 + 6'000.0 / 2, 1) << "one of two CPUs ran";
  EXPECT_NEAR(static_cast<double>(TicksOf(settlement, kIdleRow)), 3'000, 1);
}

}  // namespace
}  // namespace vrapl
