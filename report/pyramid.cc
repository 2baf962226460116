#include "report/pyramid.h"

#include <algorithm>
#include <utility>

namespace vrapl {
namespace {

// As page_data.h packs them: energy, least and most of a bin take about so many characters, and the levels above add a
// third.
constexpr double kBytesPerBin = 3 * 3.0 * 4 / 3 * 4 / 3;
// An exact level has no least and most.
constexpr double kBytesPerWindow = kBytesPerBin / 3 + kBytesPerBin / 4;

// Four bins of `below` are one.
PyramidLevel Coarser(const PyramidLevel& below, const std::vector<size_t>& clock_of_track) {
  PyramidLevel level;
  const size_t bins = (below.end_ns.size() + Pyramid::kFanOut - 1) / Pyramid::kFanOut;
  const auto last_of = [&](size_t bin) { return std::min((bin + 1) * Pyramid::kFanOut, below.end_ns.size()); };
  const auto sum = [&](const std::vector<int64_t>& values, size_t bin) {
    int64_t total = 0;
    for (size_t i = bin * Pyramid::kFanOut; i < last_of(bin); ++i) total += values[i];
    return total;
  };
  for (size_t bin = 0; bin < bins; ++bin) level.end_ns.push_back(below.end_ns[last_of(bin) - 1]);
  for (const std::vector<int64_t>& clock : below.dt_ns) {
    std::vector<int64_t>& dt_ns = level.dt_ns.emplace_back();
    for (size_t bin = 0; bin < bins; ++bin) dt_ns.push_back(sum(clock, bin));
  }
  for (size_t t = 0; t < below.tracks.size(); ++t) {
    const PyramidLevel::Track& from = below.tracks[t];
    PyramidLevel::Track& to = level.tracks.emplace_back();
    for (size_t bin = 0; bin < bins; ++bin) {
      to.energy_uj.push_back(sum(from.energy_uj, bin));
      int64_t least = INT64_MAX;
      int64_t most = 0;
      for (size_t i = bin * Pyramid::kFanOut; i < last_of(bin); ++i) {
        const int64_t power_mw =
            below.exact ? MilliwattsOf(from.energy_uj[i], below.dt_ns[clock_of_track[t]][i]) : int64_t{0};
        least = std::min(least, below.exact ? power_mw : from.min_mw[i]);
        most = std::max(most, below.exact ? power_mw : from.max_mw[i]);
      }
      to.min_mw.push_back(least);
      to.max_mw.push_back(most);
    }
  }
  return level;
}

}  // namespace

int64_t MilliwattsOf(int64_t energy_uj, int64_t dt_ns) {
  if (dt_ns <= 0) return 0;
  return static_cast<int64_t>(static_cast<double>(energy_uj) * 1e6 / static_cast<double>(dt_ns) + 0.5);
}

int64_t FinestBinNs(int64_t duration_ns, int64_t window_ns, size_t tracks, size_t budget_bytes) {
  window_ns = std::max<int64_t>(window_ns, 1);
  const double per_track = static_cast<double>(budget_bytes) / static_cast<double>(std::max<size_t>(tracks, 1));
  const double windows = static_cast<double>(duration_ns) / static_cast<double>(window_ns);
  if (windows * kBytesPerWindow <= per_track) return 0;
  for (int64_t decade = window_ns;; decade *= 10) {
    for (const int64_t times : {2, 5, 10}) {
      const auto bins = static_cast<double>(duration_ns) / static_cast<double>(times * decade);
      if (bins * kBytesPerBin <= per_track || times * decade >= duration_ns) return times * decade;
    }
  }
}

Pyramid::Pyramid(size_t clocks, std::vector<size_t> clock_of_track, int64_t bin_ns)
    : clock_of_track_(std::move(clock_of_track)),
      bin_ns_(bin_ns),
      bin_end_ns_(bin_ns),
      dt_ns_(clocks),
      energy_uj_(clock_of_track_.size()),
      min_mw_(clock_of_track_.size(), INT64_MAX),
      max_mw_(clock_of_track_.size()) {
  finest_.exact = bin_ns == 0;
  finest_.dt_ns.resize(clocks);
  finest_.tracks.resize(clock_of_track_.size());
}

void Pyramid::Add(int64_t end_ns, absl::Span<const int64_t> dt_ns, absl::Span<const int64_t> energy_uj) {
  ++windows_;
  end_ns_ = end_ns;
  for (size_t clock = 0; clock < dt_ns_.size(); ++clock) dt_ns_[clock] += dt_ns[clock];
  for (size_t track = 0; track < energy_uj_.size(); ++track) {
    energy_uj_[track] += energy_uj[track];
    const int64_t power_mw = MilliwattsOf(energy_uj[track], dt_ns[clock_of_track_[track]]);
    min_mw_[track] = std::min(min_mw_[track], power_mw);
    max_mw_[track] = std::max(max_mw_[track], power_mw);
  }
  if (bin_ns_ == 0 || end_ns >= bin_end_ns_) CloseBin();
}

void Pyramid::CloseBin() {
  if (bin_ns_ > 0) bin_end_ns_ = (end_ns_ / bin_ns_ + 1) * bin_ns_;
  windows_ = 0;
  finest_.end_ns.push_back(end_ns_);
  for (size_t clock = 0; clock < dt_ns_.size(); ++clock) {
    finest_.dt_ns[clock].push_back(std::exchange(dt_ns_[clock], 0));
  }
  for (size_t i = 0; i < energy_uj_.size(); ++i) {
    PyramidLevel::Track& track = finest_.tracks[i];
    track.energy_uj.push_back(std::exchange(energy_uj_[i], 0));
    const int64_t least = std::exchange(min_mw_[i], INT64_MAX);
    const int64_t most = std::exchange(max_mw_[i], 0);
    if (finest_.exact) continue;
    track.min_mw.push_back(least);
    track.max_mw.push_back(most);
  }
}

std::vector<PyramidLevel> Pyramid::TakeLevels() {
  if (windows_ > 0) CloseBin();
  std::vector<PyramidLevel> levels;
  levels.push_back(std::move(finest_));
  while (levels.back().end_ns.size() > kCoarsest) levels.push_back(Coarser(levels.back(), clock_of_track_));
  return levels;
}

}  // namespace vrapl
