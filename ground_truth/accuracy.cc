#include "ground_truth/accuracy.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "attribution/core_energy.h"
#include "attribution/ledger.h"
#include "attribution/uncertainty.h"
#include "ground_truth/coverage.h"

namespace vrapl {
namespace {

// A VM counts from so much of an equal share on.
constexpr double kMeaningful = 0.1;

// Rows of a made host begin behind those that every ledger has.
int LedgerRow(size_t row) { return kFirstFreeRow + static_cast<int>(row); }

// Of the package while nothing runs, W.
double IdlePower(const PackageTraits& traits) {
  return FloorPower(traits, 0, traits.ambient_k + traits.k_per_w * traits.floor_w);
}

// How sure vrapl would be of a row's energy, ticks.
double ErrorTicks(const Ledger& ledger, const Settlement& settlement, int row, const CounterTraits& counter) {
  const CounterGrain grain{
      .unit_uj = 1, .period_ns = counter.period_ns, .jitter_ns = counter.jitter_ns, .skew_ns = counter.skew_ns};
  const double base_err = settlement.base.known ? settlement.base.error_ticks_per_second * 1e-6 : 0;
  return ledger.ErrorOfRow(row).ErrorUj(grain, base_err, settlement.rows[static_cast<size_t>(row)].model_err_ticks);
}

// One model at one length of window, with a ledger for each package.
class Books {
 public:
  Books(Model model, int window_samples, const HostPlan& host, bool calibrated)
      : window_samples_(window_samples),
        vms_(static_cast<size_t>(host.vms)),
        charged_uj_(host.rows.size()),
        error_uj_(host.rows.size()),
        intervals_(vms_) {
    score_.model = model;
    score_.window_samples = window_samples;
    for (const PackagePlan& package : host.packages) {
      ledgers_.emplace_back(model, ModelOptions{.nanojoules_per_tick = package.counter.unit_uj * 1e3});
      counters_.push_back(package.counter);
      if (calibrated) ledgers_.back().GiveBase(IdlePower(package.traits) * 1e6 / package.counter.unit_uj);
    }
  }

  int window_samples() const { return window_samples_; }
  void Add(size_t package, const TimeWindow& window, uint64_t ticks) { ledgers_[package].Add(window, ticks); }

  // A window ends, in which the rows truly used this.
  void EndWindow(const std::vector<double>& true_uj, bool scored) {
    std::vector<double> now_uj(charged_uj_.size());
    std::vector<double> squared_errors(vms_);  // of packages, which err apart
    bool stood_in = false;
    for (size_t package = 0; package < ledgers_.size(); ++package) {
      const Settlement settlement = ledgers_[package].Settle();
      stood_in = stood_in || settlement.model != score_.model;
      for (size_t row = 0; row < now_uj.size(); ++row) {
        const auto i = static_cast<size_t>(LedgerRow(row));
        if (i < settlement.rows.size()) {
          now_uj[row] += static_cast<double>(settlement.rows[i].ticks) * counters_[package].unit_uj;
        }
        if (i < settlement.rows.size() && row < vms_ && scored) {
          const double err_uj = ErrorTicks(ledgers_[package], settlement, LedgerRow(row), counters_[package]) *
                                counters_[package].unit_uj;
          squared_errors[row] += err_uj * err_uj;
        }
      }
    }
    if (!scored) return;
    ++windows_;
    score_.stood_in += stood_in ? 1 : 0;
    for (size_t row = 0; row < now_uj.size(); ++row) {
      charged_uj_[row] += now_uj[row];
      error_uj_[row] += std::abs(now_uj[row] - true_uj[row]);
      // Nothing of nothing is no merit.
      if (row < vms_ && (now_uj[row] > 0 || true_uj[row] > 0))
        intervals_[row].Add(now_uj[row], std::sqrt(squared_errors[row]), true_uj[row]);
    }
  }

