#include "ground_truth/coverage.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "attribution/ledger.h"
#include "attribution/uncertainty.h"
#include "ground_truth/random.h"

namespace vrapl {
namespace {

// The counter of a measurement without error: so fine that its quantum is nothing.
constexpr double kExactUnitUj = 0.1;

CounterGrain GrainOf(const CounterTraits& counter) {
  return {.unit_uj = counter.unit_uj,
          .period_ns = counter.period_ns,
          .jitter_ns = counter.jitter_ns,
          .skew_ns = counter.skew_ns};
}

// One package at one length of window.
class Measurement {
 public:
  Measurement(const PackagePlan& package, int vms, int window_samples, double base_w, double base_off_w)
      : window_samples_(window_samples), vms_(vms), grain_(GrainOf(package.counter)), sums_(static_cast<size_t>(vms)) {
    measured_.GiveBase((base_w + base_off_w) * 1e6 / grain_.unit_uj);
    exact_.GiveBase(base_w * 1e6 / kExactUnitUj);
    host_.window_samples = vms_score_.window_samples = window_samples;
  }

  // base_err_w: what one would have said of the base's interval.
  void Add(const TimeWindow& window, uint64_t ticks, double exact_uj, double power_w, double base_err_w, bool scored) {
    measured_.Add(window, ticks);
    exact_rest_uj_ += exact_uj;
    const auto exact_ticks = static_cast<uint64_t>(exact_rest_uj_ / kExactUnitUj);
    exact_rest_uj_ -= static_cast<double>(exact_ticks) * kExactUnitUj;
    exact_.Add(window, exact_ticks);
    if (samples_ == 0) begin_w_ = last_w_ == 0 ? power_w : last_w_;
    last_w_ = power_w;
    exact_uj_ += exact_uj;
    ticks_ += ticks;
    int64_t busy_ns = 0;
    for (const RowTime& row : window.rows) busy_ns += row.run_ns;
    std::vector<double> shares(static_cast<size_t>(vms_));
    for (const RowTime& row : window.rows) {
      const int vm = row.row - kFirstFreeRow;
      if (vm < vms_) shares[static_cast<size_t>(vm)] = static_cast<double>(row.run_ns) / static_cast<double>(busy_ns);
    }
    const double busy_cpus = static_cast<double>(busy_ns) / static_cast<double>(window.dt_ns);
    for (size_t vm = 0; vm < sums_.size(); ++vm) sums_[vm].Add(power_w, shares[vm], busy_cpus, window.dt_ns);
    if (++samples_ == window_samples_) EndWindow(base_err_w, scored);
  }

  const CoverageScore& host() const { return host_; }
  const CoverageScore& vms() const { return vms_score_; }

 private:
  void EndWindow(double base_err_w, bool scored) {
    const Settlement measured = measured_.Settle();
    const Settlement exact = exact_.Settle();
    if (scored) {
      host_.Add(static_cast<double>(ticks_) * grain_.unit_uj, HostErrorUj(grain_, begin_w_, last_w_), exact_uj_);
    }
    for (size_t vm = 0; vm < sums_.size(); ++vm) {
      const size_t row = static_cast<size_t>(kFirstFreeRow) + vm;
      const double measured_uj =
          row < measured.rows.size() ? static_cast<double>(measured.rows[row].ticks) * grain_.unit_uj : 0;
      const double true_uj = row < exact.rows.size() ? static_cast<double>(exact.rows[row].ticks) * kExactUnitUj : 0;
      if (scored && (measured_uj > 0 || true_uj > 0)) {
        vms_score_.Add(measured_uj, sums_[vm].ErrorUj(grain_, base_err_w), true_uj);
      }
      sums_[vm].Restart();
    }
    samples_ = 0;
    exact_uj_ = 0;
    ticks_ = 0;
  }

  int window_samples_;
  int vms_;
  CounterGrain grain_;
  Ledger measured_{Model::kBaseShare};
  Ledger exact_{Model::kBaseShare};
  double exact_rest_uj_ = 0;
  std::vector<RowErrorSums> sums_;
  double begin_w_ = 0;
  double last_w_ = 0;
  int samples_ = 0;
  double exact_uj_ = 0;
  uint64_t ticks_ = 0;
  CoverageScore host_;
  CoverageScore vms_score_;
};

}  // namespace

void CoverageScore::Add(double measured_uj, double err_uj, double true_uj) {
  const double missed_uj = std::max(0.0, std::abs(measured_uj - true_uj) - err_uj);
  ++intervals;
  covered += missed_uj == 0 ? 1 : 0;
  energy_uj += true_uj;
  width_uj += 2 * err_uj;
  score_uj += 2 * err_uj + 2 / 0.05 * missed_uj;
}

void CoverageScore::Add(const CoverageScore& other) {
  window_samples = other.window_samples;
  intervals += other.intervals;
  covered += other.covered;
  energy_uj += other.energy_uj;
  width_uj += other.width_uj;
  score_uj += other.score_uj;
}

CoverageResult MeasureCoverage(const HostPlan& host, uint64_t seed, const CoverageOptions& options) {
  CoverageResult result{.host = std::vector<CoverageScore>(options.windows.size()),
                        .vms = std::vector<CoverageScore>(options.windows.size())};
  Random random(seed);
  const std::vector<std::unique_ptr<SyntheticHost>> packages = Start(host, seed);
  for (size_t i = 0; i < packages.size(); ++i) {
    const PackagePlan& made = host.packages[i];
    const double base_w = FloorPower(made.traits, 0, made.traits.ambient_k + made.traits.k_per_w * made.traits.floor_w);
    const double base_err_w = options.base_error * base_w;
    const double base_off_w = random.Uniform(-base_err_w, base_err_w);
    std::vector<Measurement> measurements;
    for (const int window : options.windows) measurements.emplace_back(made, host.vms, window, base_w, base_off_w);
    SmoothedPower power;
    uint64_t last_ticks = 0;
    std::vector<RowTime> rows;
    const int64_t learn = options.learn_ns / made.counter.sample_ns;
    const int64_t samples = learn + options.scored_ns / made.counter.sample_ns;
    for (int64_t sample = 0; sample < samples; ++sample) {
      packages[i]->Next();
      const SeenSample& seen = packages[i]->seen();
      rows.clear();
      for (const RowUse& use : seen.rows) rows.push_back({.row = kFirstFreeRow + use.row, .run_ns = use.run_ns});
      const TimeWindow window{.dt_ns = seen.dt_ns, .cpus = seen.cpus, .rows = rows};
      const uint64_t ticks = seen.ticks - std::exchange(last_ticks, seen.ticks);
      const double power_w = power.Add(static_cast<double>(ticks) * made.counter.unit_uj, seen.dt_ns);
      for (Measurement& measurement : measurements) {
        measurement.Add(window, ticks, packages[i]->truth().host_uj, power_w, base_err_w, sample >= learn);
      }
    }
    for (size_t w = 0; w < measurements.size(); ++w) {
      result.host[w].Add(measurements[w].host());
      result.vms[w].Add(measurements[w].vms());
    }
  }
  return result;
}

}  // namespace vrapl
