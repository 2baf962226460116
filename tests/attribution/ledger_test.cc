#include "attribution/ledger.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace vrapl {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int kA = kFirstFreeRow;
constexpr int kB = kFirstFreeRow + 1;

// Of the rows and of what a model says that it does not claim.
uint64_t Sum(const Settlement& settlement) {
  EXPECT_TRUE(settlement.unclaimed_ticks == 0 || !ClaimsAll(settlement.model)) << ModelName(settlement.model);
  return static_cast<uint64_t>(settlement.unclaimed_ticks) +
         std::accumulate(settlement.rows.begin(), settlement.rows.end(), uint64_t{0},
                         [](uint64_t sum, const RowEnergy& row) { return sum + row.ticks; });
}

uint64_t TicksOf(const Settlement& settlement, int row) {
  return static_cast<size_t>(row) < settlement.rows.size() ? settlement.rows[static_cast<size_t>(row)].ticks : 0;
}

TimeWindow Window(const std::vector<RowTime>& rows, int64_t dt_ns = kMs, int cpus = 2) {
  return {.dt_ns = dt_ns, .cpus = cpus, .rows = rows};
}

TEST(LedgerTest, CapacityLeavesTheIdleShareToIdle) {
  Ledger ledger(Model::kCapacity);
  ledger.Add(Window({{kA, kMs}, {kB, kMs / 2}}), 1000);
  const Settlement settlement = ledger.Settle();
  EXPECT_EQ(TicksOf(settlement, kA), 500u);
  EXPECT_EQ(TicksOf(settlement, kB), 250u);
  EXPECT_EQ(TicksOf(settlement, kIdleRow), 250u);
  EXPECT_FALSE(settlement.active_known);
}

// A command that runs for days is one flush: at 15 uJ a tick and 1 kW, 2^40 ticks are 4.7 h.
TEST(LedgerTest, AFlushOfDaysIsSettledExactly) {
  for (const Model model : kModels) {
    Ledger ledger(model);
    ledger.GiveBase(1e9);
    constexpr uint64_t kTicks = (uint64_t{1} << 37) + 12'345;  // more than is charged at once
    for (int i = 0; i < 300; ++i) ledger.Add(Window({{kA, kMs}, {kB, kMs / 2}}), kTicks);
    const Settlement settlement = ledger.Settle();
    EXPECT_EQ(settlement.counter_ticks, 300 * kTicks);
    EXPECT_EQ(Sum(settlement), 300 * kTicks) << ModelName(model);
    EXPECT_NEAR(static_cast<double>(TicksOf(settlement, kA)) / static_cast<double>(TicksOf(settlement, kB)),
                ClaimsAll(model) ? 2 : std::pow(2, 0.3), 1e-3)
        << ModelName(model);
    ledger.Add(Window({{kA, kMs}}), 1000);
    EXPECT_EQ(ledger.Settle().counter_ticks, 1000u);
  }
}

TEST(LedgerTest, ShareIsTheFormulaOfWholeFlush) {
  Ledger ledger(Model::kShare);
  // E x T / T_busy of the flush, whatever happened in each millisecond.
  ledger.Add(Window({{kA, kMs}}), 900);
  ledger.Add(Window({{kB, kMs / 2}}), 100);
  ledger.Add(Window({}), 500);
  const Settlement settlement = ledger.Settle();
  EXPECT_EQ(TicksOf(settlement, kA), 1000u);
  EXPECT_EQ(TicksOf(settlement, kB), 500u);
  EXPECT_EQ(TicksOf(settlement, kIdleRow), 0u);
}

TEST(LedgerTest, ActiveIdleIsCapacityOfTheWholeFlush) {
  Ledger ledger(Model::kActiveIdle);
  ledger.Add(Window({{kA, 2 * kMs}}), 1000);
  ledger.Add(Window({}), 200);
  const Settlement settlement = ledger.Settle();
  EXPECT_EQ(settlement.model, Model::kActiveIdle);
  EXPECT_EQ(TicksOf(settlement, kA), 600u) << "half of all CPU time, so half of the energy of both";
  EXPECT_EQ(TicksOf(settlement, kIdleRow), 600u);
}

