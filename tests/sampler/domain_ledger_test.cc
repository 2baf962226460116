#include "sampler/domain_ledger.h"

#include <gmock/gmock.h>

#include <cerrno>

#include "sampler/joined_error.h"

namespace vrapl {
namespace {

constexpr int64_t kMs = kNanosPerMilli;
constexpr double kUnitJ = 1.0 / 16384;

// A counter that moves every millisecond, and its ledger.
class Counter {
 public:
  explicit Counter(UpdateSummary updates)
      : ledger_({.id = {RaplDomain::kPackage}, .unit = {kUnitJ}}, 0, 0,
                {.models = {Model::kCapacity}, .updates = updates}) {}

  void Run(int samples, double watts, uint32_t flags = 0, int error = 0, const std::vector<RowTime>& rows = {}) {
    for (int i = 0; i < samples; ++i) {
      t_ns_ += kMs;
      joules_ += watts * 1e-3;
      const SampleHeader header{.t_ns = t_ns_, .dt_ns = kMs, .skew_ns = 6'000, .cpus = 2, .flags = flags};
      ledger_.Add(header, static_cast<uint64_t>(joules_ / kUnitJ), error, {.dt_ns = kMs, .cpus = 2, .rows = rows});
    }
  }
  DomainLedger& ledger() { return ledger_; }
  CounterReport Settle() {
    ledger_.Settle(t_ns_);
    const int64_t dt_ns = t_ns_ - settled_ns_;
    settled_ns_ = t_ns_;
    return ledger_.ReportCounter(0, dt_ns);
  }

 private:
  DomainLedger ledger_;
  int64_t t_ns_ = 0;
  int64_t settled_ns_ = 0;
  double joules_ = 0;
};

constexpr UpdateSummary kKnown = {.reads = 1000, .edges = 200, .sharp = 200, .period_ns = kMs, .jitter_ns = 10'000};

// The kernel's perf unit is 2^-32 J: 2 kJ in one window, after a gap of ten seconds, are 2^43 ticks.
TEST(DomainLedgerTest, NoEnergyIsLostHoweverSmallTheUnit) {
  constexpr double kPerfUnitJ = 1.0 / (uint64_t{1} << 32);
  for (const Model model : kModels) {
    DomainLedger ledger({.id = {RaplDomain::kPackage}, .unit = {kPerfUnitJ}}, 0, 0, {.models = {model}, .updates = {}});
    uint64_t ticks = 0;
    int64_t t_ns = 0;
    uint64_t told = 0;
    for (const double joules : {0.1, 100.0, 2000.0, 0.1, 300.0}) {
      t_ns += 1000 * kMs;
      ticks += static_cast<uint64_t>(joules / kPerfUnitJ);
      const std::vector<RowTime> rows = {{.row = kFirstFreeRow, .run_ns = 900 * kMs}};
      ledger.Add({.t_ns = t_ns, .dt_ns = 1000 * kMs, .cpus = 2}, ticks, 0,
                 {.dt_ns = 1000 * kMs, .cpus = 2, .rows = rows});
      if (joules > 1000) continue;  // its flush has the next one's too
      ledger.Settle(t_ns);
      const CounterReport counter = ledger.ReportCounter(0, 1000 * kMs);
      EXPECT_EQ(counter.unknown_ns, 0) << ModelName(model);
      told += counter.energy_ticks;
      uint64_t in_rows = static_cast<uint64_t>(counter.unclaimed_ticks);
      for (int row = 0; row <= kFirstFreeRow; ++row) in_rows += ledger.ReportRow(0, row).energy_ticks;
      EXPECT_EQ(in_rows, counter.energy_ticks) << ModelName(model);
    }
    EXPECT_EQ(told, ticks) << ModelName(model);
  }
}

TEST(DomainLedgerTest, AnEnergyHasTheErrorOfItsWindow) {
  Counter counter(kKnown);
  counter.Run(2000, 80);
  const CounterReport long_window = counter.Settle();
  ASSERT_TRUE(long_window.err_uj.has_value());
  // An update at either end: 80 W for a millisecond are 80 mJ.
  EXPECT_NEAR(static_cast<double>(*long_window.err_uj), 76e3, 3e3);
  counter.Run(10, 80);
  const CounterReport short_window = counter.Settle();
  EXPECT_NEAR(static_cast<double>(*short_window.err_uj), static_cast<double>(*long_window.err_uj), 2e3);
  // What counts is the power at the ends.
  counter.Run(100, 80);
  counter.Run(100, 8);
  counter.Settle();
  counter.Run(100, 80);
  counter.Run(100, 8);
  EXPECT_LT(*counter.Settle().err_uj, *long_window.err_uj / 5);
}

TEST(DomainLedgerTest, SamplesAtUpdatesAreSharper) {
  Counter blind(kKnown);
  Counter at_edges(kKnown);
  blind.Run(2000, 80);
  blind.Settle();
  blind.Run(2000, 80);
  at_edges.Run(2000, 80, kSampleAtEdge);
  at_edges.Settle();
  at_edges.Run(2000, 80, kSampleAtEdge);
  EXPECT_LT(*at_edges.Settle().err_uj, *blind.Settle().err_uj / 10);
}

TEST(DomainLedgerTest, WhatIsNotKnownHasNoError) {
  Counter updates_not_seen({});
  updates_not_seen.Run(2000, 80);
  EXPECT_EQ(updates_not_seen.Settle().err_uj, std::nullopt);
  Counter suspended(kKnown);
  suspended.Run(1000, 80);
  suspended.Run(1, 80, 0, EOVERFLOW);
  suspended.Run(1000, 80);
  EXPECT_EQ(suspended.Settle().err_uj, std::nullopt);
  suspended.Run(1000, 80);
  EXPECT_TRUE(suspended.Settle().err_uj.has_value());
}

TEST(DomainLedgerTest, RowsHaveTheErrorsOfTheirParts) {
  constexpr int kFirst = kFirstFreeRow;
  constexpr int kSecond = kFirstFreeRow + 1;
  // Half of the CPU time there is, by turns: under capacity the idle row gets the other half.
  Counter counter(kKnown);
  for (int flush = 0; flush < 2; ++flush) {
    for (int i = 0; i < 1000; ++i) {
      counter.Run(1, 80, 0, 0, {{.row = i % 2 == 0 ? kFirst : kSecond, .run_ns = kMs, .group = 4}});
    }
    const int64_t host_uj = *counter.Settle().err_uj;
    const auto near = [&](double part) {
      return testing::Optional(testing::AllOf(testing::Gt(part * static_cast<double>(host_uj) * 0.95),
                                              testing::Lt(part * static_cast<double>(host_uj) * 1.05 + 200)));
    };
    EXPECT_THAT(counter.ledger().ReportRow(0, kIdleRow).err_uj, near(0.5));
    EXPECT_THAT(counter.ledger().ReportGroup(0, 4, {kFirst, kSecond}).err_uj, near(0.5));
    EXPECT_GT(*counter.ledger().ReportRow(0, kFirst).err_uj, 3 * host_uj) << "what it loses to the other is beside it";
  }
}

TEST(DomainLedgerTest, RowsOfWhatIsNotKnownHaveNoError) {
  Counter counter({});
  counter.Run(2000, 80, 0, 0, {{.row = kFirstFreeRow, .run_ns = kMs, .group = 0}});
  counter.Settle();
  EXPECT_EQ(counter.ledger().ReportRow(0, kFirstFreeRow).err_uj, std::nullopt);
  EXPECT_EQ(counter.ledger().ReportGroup(0, 0, {kFirstFreeRow}).err_uj, std::nullopt);
}

// As a run of a command sees a VM over several flushes.
TEST(JoinedErrorTest, SeveralFlushesAreAsSureAsOneThatIsAsLong) {
  const auto run = [](int flushes, int samples) {
    Counter counter(kKnown);
    JoinedError joined;
    std::optional<int64_t> last_uj;
    for (int flush = 0; flush < flushes; ++flush) {
      for (int i = 0; i < samples; ++i) {
        const int at = flush * samples + i;
        counter.Run(1, 80 + at % 7, 0, 0, {{.row = kFirstFreeRow, .run_ns = (1 + at % 5) * kMs / 5}});
      }
      const CounterReport report = counter.Settle();
      const RowReport row = counter.ledger().ReportRow(0, kFirstFreeRow);
      joined.Add(report, row.error_sums, row.model_err_uj);
      last_uj = row.err_uj;
    }
    return std::pair(joined.err_uj(), last_uj);
  };
  const auto [one, same] = run(1, 1000);
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ(one, same);
  const auto [many, last] = run(20, 50);
  ASSERT_TRUE(many.has_value());
  EXPECT_NEAR(static_cast<double>(*many), static_cast<double>(*one), 0.02 * static_cast<double>(*one));
  EXPECT_LT(*many, 10 * *last) << "no sum";
}

TEST(JoinedErrorTest, IsNotKnownWhereOneIsNot) {
  JoinedError none;
  EXPECT_EQ(none.err_uj(), std::nullopt);
  Counter counter(kKnown);
  JoinedError joined;
  for (const int error : {0, EOVERFLOW, 0}) {
    counter.Run(100, 80);
    counter.Run(1, 80, 0, error);
    const CounterReport report = counter.Settle();
    const RowReport row = counter.ledger().ReportRow(0, kIdleRow);
    EXPECT_EQ(row.err_uj.has_value(), error == 0);
    joined.Add(report, row.error_sums, row.model_err_uj);
  }
  EXPECT_EQ(joined.err_uj(), std::nullopt);
}

}  // namespace
}  // namespace vrapl
