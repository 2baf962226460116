// Curves at several resolutions: bins of windows, bins of those bins, and so on. Whoever looks at an hour sees some
// hundred bins with the least and the most power of any window in each; whoever zooms in sees the windows themselves.
//
// Energy is kept in whole microjoules, so that every level has the same sum to the microjoule.
//
// Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace vrapl {

struct PyramidLevel {
  struct Track {
    std::vector<int64_t> energy_uj;
    // Of any single window in the bin, milliwatts. Empty where each bin is one window: they are its power.
    std::vector<int64_t> min_mw;
    std::vector<int64_t> max_mw;
  };
  bool exact = false;                       // each bin is one window
  std::vector<int64_t> end_ns;              // of each bin, ascending; a bin begins where the one before it ends
  std::vector<std::vector<int64_t>> dt_ns;  // [clock][bin]: how long it was by that clock
  std::vector<Track> tracks;
};

class Pyramid {
 public:
  // So many bins of a level are one of the next.
  static constexpr size_t kFanOut = 4;
  // A level of so few bins has none above it.
  static constexpr size_t kCoarsest = 256;

  // Packages are sampled each by its own thread, so that a window is not quite as long in one as in the other: each
  // track counts by a clock. clock_of_track[i] < clocks.
  //   bin_ns  the finest bins are this long, or as long as a window where that is longer; 0: a bin for each window.
  //           As a flush, a bin ends with the first window that ends at or after a multiple of bin_ns.
  Pyramid(size_t clocks, std::vector<size_t> clock_of_track, int64_t bin_ns);

  // Windows in order of time. dt_ns: per clock; energy_uj: per track, none negative.
  void Add(int64_t end_ns, absl::Span<const int64_t> dt_ns, absl::Span<const int64_t> energy_uj);

  // The finest first. Ends the pyramid.
  std::vector<PyramidLevel> TakeLevels();

 private:
  void CloseBin();

  const std::vector<size_t> clock_of_track_;
  const int64_t bin_ns_;
  int64_t bin_end_ns_;  // of the bin that is being filled, on the grid
  PyramidLevel finest_;
  // The bin that is being filled.
  int64_t windows_ = 0;
  int64_t end_ns_ = 0;
  std::vector<int64_t> dt_ns_;
  std::vector<int64_t> energy_uj_;
  std::vector<int64_t> min_mw_;
  std::vector<int64_t> max_mw_;
};

// Milliwatts; 0 where no time has passed.
int64_t MilliwattsOf(int64_t energy_uj, int64_t dt_ns);

// How long the finest bins must be for a page of about `budget_bytes`: 0 where all windows fit. Else 2, 5 or 10 times
// a power of ten of the window.
int64_t FinestBinNs(int64_t duration_ns, int64_t window_ns, size_t tracks, size_t budget_bytes);

}  // namespace vrapl