TEST(LedgerTest, SmtWeighsTimeBesideABusySiblingLess) {
  Ledger ledger(Model::kSmt, {.smt_shared_weight = 0.5});
  ledger.GiveBase(400'000);
  ledger.Add(Window({{.row = kA, .run_ns = kMs / 2, .solo_ns = kMs / 2},
                     {.row = kB, .run_ns = kMs / 2, .shared_ns = kMs / 2}}),
             1000);
  Settlement settlement = ledger.Settle();
  EXPECT_EQ(settlement.model, Model::kSmt);
  EXPECT_EQ(TicksOf(settlement, kIdleRow), 400u);
  EXPECT_EQ(TicksOf(settlement, kA), 400u);
  EXPECT_EQ(TicksOf(settlement, kB), 200u);
  ledger.Add(Window({{.row = kA, .run_ns = kMs / 2}, {.row = kB, .run_ns = kMs / 2}}), 1000);
  settlement = ledger.Settle();
  EXPECT_EQ(TicksOf(settlement, kA), 300u) << "nobody knows what the siblings did: by run time";
}

// A counter that stood still for a month: weights must not overflow.
TEST(LedgerTest, SmtCarriesTimeThatWaitedForAMonth) {
  Ledger ledger(Model::kSmt);
  ledger.GiveBase(1);
  constexpr int64_t kMonth = int64_t{30} * 86400 * 1'000'000'000;
  std::vector<RowTime> rows;
  for (int i = 0; i < 256; ++i) rows.push_back({.row = kA + i, .run_ns = kMonth, .solo_ns = kMonth});
  ledger.Add(Window(rows, kMonth, 256), 256'000'000);
  const Settlement settlement = ledger.Settle();
  EXPECT_EQ(Sum(settlement), 256'000'000u);
  for (int i = 0; i < 256; ++i) EXPECT_NEAR(static_cast<double>(TicksOf(settlement, kA + i)), 990'000, 12'000);
}

TEST(LedgerTest, EnergatClaimsMoreThanThereIsAndSaysHowMuch) {
  Ledger ledger(Model::kEnergat);
  ledger.GiveBase(400'000);
  // Two VMs of half the time each, one of them of two rows: 0.5^0.3 = 81.2 % of 600 ticks each.
  ledger.Add(Window({{.row = kA, .run_ns = kMs, .group = 0},
                     {.row = kB, .run_ns = kMs / 2, .group = 1},
                     {.row = kB + 1, .run_ns = kMs / 2, .group = 1}}),
             1000);
  const Settlement settlement = ledger.Settle();
  EXPECT_EQ(settlement.model, Model::kEnergat);
  EXPECT_EQ(TicksOf(settlement, kIdleRow), 400u);
  EXPECT_NEAR(static_cast<double>(TicksOf(settlement, kA)), 487, 1);
  EXPECT_NEAR(static_cast<double>(TicksOf(settlement, kB) + TicksOf(settlement, kB + 1)), 487, 1);
  EXPECT_EQ(settlement.unclaimed_ticks, 600 - static_cast<int64_t>(TicksOf(settlement, kA) + TicksOf(settlement, kB) +
                                                                   TicksOf(settlement, kB + 1)));
  EXPECT_LT(settlement.unclaimed_ticks, -370);
}

TEST(ModelTest, NamesGoBothWays) {
  for (const Model model : kModels) EXPECT_EQ(ModelByName(ModelName(model)), model);
  EXPECT_EQ(ModelByName("cores"), std::nullopt);
}

TEST(LedgerTest, BaseShareGivesTheFloorToIdleAndTheRestByRunTime) {
  Ledger ledger(Model::kBaseShare);
  ledger.GiveBase(400'000);  // 400 ticks a millisecond
  ledger.Add(Window({{kA, 300'000}, {kB, 100'000}}), 1000);
  const Settlement settlement = ledger.Settle();
  EXPECT_EQ(settlement.model, Model::kBaseShare);
  EXPECT_EQ(TicksOf(settlement, kIdleRow), 400u);
  EXPECT_EQ(TicksOf(settlement, kA), 450u);
  EXPECT_EQ(TicksOf(settlement, kB), 150u);
  EXPECT_TRUE(settlement.active_known);
  EXPECT_EQ(settlement.rows[kA].active_total, 450.0L);
}

TEST(LedgerTest, BaseShareIsCapacityUntilTheBaseIsKnownAndSaysSo) {
  Ledger ledger(Model::kBaseShare);
  ledger.Add(Window({{kA, kMs}}), 1000);
  const Settlement settlement = ledger.Settle();
  EXPECT_EQ(settlement.model, Model::kCapacity);
  EXPECT_EQ(TicksOf(settlement, kA), 500u);
}

// An update that falls just behind the read leaves one sample empty and the next with two updates' energy. Neither may
// shift energy between the idle row and the thread that happened to run.
TEST(LedgerTest, EmptyAndDoubleSamplesChargeTheIdleHostsFloorToIdle) {
  Ledger ledger(Model::kBaseShare);
  ledger.GiveBase(1'000'000);
  uint64_t total = 0;
  std::mt19937 random(5);
  for (int ms = 0; ms < 2000; ++ms) {
    const uint64_t updates = ms % 7 == 3 ? 0 : ms % 7 == 4 ? 2 : 1;
    ledger.Add(Window({{kA, 5'000}}), updates * 1000);
    total += updates * 1000;
  }
  const Settlement settlement = ledger.Settle();
  EXPECT_EQ(Sum(settlement), total);
  EXPECT_GE(TicksOf(settlement, kIdleRow), total * 999 / 1000);
}

TEST(LedgerTest, EnergyThatComesLateIsChargedToAllThatRanSinceTheLast) {
  Ledger ledger(Model::kBaseShare);
  ledger.GiveBase(0);
  for (int ms = 0; ms < 16; ++ms) ledger.Add(Window({{ms % 4 == 0 ? kA : kB, kMs}}), 0);
  ledger.Add(Window({}), 1600);  // psys of some servers moves by 1 J
  const Settlement settlement = ledger.Settle();
  EXPECT_EQ(TicksOf(settlement, kA), 400u);
  EXPECT_EQ(TicksOf(settlement, kB), 1200u);
}

TEST(LedgerTest, WithNobodyRunningAllGoesToIdle) {
  for (const Model model : kModels) {
    Ledger ledger(model);
    ledger.GiveBase(100);
    ledger.Add(Window({}), 777);
    EXPECT_EQ(TicksOf(ledger.Settle(), kIdleRow), 777u) << ModelName(model);
  }
}

TEST(LedgerTest, StolenTimeGetsNoEnergy) {
  Ledger ledger(Model::kCapacity);
  ledger.Add({.dt_ns = kMs, .cpus = 1, .rows = {}}, 100);
  const Settlement settlement = ledger.Settle();
  EXPECT_EQ(TicksOf(settlement, kStolenRow), 0u);
  EXPECT_EQ(TicksOf(settlement, kIdleRow), 100u);
}

// The law, for every model, any load, any number of flushes, rows that come and go.
TEST(LedgerTest, RowsSumToTheCounterInEveryFlush) {
  for (const Model model : kModels) {
    for (uint32_t seed = 0; seed < 20; ++seed) {
      std::mt19937 random(seed);
      Ledger ledger(model);
      if (seed % 3 == 0) ledger.GiveBase(static_cast<double>(random() % 2'000'000));
      int rows = kFirstFreeRow + 2;
      for (int flush = 0; flush < 30; ++flush) {
        uint64_t counter = 0;
        const int samples = static_cast<int>(random() % 200);
        for (int i = 0; i < samples; ++i) {
          std::vector<RowTime> times;
          for (int row = kUnreportedRow; row < rows; ++row) {
            if (random() % 2 == 0) times.push_back({row, static_cast<int64_t>(random() % 300'000)});
          }
          const uint64_t ticks = random() % 5 == 0 ? 0 : random() % 3000;
          counter += ticks;
          ledger.Add(Window(times, kMs, 4), ticks);
        }
        const Settlement settlement = ledger.Settle();
        ASSERT_EQ(settlement.counter_ticks, counter);
        ASSERT_EQ(Sum(settlement), counter) << ModelName(model) << " seed " << seed << " flush " << flush;
        if (random() % 4 == 0) ++rows;
        if (random() % 8 == 0 && rows > kFirstFreeRow + 2) ledger.Retire(rows - 1, kFirstFreeRow), --rows;
      }
    }
  }
}

TEST(LedgerTest, TheOrderOfRowsDoesNotMatter) {
  for (const Model model : kModels) {
    std::mt19937 random(11);
    Ledger one(model);
    Ledger other(model);
    one.GiveBase(300'000);
    other.GiveBase(300'000);
    for (int i = 0; i < 1000; ++i) {
      std::vector<RowTime> times;
      for (int row = kFirstFreeRow; row < kFirstFreeRow + 9; ++row) {
        times.push_back({row, static_cast<int64_t>(random() % 100'000)});
      }
      const uint64_t ticks = random() % 1000;
      one.Add(Window(times), ticks);
      std::shuffle(times.begin(), times.end(), random);
      other.Add(Window(times), ticks);
    }
    const Settlement a = one.Settle();
    const Settlement b = other.Settle();
    for (int row = 0; row < kFirstFreeRow + 9; ++row) EXPECT_EQ(TicksOf(a, row), TicksOf(b, row)) << ModelName(model);
  }
}

// 20 W + 15 W per busy CPU, base learned: the busy row's energy above the base is 15 W times its CPU time.
TEST(LedgerTest, LearnsTheBaseAndThenChargesTheSlope) {
  Ledger ledger(Model::kBaseShare);
  double carried = 0;
  uint64_t busy_ticks = 0;
  int64_t busy_ns = 0;
  for (int flush = 0; flush < 12; ++flush) {
    const bool known = flush > 6;
    for (int ms = 0; ms < 2000; ++ms) {
      const int64_t a = flush % 2 == 0 || known ? kMs : 0;
      const int64_t b = 30'000;  // little enough that the package counts as quiet without A
      const double exact = (20.0 * kMs + 15.0 * static_cast<double>(a + b)) * 1e-9 * 16384 + carried;
      const auto ticks = static_cast<uint64_t>(exact);
      carried = exact - static_cast<double>(ticks);
      std::vector<RowTime> rows = {{kB, b}};
      if (a > 0) rows.push_back({kA, a});
      ledger.Add(Window(rows), ticks);
      if (known) busy_ns += a;
    }
    const Settlement settlement = ledger.Settle();
    if (known) {
      ASSERT_EQ(settlement.model, Model::kBaseShare);
      busy_ticks += TicksOf(settlement, kA);
    }
  }
  EXPECT_NEAR(static_cast<double>(busy_ticks) / 16384, 15.0 * static_cast<double>(busy_ns) * 1e-9,
              0.02 * 15.0 * static_cast<double>(busy_ns) * 1e-9);
}

}  // namespace
}  // namespace vrapl
