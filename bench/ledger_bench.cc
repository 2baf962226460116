// What does charging one sample cost, by the number of rows that ran? And what does a flush?
//
// The floor: adding up the run times, which any division by them needs.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "attribution/ledger.h"

namespace vrapl {
namespace {

constexpr uint64_t kTicks = 1311;  // 80 W for a millisecond, in units of 61 uJ

std::vector<RowTime> RunTimes(int64_t rows) {
  std::vector<RowTime> times;
  for (int64_t i = 0; i < rows; ++i) {
    times.push_back({.row = kFirstFreeRow + static_cast<int>(i), .run_ns = 1000 + 7 * i % 900});
  }
  return times;
}

TimeWindow Millisecond(const std::vector<RowTime>& times) { return {.dt_ns = 1'000'000, .cpus = 64, .rows = times}; }

void CountRows(benchmark::State& state) {
  state.counters["per_row"] = benchmark::Counter(static_cast<double>(state.iterations() * state.range(0)),
                                                 benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void BM_Floor_SumOfRunTimes(benchmark::State& state) {
  const std::vector<RowTime> times = RunTimes(state.range(0));
  for (auto _ : state) {
    int64_t sum = 0;
    for (const RowTime& time : times) {
      sum += time.run_ns;
      benchmark::DoNotOptimize(sum);
    }
  }
  CountRows(state);
}

void Add(benchmark::State& state, Model model) {
  Ledger ledger(model);
  ledger.GiveBase(300'000);  // known from the first flush
  const std::vector<RowTime> times = RunTimes(state.range(0));
  for (auto _ : state) ledger.Add(Millisecond(times), kTicks);
  CountRows(state);
}
void BM_Add_BaseShare(benchmark::State& state) { Add(state, Model::kBaseShare); }
void BM_Add_Capacity(benchmark::State& state) { Add(state, Model::kCapacity); }
void BM_Add_Share(benchmark::State& state) { Add(state, Model::kShare); }

// A sample in which the counter did not move: time is put by.
void BM_Add_NothingYet(benchmark::State& state) {
  Ledger ledger(Model::kBaseShare);
  const std::vector<RowTime> times = RunTimes(state.range(0));
  for (auto _ : state) ledger.Add(Millisecond(times), 0);
  CountRows(state);
}

// A flush, with the one sample that makes it settle something.
void BM_AddAndSettle(benchmark::State& state) {
  Ledger ledger(Model::kBaseShare);
  ledger.GiveBase(300'000);
  const std::vector<RowTime> times = RunTimes(state.range(0));
  for (auto _ : state) {
    ledger.Add(Millisecond(times), kTicks);
    benchmark::DoNotOptimize(ledger.Settle());
  }
  CountRows(state);
}

void Sizes(benchmark::internal::Benchmark* benchmark) {
  for (const int64_t rows : {10, 100, 1000}) benchmark->Arg(rows);
}
BENCHMARK(BM_Floor_SumOfRunTimes)->Apply(Sizes);
BENCHMARK(BM_Add_BaseShare)->Apply(Sizes);
BENCHMARK(BM_Add_Capacity)->Apply(Sizes);
BENCHMARK(BM_Add_Share)->Apply(Sizes);
BENCHMARK(BM_Add_NothingYet)->Apply(Sizes);
BENCHMARK(BM_AddAndSettle)->Apply(Sizes);

}  // namespace
}  // namespace vrapl

BENCHMARK_MAIN();
