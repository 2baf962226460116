// How unsure the fit is of what it charged to each row since the last settlement: what the samples leave open of the
// powers that it found, and that power does not add up as it has it. Fed with each move that was divided.
//
// A key is whoever has a power in common, a VM or a row by itself. Pure. Ticks and milliseconds.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "attribution/power_fit.h"

namespace vrapl {

class FitDoubt {
 public:
  // The slot of a key in the fit, or PowerFit::kCommon.
  using SlotOf = std::function<size_t(size_t key)>;

  // The row, of that key, was charged these ticks, by the key's power times run_ms and more; or by run time alone.
  void Charged(int row, size_t key, double ticks, double run_ms);
  void ChargedByRunTime(int row, size_t key, double ticks);

  // Half width of the 95 % interval of what the row was charged, ticks. The errors of the rows of a key are one: they
  // sum.
  double ErrorTicks(int row, size_t key, const PowerFit& fit, const SlotOf& slot_of) const;

  // The key, or the row, will be another's.
  void ForgetKey(size_t key);
  void ForgetRow(int row);
  // A settlement was made.
  void Clear();

 private:
  struct Used {
    double ticks = 0;        // charged by the fit
    double by_run_time = 0;  // and without it
    double run_ms = 0;       // by which the power of the key was multiplied
  };
  // How what was charged depends on powers that are open.
  struct Open {
    bool found = false;
    double ticks = 0;          // of all, by the fit
    std::vector<double> with;  // by slot, the common's last: its covariance with what all ran
    double with_all = 0;
  };

  Used& Of(int row, size_t key, double ticks);
  void FindOpen(const PowerFit& fit, const SlotOf& slot_of) const;
  double Variance(size_t key, const PowerFit& fit, const SlotOf& slot_of) const;

  std::vector<Used> used_;         // by key
  std::vector<double> row_ticks_;  // the same by row
  double all_ticks_ = 0;
  mutable Open open_;  // found once for all rows of a settlement
};

}  // namespace vrapl