  ModelScore Score(const std::vector<double>& true_uj) {
    const double vms_uj = std::accumulate(true_uj.begin(), true_uj.begin() + static_cast<ptrdiff_t>(vms_), 0.0);
    const double charged_uj =
        std::accumulate(charged_uj_.begin(), charged_uj_.begin() + static_cast<ptrdiff_t>(vms_), 0.0);
    int counted = 0;
    CoverageScore all;
    for (size_t vm = 0; vm < vms_; ++vm) {
      if (charged_uj > 0) score_.split_error += std::abs(charged_uj_[vm] / charged_uj - true_uj[vm] / vms_uj) / 2;
      if (true_uj[vm] < kMeaningful * vms_uj / static_cast<double>(vms_)) continue;
      const double error = error_uj_[vm] / true_uj[vm];
      score_.mean_error += error;
      ++counted;
      all.Add(intervals_[vm]);
      score_.whole_worst_error =
          std::max(score_.whole_worst_error, std::abs(charged_uj_[vm] - true_uj[vm]) / true_uj[vm]);
      if (error <= score_.worst_error) continue;
      score_.worst_error = error;
      score_.worst_vm = static_cast<int>(vm);
    }
    if (counted > 0) {
      score_.mean_error /= counted;
      score_.covered = all.coverage();
      score_.half_width = all.width_uj / 2 / all.energy_uj;
      score_.interval_score = all.score_uj / all.energy_uj;
    }
    score_.misplaced =
        std::accumulate(error_uj_.begin(), error_uj_.end(), 0.0) / std::accumulate(true_uj.begin(), true_uj.end(), 0.0);
    if (windows_ > 0) score_.stood_in /= windows_;
    return score_;
  }

 private:
  int window_samples_;
  size_t vms_;
  std::vector<Ledger> ledgers_;
  std::vector<CounterTraits> counters_;
  std::vector<double> charged_uj_;
  std::vector<double> error_uj_;
  std::vector<CoverageScore> intervals_;  // of VMs
  int windows_ = 0;
  ModelScore score_;
};

// The counters of a package's cores, as the model core is told of them.
class Cores {
 public:
  Cores(const PackagePlan& package, int vms)
      : vms_(vms),
        last_ticks_(static_cast<size_t>(package.traits.cores)),
        energy_(std::vector<double>(last_ticks_.size(), package.counter.unit_uj * 1e3)) {}

  // Tells the rows of the sample what the cores they ran on used; ascending, as they were.
  void AddTo(std::vector<RowTime>& rows, const SeenSample& seen) {
    std::vector<RowTime> on_core;
    for (size_t core = 0; core < seen.cores.size(); ++core) {
      on_core.clear();
      for (const RowUse& use : seen.cores[core].rows) {
        on_core.push_back({.row = LedgerRow(static_cast<size_t>(use.row)),
                           .run_ns = use.run_ns,
                           .group = use.row < vms_ ? use.row : -1});
      }
      const uint64_t ticks = seen.cores[core].ticks;
      energy_.Add(core, on_core, ticks - std::exchange(last_ticks_[core], ticks));
    }
    energy_.MoveTo(rows);
    std::sort(rows.begin(), rows.end(), [](const RowTime& a, const RowTime& b) { return a.row < b.row; });
  }

