// What rounds of `vrapl overhead` tell, as text for a person. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vrapl {

// The three runs of a round.
enum OverheadWay { kOff, kOn, kOffAgain };

struct OverheadRun {
  double seconds = 0;
  std::optional<double> joules;
};

struct OverheadRounds {
  std::vector<OverheadRun> of[3];  // by OverheadWay
  std::vector<double> sampler_cpus;

  // In which all three ways were measured to the end: the figures are of these.
  size_t whole() const;
};

struct OverheadInfo {
  bool emulated = false;
  std::string period;  // of the sampling, as typed
  uint32_t seed = 0;
};

// Medians with their intervals, and what they say together. Of no whole round: that there is nothing to tell.
std::string OverheadText(const OverheadRounds& rounds, const OverheadInfo& info);

}  // namespace vrapl
