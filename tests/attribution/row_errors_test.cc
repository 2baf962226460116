#include "attribution/row_errors.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "attribution/ledger.h"
#include "attribution/sub_ticks.h"

namespace vrapl {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr CounterGrain kBlind = {.unit_uj = 1, .period_ns = 1e6, .jitter_ns = 8e3, .skew_ns = 6e3};  // in ticks
constexpr double kPower = 1.3;                                                                       // ticks per us

// One division by run time, base power taken off.
struct Sample {
  double power = kPower;
  int64_t dt_ns = kMs;
  std::vector<RowTime> rows;

  int64_t busy_ns() const {
    int64_t sum = 0;
    for (const RowTime& row : rows) sum += row.run_ns;
    return sum;
  }
  double ShareOf(const std::vector<int>& some) const {
    int64_t of_some = 0;
    for (const RowTime& row : rows) of_some += std::count(some.begin(), some.end(), row.row) > 0 ? row.run_ns : 0;
    return rows.empty() ? 0 : static_cast<double>(of_some) / static_cast<double>(busy_ns());
  }
};

void Add(const Sample& sample, double last_power, RowErrors& errors) {
  Division division{.floor = 1};
  for (const RowTime& row : sample.rows) division.weights.push_back(row.run_ns);
  errors.Add({.dt_ns = sample.dt_ns,
              .busy_ns = sample.busy_ns(),
              .rows = sample.rows,
              .edge_power = last_power == 0 ? sample.power : (last_power + sample.power) / 2},
             division);
}

// The same by a model that names its rows itself, as fit does.
void AddNamingRows(const Sample& sample, RowErrors& errors) {
  Division division{.floor = 1};
  for (const RowTime& row : sample.rows) {
    division.weights.push_back(row.run_ns);
    division.rows.push_back(row.row);
  }
  errors.Add({.dt_ns = sample.dt_ns, .busy_ns = sample.busy_ns(), .rows = sample.rows, .edge_power = sample.power},
             division);
}

// Rows come and go; a few stay. VMs of five rows, which do not follow one another.
Sample RandomSample(std::mt19937_64& random, int rows) {
  Sample sample{.power = 1 + static_cast<double>(random() % 1000) * 1e-3,
                .dt_ns = kMs + static_cast<int64_t>(random() % 1000)};
  for (int i = 0; i < rows; ++i) {
    const int row = kFirstFreeRow + i;
    if (i > 2 && random() % 5 != 0) continue;
    sample.rows.push_back(
        {.row = row, .run_ns = 1 + static_cast<int64_t>(random() % 700'000), .group = row % 7 == 0 ? -1 : row % 5});
  }
  return sample;
}

TEST(RowErrorsTest, AVmIsAVmWhateverTheModelNames) {
  RowErrors plain, naming;
  std::mt19937_64 random(3);
  double last_power = 0;
  for (int window = 0; window < 4; ++window) {
    for (int i = 0; i < 30; ++i) {
      // From the second window on another VM runs, which no division has told of before.
      Sample sample = RandomSample(random, window == 0 ? 5 : 12);
      sample.power = kPower;
      Add(sample, last_power, plain);
      AddNamingRows(sample, naming);
      last_power = kPower;
    }
    plain.EndWindow(kPower, {}, 0);
    naming.EndWindow(kPower, {}, 0);
    for (int group = 0; group < 5; ++group) {
      std::vector<int> rows;
      for (int row = kFirstFreeRow; row < kFirstFreeRow + 12; ++row) {
        if (row % 7 != 0 && row % 5 == group) rows.push_back(row);
      }
      EXPECT_NEAR(naming.OfGroup(group, rows).ErrorUj(kBlind, 0), plain.OfGroup(group, rows).ErrorUj(kBlind, 0), 1e-3)
          << "window " << window << ", VM " << group;
    }
  }
}

TEST(RowErrorsTest, IsWhatIsFoundWhenEachRowIsLookedAtInEachSample) {
  constexpr int kRows = 40;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    RowErrors errors;
    std::vector<RowErrorSums> dense_rows(kRows);
    std::vector<RowErrorSums> dense_groups(5);
    std::vector<std::vector<int>> rows_of_group(5);
    for (int row = kFirstFreeRow; row < kFirstFreeRow + kRows; ++row) {
      if (row % 7 != 0) rows_of_group[static_cast<size_t>(row % 5)].push_back(row);
    }
    double last_power = 0;
    for (int window = 0; window < 5; ++window) {
      const uint64_t samples = window == 3 ? 1 : 1 + random() % 60;
      for (uint64_t i = 0; i < samples; ++i) {
        const Sample sample = RandomSample(random, kRows);
        Add(sample, last_power, errors);
        last_power = sample.power;
        const double busy_cpus = static_cast<double>(sample.busy_ns()) / static_cast<double>(sample.dt_ns);
        for (int row = 0; row < kRows; ++row) {
          dense_rows[static_cast<size_t>(row)].Add(sample.power, sample.ShareOf({kFirstFreeRow + row}), busy_cpus,
                                                   sample.dt_ns);
        }
        for (size_t group = 0; group < 5; ++group) {
          dense_groups[group].Add(sample.power, sample.ShareOf(rows_of_group[group]), busy_cpus, sample.dt_ns);
        }
      }
      errors.EndWindow(last_power, {}, 0);
      for (int row = 0; row < kRows; ++row) {
        RowErrorSums& dense = dense_rows[static_cast<size_t>(row)];
        const double expected = dense.ErrorUj(kBlind, 0.02);
        EXPECT_NEAR(errors.OfRow(kFirstFreeRow + row).ErrorUj(kBlind, 0.02), expected, 1e-5 * expected) << row;
        dense.Restart();
      }
      for (size_t group = 0; group < 5; ++group) {
        const double expected = dense_groups[group].ErrorUj(kBlind, 0.02);
        EXPECT_NEAR(errors.OfGroup(static_cast<int>(group), rows_of_group[group]).ErrorUj(kBlind, 0.02), expected,
                    1e-5 * expected)
            << group;
        dense_groups[group].Restart();
      }
    }
  }
}

TEST(RowErrorsTest, WhoGetsAllIsAsSureAsTheHost) {
  RowErrors errors;
  for (int i = 0; i < 100; ++i) Add({.rows = {{.row = 5, .run_ns = kMs}}}, kPower, errors);
  errors.EndWindow(kPower, {}, 0);
  EXPECT_NEAR(errors.OfRow(5).ErrorUj(kBlind, 0), HostErrorUj(kBlind, kPower, kPower), 1);
}

TEST(RowErrorsTest, AVmIsSureOfWhatItsPartsTakeFromOneAnother) {
  RowErrors errors;
  for (int i = 0; i < 1000; ++i)
    Add({.rows = {{.row = i % 2 == 0 ? 5 : 9, .run_ns = kMs, .group = 3}}}, kPower, errors);
  errors.EndWindow(kPower, {}, 0);
  const double host = HostErrorUj(kBlind, kPower, kPower);
  EXPECT_NEAR(errors.OfGroup(3, {5, 9}).ErrorUj(kBlind, 0), host, 1);
  EXPECT_GT(errors.OfRow(5).ErrorUj(kBlind, 0), 10 * host);
  EXPECT_GT(errors.OfRow(9).ErrorUj(kBlind, 0), 10 * host);
}

TEST(RowErrorsTest, TheOrderOfRowsDoesNotMatter) {
  std::mt19937_64 random(7);
  RowErrors ascending;
  RowErrors shuffled;
  for (int i = 0; i < 200; ++i) {
    Sample sample = RandomSample(random, 30);
    Add(sample, kPower, ascending);
    std::shuffle(sample.rows.begin(), sample.rows.end(), random);
    Add(sample, kPower, shuffled);
  }
  ascending.EndWindow(kPower, {}, 0);
  shuffled.EndWindow(kPower, {}, 0);
  for (int row = kFirstFreeRow; row < kFirstFreeRow + 30; ++row) {
    EXPECT_EQ(ascending.OfRow(row).ErrorUj(kBlind, 0.01), shuffled.OfRow(row).ErrorUj(kBlind, 0.01)) << row;
  }
  const std::vector<int> of_group = {6, 11, 16, 26, 31};
  const double expected = ascending.OfGroup(1, of_group).ErrorUj(kBlind, 0.01);
  EXPECT_NEAR(shuffled.OfGroup(1, of_group).ErrorUj(kBlind, 0.01), expected, 1e-5 * expected);
}

TEST(RowErrorsTest, WhoRanSinceTheCounterLastMovedIsUnsureAtTheEnd) {
  RowErrors errors;
  for (int i = 0; i < 10; ++i) Add({.rows = {{.row = 5, .run_ns = kMs}}}, kPower, errors);
  const std::vector<RowTime> waiting = {{.row = 6, .run_ns = kMs}};
  errors.EndWindow(kPower, waiting, kMs);
  EXPECT_GT(errors.OfRow(6).ErrorUj(kBlind, 0), 0.9e-3 * 1e6 * kPower);
  EXPECT_LT(errors.OfRow(7).ErrorUj(kBlind, 0), 2);
}

TEST(RowErrorsTest, TheNextWindowOwesNothingToTheLast) {
  RowErrors errors;
  for (int i = 0; i < 500; ++i) Add({.rows = {{.row = 5 + i % 2, .run_ns = kMs}}}, kPower, errors);
  errors.EndWindow(kPower, {}, 0);
  const double first = errors.OfRow(5).ErrorUj(kBlind, 0);
  for (int i = 0; i < 2; ++i) Add({.rows = {{.row = 6, .run_ns = kMs}}}, kPower, errors);
  errors.EndWindow(kPower, {}, 0);
  EXPECT_GT(first, 1000);
  EXPECT_LT(errors.OfRow(5).ErrorUj(kBlind, 1), 2) << "it did not run";
  errors.EndWindow(kPower, {}, 0);
  EXPECT_LT(errors.OfRow(6).ErrorUj(kBlind, 1), 2) << "nothing moved";
}

TEST(RowErrorsTest, ARowsNumberMayBeAnothers) {
  RowErrors errors;
  for (int i = 0; i < 500; ++i) Add({.rows = {{.row = 5 + i % 2, .run_ns = kMs, .group = i % 2}}}, kPower, errors);
  errors.EndWindow(kPower, {}, 0);
  errors.Retire(5);
  EXPECT_LT(errors.OfRow(5).ErrorUj(kBlind, 1), 2);
  EXPECT_LT(errors.OfGroup(0, {5}).ErrorUj(kBlind, 1), 2);
  EXPECT_GT(errors.OfRow(6).ErrorUj(kBlind, 1), 1000);
}

TEST(RowErrorSumsTest, TwoWindowsAreAsOne) {
  std::mt19937_64 random(3);
  RowErrorSums whole;
  RowErrorSums window;
  RowErrorSums appended;
  for (int i = 0; i < 300; ++i) {
    const double power = 1 + static_cast<double>(random() % 1000) * 1e-3;
    const double share = random() % 3 == 0 ? 0 : static_cast<double>(random() % 1000) * 1e-3;
    whole.Add(power, share, 2, kMs);
    window.Add(power, share, 2, kMs);
    if (random() % 50 != 0 && i != 299) continue;
    appended.Append(window);
    window.Restart();
  }
  EXPECT_NEAR(appended.ErrorUj(kBlind, 0.01), whole.ErrorUj(kBlind, 0.01), 1e-9 * whole.ErrorUj(kBlind, 0.01));
}

// Of a ledger that is fed with a millisecond at a time.
class LedgerErrorsTest : public testing::Test {
 protected:
  static void Run(Ledger& ledger, int samples, const std::vector<RowTime>& rows, uint64_t ticks = 1300) {
    for (int i = 0; i < samples; ++i) ledger.Add({.dt_ns = kMs, .cpus = 4, .rows = rows}, ticks);
  }
};

TEST_F(LedgerErrorsTest, SharesAreThoseOfTheModel) {
  const std::vector<RowTime> two = {{.row = 5, .run_ns = kMs}, {.row = 6, .run_ns = 3 * kMs}};
  Ledger by_time(Model::kBaseShare);
  by_time.GiveBase(300e3);
  Ledger whole_flush(Model::kShare);
  for (Ledger* ledger : {&by_time, &whole_flush}) {
    Run(*ledger, 100, two);
    ledger->Settle();
    const double host = HostErrorUj(kBlind, kPower, kPower);
    EXPECT_NEAR(ledger->ErrorOfRow(5).ErrorUj(kBlind, 0), host / 4, 2);
    EXPECT_NEAR(ledger->ErrorOfRow(6).ErrorUj(kBlind, 0), 3 * host / 4, 2);
  }
}

TEST_F(LedgerErrorsTest, TheBasesErrorIsOfWhoItWasTakenOffAndOfIdle) {
  const std::vector<RowTime> two = {{.row = 5, .run_ns = kMs}, {.row = 6, .run_ns = 3 * kMs}};
  Ledger with_base(Model::kBaseShare);
  with_base.GiveBase(300e3);
  Ledger without(Model::kCapacity);
  for (Ledger* ledger : {&with_base, &without}) {
    Run(*ledger, 100, two);
    ledger->Settle();
  }
  // 0.01 ticks/us over 100 ms.
  EXPECT_NEAR(with_base.ErrorOfRow(5).BaseErrorUj(0.01), 250, 1);
  EXPECT_NEAR(with_base.ErrorOfRow(kIdleRow).BaseErrorUj(0.01), 1000, 1);
  EXPECT_EQ(without.ErrorOfRow(5).BaseErrorUj(0.01), 0);
  EXPECT_EQ(without.ErrorOfRow(kIdleRow).BaseErrorUj(0.01), 0);
}

TEST_F(LedgerErrorsTest, IdleIsAsUnsureAsItsPower) {
  Ledger ledger(Model::kBaseShare);
  ledger.GiveBase(325e3);
  Run(ledger, 100, {{.row = 5, .run_ns = kMs}});
  ledger.Settle();
  EXPECT_NEAR(ledger.ErrorOfRow(kIdleRow).ErrorUj(kBlind, 0), HostErrorUj(kBlind, kPower, kPower) / 4, 3);
  for (int flush = 0; flush < 2; ++flush) {
    Run(ledger, 100, {}, 325);
    ledger.Settle();
  }
  EXPECT_NEAR(ledger.ErrorOfRow(kIdleRow).ErrorUj(kBlind, 0), HostErrorUj(kBlind, 0.325, 0.325), 20);
}

TEST_F(LedgerErrorsTest, WhatIsPutByIsOfTheFlushThatItIsChargedIn) {
  Ledger fit(Model::kFit);
  fit.GiveBase(300e3);
  Ledger by_time(Model::kBaseShare);
  by_time.GiveBase(300e3);
  for (Ledger* ledger : {&fit, &by_time}) {
    for (int i = 0; i < 50; ++i) Run(*ledger, 1, {{.row = 5 + i % 2, .run_ns = kMs}});
    ledger->Settle();
  }
  // It has not learned anything yet and is base-share.
  EXPECT_EQ(fit.ErrorOfRow(5).ErrorUj(kBlind, 0.01), by_time.ErrorOfRow(5).ErrorUj(kBlind, 0.01));
}

}  // namespace
}  // namespace vrapl
