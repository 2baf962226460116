// What the errors of a fit's samples are like: how far they scatter, whether neighbours err against one another, and
// how the scatter grows with what ran.
//
// Pure.
#pragma once

#include <vector>

namespace vrapl {

inline constexpr double kOutlier = 4;  // standard deviations

// Each value, and the one before that came out times `echo`.
std::vector<double> Filter(const std::vector<double>& values, double echo);

double MeanSquare(const std::vector<double>& values);

// A standard deviation that a few far values in a hundred do not move. Not fewer: where load comes and goes, one sample
// in some is far off, and tells most.
double Spread(std::vector<double> values);

// What lies beyond kOutlier is taken for that.
std::vector<double> Clipped(const std::vector<double>& values);

// The theta of e[t] - theta e[t-1] that has this correlation of neighbours.
double EchoOf(const std::vector<double>& residuals);

// What samples err by grows with what ran in them (intensities wander, frequency steps): the variance of each is
// `still + moving x active^2`, by which they are weighed, so that a quiet package tells its base.
struct Scatter {
  double still = 0;
  double moving = 0;
  double At(double active) const { return still + moving * active * active; }
};
Scatter FindScatter(const std::vector<double>& residuals, const std::vector<double>& active);

// By how much sums of residuals scatter more than if they were independent: what errs for longer than a sample. At
// least 1.
double Persistence(const std::vector<double>& residuals);

}  // namespace vrapl
