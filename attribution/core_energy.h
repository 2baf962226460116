// What counters of single cores say of the rows: who ran on a core gets what the core used. Feeds the model core.
//
// Pure. Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "attribution/time_window.h"

namespace vrapl {

class CoreEnergy {
 public:
  // nanojoules_per_tick: of each core's counter.
  explicit CoreEnergy(std::vector<double> nanojoules_per_tick) : cores_(nanojoules_per_tick.size()) {
    for (size_t i = 0; i < cores_.size(); ++i) cores_[i].nj_per_tick = nanojoules_per_tick[i];
  }

  // One sample of one core: who ran on it (run_ns and group of each row; in any order, a row may come twice), and by
  // how much its counter moved. Time waits until it moves. Nothing known of its energy: nullopt, and what waits is
  // forgotten. What a core used while nobody ran on it is nobody's.
  void Add(size_t core, absl::Span<const RowTime> rows, std::optional<uint64_t> ticks);

  // Adds to each row what it was given since this was last asked; rows that are not among `rows` are appended with no
  // run time.
  void MoveTo(std::vector<RowTime>& rows);

  // The row's number will be another's; what it is still owed is the heir's.
  void Retire(int row, int heir);

 private:
  struct Core {
    double nj_per_tick = 0;
    std::vector<RowTime> waiting;  // run time since the counter last moved
  };
  struct Given {
    double nj = 0;  // with its fraction, which stays
    int group = -1;
    bool listed = false;
  };
  Given& given(int row);

  std::vector<Core> cores_;
  std::vector<Given> given_;  // by row
  std::vector<int> rows_;     // that were given something
};

}  // namespace vrapl
