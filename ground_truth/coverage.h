// Whether the intervals of attribution/uncertainty.h hold what they promise: how often a measured energy lies within
// its 95 % of the truth of the measurement, and how wide they are.
//
// The truth of a measurement is what the same model would have charged, had it been given the energy exactly, at the
// instants of the samples, and the base power exactly. How far that is from what a VM truly used is the model's error
// (accuracy.h), which no interval of a measurement can cover.
#pragma once

#include <cstdint>
#include <vector>

#include "ground_truth/scenarios.h"

namespace vrapl {

struct CoverageOptions {
  int64_t learn_ns = 1'000'000'000;
  int64_t scored_ns = 20'000'000'000;
  std::vector<int> windows = {1, 10, 100, 2000};  // lengths, in samples
  // Half width of the interval of the base power that the model is given, as a part of it. The true one lies in it:
  // how good such intervals are is another question.
  double base_error = 0.02;
};

// Over all windows of one length.
struct CoverageScore {
  int window_samples = 0;
  int64_t intervals = 0;
  int64_t covered = 0;
  double energy_uj = 0;  // the truth, summed
  double width_uj = 0;   // of the intervals, both sides, summed
  // Interval score (Gneiting and Raftery, "Strictly proper scoring rules", 2007): the width, and 2 / 0.05 times the
  // distance by which the truth is missed. Less is better; neither too narrow nor too wide an interval can win.
  double score_uj = 0;

  void Add(double measured_uj, double err_uj, double true_uj);
  void Add(const CoverageScore& other);
  double coverage() const { return intervals == 0 ? 1 : static_cast<double>(covered) / static_cast<double>(intervals); }
};

struct CoverageResult {
  std::vector<CoverageScore> host;  // one for each length of window
  std::vector<CoverageScore> vms;   // in windows in which the VM got anything, or should have
};

CoverageResult MeasureCoverage(const HostPlan& host, uint64_t seed, const CoverageOptions& options);

}  // namespace vrapl