 private:
  const int vms_;
  std::vector<uint64_t> last_ticks_;
  CoreEnergy energy_;
};

// Of the rows of a host, window by window, while errors count.
struct Lived {
  std::vector<std::vector<double>> run_ns;
  std::vector<std::vector<double>> true_uj;
};

double IdealError(const Lived& lived, const std::vector<double>& all_uj, size_t vms) {
  const size_t rows = all_uj.size();
  std::vector<double> all_ns(rows);
  for (const std::vector<double>& run_ns : lived.run_ns) {
    std::transform(run_ns.begin(), run_ns.end(), all_ns.begin(), all_ns.begin(), std::plus<>());
  }
  std::vector<double> error_uj(vms);
  for (size_t w = 0; w < lived.run_ns.size(); ++w) {
    std::vector<double> expected(rows);
    for (size_t row = 0; row < rows; ++row) {
      expected[row] = all_ns[row] > 0 ? all_uj[row] / all_ns[row] * lived.run_ns[w][row] : 0;
    }
    const double sum = std::accumulate(expected.begin(), expected.end(), 0.0);
    const double active = std::accumulate(lived.true_uj[w].begin(), lived.true_uj[w].end(), 0.0);
    if (sum <= 0) continue;
    for (size_t vm = 0; vm < vms; ++vm) error_uj[vm] += std::abs(expected[vm] * active / sum - lived.true_uj[w][vm]);
  }
  const double vms_uj = std::accumulate(all_uj.begin(), all_uj.begin() + static_cast<ptrdiff_t>(vms), 0.0);
  double error = 0;
  int counted = 0;
  for (size_t vm = 0; vm < vms; ++vm) {
    if (all_uj[vm] < kMeaningful * vms_uj / static_cast<double>(vms)) continue;
    error += error_uj[vm] / all_uj[vm];
    ++counted;
  }
  return counted > 0 ? error / counted : 0;
}

}  // namespace

std::vector<ModelScore> Judge(const HostPlan& host, uint64_t seed, const AccuracyOptions& options) {
  std::vector<Books> books;
  for (const int window : options.windows) {
    for (const Model model : options.models) books.emplace_back(model, window, host, options.calibrated);
  }
  const std::vector<std::unique_ptr<SyntheticHost>> packages = Start(host, seed);
  std::vector<uint64_t> last_ticks(packages.size());
  const bool by_core = std::find(options.models.begin(), options.models.end(), Model::kCore) != options.models.end();
  std::vector<Cores> cores;
  for (const PackagePlan& package : host.packages) cores.emplace_back(package, host.vms);
  std::vector<double> scored_uj(host.rows.size());
  std::vector<std::vector<double>> window_uj(options.windows.size(), std::vector<double>(host.rows.size()));
  const int longest = *std::max_element(options.windows.begin(), options.windows.end());
  Lived lived;
  std::vector<double> longest_run_ns(host.rows.size());
  std::vector<RowTime> rows;
  const int64_t sample_ns = host.packages.front().counter.sample_ns;
  const int64_t learn = options.learn_ns / sample_ns;
  const int64_t samples = learn + options.scored_ns / sample_ns;
  for (int64_t sample = 0; sample < samples; ++sample) {
    const bool scored = sample >= learn;
    for (size_t i = 0; i < packages.size(); ++i) {
      packages[i]->Next();
      const SeenSample& seen = packages[i]->seen();
      const TrueSample& truth = packages[i]->truth();
      rows.clear();
      for (const RowUse& use : seen.rows) {
        longest_run_ns[static_cast<size_t>(use.row)] += static_cast<double>(use.run_ns);
        rows.push_back({.row = LedgerRow(static_cast<size_t>(use.row)),
                        .run_ns = use.run_ns,
                        .solo_ns = use.solo_ns,
                        .shared_ns = use.shared_ns,
                        // A VM is a group; what else runs is not one.
                        .group = use.row < host.vms ? use.row : -1});
      }
      if (by_core) cores[i].AddTo(rows, seen);
      const TimeWindow window{.dt_ns = seen.dt_ns, .cpus = seen.cpus, .rows = rows};
      const uint64_t ticks = seen.ticks - std::exchange(last_ticks[i], seen.ticks);
      for (Books& book : books) book.Add(i, window, ticks);
      for (size_t row = 0; row < scored_uj.size(); ++row) {
        for (std::vector<double>& uj : window_uj) uj[row] += truth.row_uj[row];
        if (scored) scored_uj[row] += truth.row_uj[row];
      }
    }
    for (size_t w = 0; w < options.windows.size(); ++w) {
      if ((sample + 1) % options.windows[w] != 0) continue;
      for (Books& book : books) {
        if (book.window_samples() == options.windows[w]) book.EndWindow(window_uj[w], scored);
      }
      if (options.windows[w] == longest && scored) {
        lived.run_ns.push_back(longest_run_ns);
        lived.true_uj.push_back(window_uj[w]);
      }
      if (options.windows[w] == longest) std::fill(longest_run_ns.begin(), longest_run_ns.end(), 0);
      std::fill(window_uj[w].begin(), window_uj[w].end(), 0);
    }
  }
  std::vector<ModelScore> scores;
  for (Books& book : books) {
    scores.push_back(book.Score(scored_uj));
    if (book.window_samples() == longest) {
      scores.back().ideal_error = IdealError(lived, scored_uj, static_cast<size_t>(host.vms));
    }
  }
  return scores;
}

}  // namespace vrapl
