// A package that knows what each thread truly used, and shows what vrapl would have seen of it: a counter with its
// quantum and its updates, read late and not quite at the instant one thinks, and exact run time by row.
//
// The same seed gives the same host, to the last bit of each figure.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ground_truth/package_power.h"
#include "ground_truth/random.h"
#include "ground_truth/schedule.h"
#include "ground_truth/work.h"

namespace vrapl {

// Of one row in the window of one sample.
struct RowUse {
  int row = 0;
  int64_t run_ns = 0;
  int64_t solo_ns = 0;    // of run_ns: the core to itself
  int64_t shared_ns = 0;  // of run_ns: something ran on the SMT sibling
};

// Who ran on one core in the window of one sample, and how far its counter has moved since the start.
struct CoreUse {
  uint64_t ticks = 0;
  std::vector<RowUse> rows;  // in the order met
};

// What can be seen: nothing in here tells more than a host with RAPL and a switch log would.
struct SeenSample {
  int64_t t_ns = 0;
  int64_t dt_ns = 0;  // since the sample before
  int64_t skew_ns = 0;
  int cpus = 0;
  int64_t idle_ns = 0;
  uint64_t ticks = 0;        // the counter, cumulative
  std::vector<RowUse> rows;  // that ran, in order of their numbers
  std::vector<CoreUse> cores;
};

// What was. Rows as RowUse::row; the floor is not among them.
struct TrueSample {
  double host_uj = 0;   // since the sample before: floor_uj and all rows
  double floor_uj = 0;  // the idle row's
  std::vector<double> row_uj;
  double counted_uj = 0;     // since the start, at the counter's last update that was read
  int64_t update_ns = 0;     // when that was
  double temperature_k = 0;  // above the reference
};

// How the counter updates and how it is read.
struct CounterTraits {
  double unit_uj = 61.03515625;   // 2^-14 J
  double period_ns = 999'000;     // measured: 0.9990 ms, of 82 runs
  double jitter_ns = 8'000;       // standard deviation of one update about its grid
  int64_t sample_ns = 1'000'000;  // read on the clock
  double late_ns = 4'000;         // mean; one in a hundred is up to 300 us late, one in 5 000 up to 4 ms
  double skew_ns = 6'000;         // a read takes this long, half of it to twice
};

class SyntheticHost {
 public:
  // `threads` are those that the schedule's switches speak of. Rows are numbered 0 to rows - 1.
  SyntheticHost(PackageTraits package, CounterTraits counter, std::vector<ThreadSpec> threads, int rows,
                std::unique_ptr<Schedule> schedule, uint64_t seed);

  // Goes on to the next sample.
  void Next();
  const SeenSample& seen() const { return seen_; }
  const TrueSample& truth() const { return truth_; }

 private:
  void AdvanceTo(int64_t t_ns);
  void Pass(int64_t until_ns);  // nothing changes until then
  void Control();               // what changes slowly: frequency, temperature, wandering power
  void CloseWindow(int64_t t_ns);
  void PlanUpdate();
  void PlanRead();

  PackageTraits package_;
  CounterTraits counter_;
  std::vector<ThreadSpec> threads_;
  std::unique_ptr<Schedule> schedule_;
  Random update_random_;
  Random read_random_;
  Random wander_random_;

  int64_t now_ns_ = 0;
  Switch next_switch_;
  int64_t next_control_ns_ = 0;
  int64_t next_update_ns_ = 0;
  uint64_t updates_ = 0;
  uint64_t reads_ = 0;
  int64_t stamp_ns_ = 0;  // of the next sample: where it says it was read
  int64_t read_ns_ = 0;   // where it really was
  int64_t skew_ns_ = 0;

  std::vector<int> on_cpu_;  // thread or kNobody
  std::vector<Runner> runners_;
  std::vector<double> watts_;
  std::vector<double> core_watts_;  // of those, what is drawn within the cores
  std::vector<double> wander_;      // per thread
  std::vector<int64_t> wander_until_ns_;
  bool powered_ = false;  // watts_ are those of runners_
  double frequency_ = 1;
  double floor_w_ = 0;
  double kelvin_ = 0;
  double control_uj_ = 0;  // used since the last Control()

  double total_uj_ = 0;
  double counted_uj_ = 0;  // at the last update
  int64_t counted_ns_ = 0;
  struct CoreEnergy {
    double total_uj = 0;
    double counted_uj = 0;  // at the last update
  };
  std::vector<CoreEnergy> core_energy_;
  // In this window:
  double floor_uj_ = 0;
  std::vector<double> row_uj_;
  std::vector<RowUse> uses_;
  std::vector<std::vector<RowUse>> core_uses_;
  int64_t window_start_ns_ = 0;
  SeenSample seen_;
  TrueSample truth_;
};

}  // namespace vrapl
