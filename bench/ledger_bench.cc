// What does charging one sample to its rows cost, by the number of rows that ran?
#include <benchmark/benchmark.h>

#include "attribution/ledger.h"

namespace vrapl {
namespace {

void BM_LedgerAdd(benchmark::State& state) {
  const auto rows = static_cast<int>(state.range(0));
  Ledger ledger(Model::kBaseShare);
  ledger.GiveBase(300'000);
  std::vector<RowTime> times;
  for (int i = 0; i < rows; ++i) times.push_back({.row = kFirstFreeRow + i, .run_ns = 1000 + i});
  const TimeWindow window{.dt_ns = 1'000'000, .cpus = 64, .rows = times};
  for (auto _ : state) ledger.Add(window, 1311);
  state.SetLabel("one sample, ns");
  state.counters["ns_per_row"] = benchmark::Counter(static_cast<double>(state.iterations()) * rows * 1e-9,
                                                    benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_LedgerAdd)->Arg(10)->Arg(100)->Arg(1000)->Arg(8000);

void BM_LedgerSettle(benchmark::State& state) {
  const auto rows = static_cast<int>(state.range(0));
  Ledger ledger(Model::kBaseShare);
  ledger.GiveBase(300'000);
  std::vector<RowTime> times;
  for (int i = 0; i < rows; ++i) times.push_back({.row = kFirstFreeRow + i, .run_ns = 1000 + i});
  const TimeWindow window{.dt_ns = 1'000'000, .cpus = 64, .rows = times};
  for (auto _ : state) {
    ledger.Add(window, 1'000'003);
    benchmark::DoNotOptimize(ledger.Settle());
  }
  state.SetLabel("one flush of one sample, ns");
}
BENCHMARK(BM_LedgerSettle)->Arg(10)->Arg(100)->Arg(1000)->Arg(8000);

}  // namespace
}  // namespace vrapl

BENCHMARK_MAIN();
