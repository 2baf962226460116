#include "attribution/fit_doubt.h"

#include <algorithm>
#include <cmath>

namespace vrapl {
namespace {

// How far a key may be off besides what the samples leave open, of what others could have had instead: power does not
// add up as the fit has it. Found on made hosts, with seeds that are for tuning.
constexpr double kMisfit = 0.12;
constexpr double kMisfitByRunTime = 0.8;
// How far those that have no power of their own may be off the common, as a part of it: standard deviation. A few draw
// twice of it.
constexpr double kLeastSpread = 0.6;

double Square(double x) { return x * x; }

}  // namespace

FitDoubt::Used& FitDoubt::Of(int row, size_t key, double ticks) {
  const auto index = static_cast<size_t>(row);
  if (row_ticks_.size() <= index) row_ticks_.resize(index + 1);
  if (used_.size() <= key) used_.resize(key + 1);
  row_ticks_[index] += ticks;
  all_ticks_ += ticks;
  open_.found = false;
  return used_[key];
}

void FitDoubt::Charged(int row, size_t key, double ticks, double run_ms) {
  Used& used = Of(row, key, ticks);
  used.ticks += ticks;
  used.run_ms += run_ms;
}

void FitDoubt::ChargedByRunTime(int row, size_t key, double ticks) { Of(row, key, ticks).by_run_time += ticks; }

double FitDoubt::ErrorTicks(int row, size_t key, const PowerFit& fit, const SlotOf& slot_of) const {
  if (key >= used_.size() || static_cast<size_t>(row) >= row_ticks_.size()) return 0;
  const Used& used = used_[key];
  const double ticks = used.ticks + used.by_run_time;
  if (ticks <= 0) return 0;
  // Who has all that there is has it whatever the fit says.
  const double others = 1 - ticks / all_ticks_;
  const double misfit = (kMisfit * used.ticks + kMisfitByRunTime * used.by_run_time) * others;
  const double of_key = std::hypot(1.96 * std::sqrt(Variance(key, fit, slot_of)), misfit);
  return of_key * row_ticks_[static_cast<size_t>(row)] / ticks;
}

void FitDoubt::FindOpen(const PowerFit& fit, const SlotOf& slot_of) const {
  const size_t slots = fit.slots();
  std::vector<double> run_ms(slots + 1);  // the last is that of all that have none
  const auto slot_at = [slots](size_t i) { return i == slots ? PowerFit::kCommon : i; };
  open_ = {.found = true, .with = std::vector<double>(slots + 1)};
  for (size_t key = 0; key < used_.size(); ++key) {
    if (used_[key].run_ms > 0) run_ms[std::min(slot_of(key), slots)] += used_[key].run_ms;
    open_.ticks += used_[key].ticks;
  }
  for (size_t i = 0; i <= slots; ++i) {
    for (size_t j = 0; j <= slots; ++j) {
      if (run_ms[j] > 0) open_.with[i] += run_ms[j] * fit.covariance(slot_at(i), slot_at(j));
    }
    open_.with_all += run_ms[i] * open_.with[i];
  }
}

// Of what the key was charged by the fit, ticks squared. A power that is too high takes from all others, in proportion
// to what they have.
double FitDoubt::Variance(size_t key, const PowerFit& fit, const SlotOf& slot_of) const {
  if (!open_.found) FindOpen(fit, slot_of);
  if (open_.ticks <= 0) return 0;
  const double part = used_[key].ticks / open_.ticks;
  const double run_ms = used_[key].run_ms;
  const size_t slot = slot_of(key);
  const double own =
      slot == PowerFit::kCommon ? Square(std::max(fit.spread(), kLeastSpread * fit.solo().value) * (1 - part)) : 0;
  return std::max(0.0, run_ms * run_ms * (fit.covariance(slot, slot) + own) -
                           2 * part * run_ms * open_.with[std::min(slot, fit.slots())] + part * part * open_.with_all);
}

void FitDoubt::ForgetKey(size_t key) {
  if (key < used_.size()) used_[key] = {};
}

void FitDoubt::ForgetRow(int row) {
  if (static_cast<size_t>(row) < row_ticks_.size()) row_ticks_[static_cast<size_t>(row)] = 0;
}

void FitDoubt::Clear() {
  std::fill(used_.begin(), used_.end(), Used{});
  std::fill(row_ticks_.begin(), row_ticks_.end(), 0.0);
  all_ticks_ = 0;
  open_ = {};
}

}  // namespace vrapl
