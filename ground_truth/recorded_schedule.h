// A schedule out of recorded run times: who ran for how long in each window is as it was on a real machine. On which
// CPU and when inside the window is not in a recording; threads are laid one after another on the line of all CPUs'
// time, cut where a CPU's time ends (McNaughton's rule), so that no thread runs on two CPUs at once.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ground_truth/schedule.h"

namespace vrapl {

struct RecordedWindow {
  int64_t dt_ns = 0;
  int cpus = 0;
  struct Run {
    int thread = 0;
    int64_t run_ns = 0;  // at most dt_ns is used of it
  };
  std::vector<Run> runs;
};

struct RecordedRunTimes {
  std::vector<RecordedWindow> windows;
  std::vector<std::string> threads;  // their names; index: RecordedWindow::Run::thread
  std::vector<int> processes;        // of each thread: the same number for threads of one process
};

// Run times of the first package of a recording (.vrapl). Errors: those of opening it; DATA_LOSS when a block cannot be
// read, FAILED_PRECONDITION when there is no run time in it.
absl::StatusOr<RecordedRunTimes> ReadRunTimes(const std::string& path);

// Plays the windows over and over.
class RecordedSchedule : public Schedule {
 public:
  // `windows` is not empty. `cpus`: what lies beyond this many CPUs' time is left out.
  RecordedSchedule(std::vector<RecordedWindow> windows, int cpus);

  Switch Next() override;

 private:
  void LayOut(const RecordedWindow& window);

  std::vector<RecordedWindow> windows_;
  int cpus_;
  size_t next_window_ = 0;
  int64_t t_ns_ = 0;
  std::deque<Switch> laid_out_;
};

}  // namespace vrapl
