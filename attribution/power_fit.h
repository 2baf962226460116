// Fits a package's power to what ran: energy of each sample = base x dt + awake x (time in which anybody ran)
// + solo x (run time alone on a core) + shared x (run time beside a busy sibling) + own[slot] x (run time of the slot).
// A slot is somebody who may draw more or less than the common for the same run time: a VM.
//
// The five are followed from batch to batch (two seconds) by a Kalman filter in double. Each slot's own power is drawn
// towards 0, the common, by as much as the samples leave it undetermined, and so is what was learned long ago: what
// cannot be told apart is not told apart. Energy of neighbouring samples errs in opposite directions (an update that
// came late takes from one sample and gives to the next), so samples are filtered first until their errors are
// independent; what correlation is left over longer times (frequency, temperature) makes the errors of the fit larger.
//
// Pure: no files, clocks or threads. Units: milliseconds and ticks.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "attribution/symmetric_matrix.h"

namespace vrapl {

// What ran in one sample.
struct FitSample {
  double ticks = 0;
  double dt_ms = 0;
  double awake_ms = 0;
  double solo_ms = 0;
  double shared_ms = 0;
  size_t first = 0;  // its entries
  size_t entries = 0;
};
struct FitEntry {
  int slot = 0;
  double solo_ms = 0;
  double shared_ms = 0;
};

class PowerFit {
 public:
  struct Estimate {
    double value = 0;  // ticks per millisecond
    double sd = 0;
  };

  // `with_states`: false fits the base, the awake package and one common power only.
  PowerFit(size_t slots, bool with_states);

  // The base is known from elsewhere.
  void FixBase(double ticks_per_ms);
  // It is no longer: it was what it was, but how it and the awake package divide what is always there is open again.
  void FreeBase();

  // Makes room for that many slots.
  void Grow(size_t slots);
  // The slot stands for somebody else from now on, of whom nothing is known.
  void ResetSlot(size_t slot);

  // Takes in a batch. Gives how much less well the samples were foretold, before they were known, by `rival` than by
  // this: a log likelihood ratio. 0 for the first batch.
  double Update(absl::Span<const FitSample> samples, absl::Span<const FitEntry> entries, const PowerFit* rival);

  bool started() const { return started_; }
  Estimate base() const { return At(kBase); }
  // Half width of the base's 95 % interval. Besides what the samples leave open it has in it that power may not go
  // straight from the quietest samples to none that run. 0 where the base is fixed.
  double base_error() const;
  Estimate awake() const { return At(kAwake); }
  Estimate solo() const { return At(kSolo); }
  size_t slots() const { return size_ - kFirstSlot; }
  double shared_weight() const { return shared_weight_; }  // shared / solo, within reason
  // Power of run time alone on the core, of this slot; never below a tenth of the common.
  Estimate power(size_t slot) const;
  double spread() const { return spread_ * mean_[kSolo]; }  // of slots' powers: standard deviation
  double mean_power() const { return mean_power_; }         // of the last batch
  // Of each sample of the last batch, how much of its energy is of the sample before: 0 to 1.
  const std::vector<double>& lag() const { return lag_; }
  // How much of what the powers of the slots may differ, as they ran in the last batch, is still open, from 0 to 1: the
  // mean of their variances about the common of all, as a part of what it was before any sample.
  double Undetermined() const;
  // Of the errors of two slots' powers; kCommon of the common's.
  static constexpr size_t kCommon = SIZE_MAX;
  double covariance(size_t a, size_t b) const;

 private:
  enum : size_t { kBase, kAwake, kSolo, kShared, kFirstSlot };

  struct SlotRun {
    double solo_ms = 0;
    double shared_ms = 0;
  };
  struct Noise {
    double echo = 0;      // theta: how much of a sample's error comes back, negative, in the next
    double variance = 1;  // of what is left when that is filtered out
  };

  Estimate At(size_t i) const;
  // Only a package that was seen to sleep tells its base from what wakes with it: how long it was awake is an estimate,
  // and a package that never sleeps is sometimes taken for one that does.
  double AwakeMs(const FitSample& sample) const { return base_fixed_ ? sample.awake_ms : sample.dt_ms; }
  void Start(absl::Span<const FitSample> samples);
  void Predict(double seconds);
  // Adds `part` of what ran in the sample to the state's factors.
  void AddRun(const FitSample& sample, absl::Span<const FitEntry> entries, double part, std::vector<double>& x) const;
  // What each sample is expected to use, in ticks, if its energy did not lag.
  std::vector<double> Expected(absl::Span<const FitSample> samples, absl::Span<const FitEntry> entries) const;
  // What is not as expected, where `lag` of a sample's energy is of the sample before.
  std::vector<double> Residuals(absl::Span<const FitSample> samples, const std::vector<double>& expected,
                                const std::vector<double>& lag) const;
  // What is above the base, in this sample or the one before.
  std::vector<double> Active(absl::Span<const FitSample> samples, const std::vector<double>& expected) const;
  std::vector<double> FindLag(absl::Span<const FitSample> samples, const std::vector<double>& expected) const;
  void Absorb(absl::Span<const FitSample> samples, absl::Span<const FitEntry> entries, const std::vector<double>& lag,
              const std::vector<double>& residuals, const std::vector<double>& weights, const Noise& noise,
              const SymmetricMatrix& precision_before);
  void KeepPositive();
  void Condition(const std::vector<double>& direction, double value, double variance);
  void LearnSpread();

  size_t size_;
  bool with_states_;
  bool started_ = false;
  bool base_fixed_ = false;
  double fixed_base_ = 0;
  std::vector<double> mean_;
  SymmetricMatrix covariance_;
  double shared_weight_ = 1;
  double spread_ = 0.3;  // of the slots' powers, as a part of the common: standard deviation
  double mean_power_ = 0;
  double usual_power_ = 0;    // the same, over minutes
  double quietest_busy_ = 0;  // of the quietest samples of late, CPUs in use as a part of their mean
  std::vector<double> lag_;
  std::vector<bool> seen_;     // slots that ran in the last batch
  std::vector<SlotRun> runs_;  // and for how long
};

}  // namespace vrapl
