#include "ground_truth/recorded_schedule.h"

#include <algorithm>
#include <utility>

namespace vrapl {

RecordedSchedule::RecordedSchedule(std::vector<RecordedWindow> windows, int cpus)
    : windows_(std::move(windows)), cpus_(cpus) {}

void RecordedSchedule::LayOut(const RecordedWindow& window) {
  std::vector<Switch> switches;
  int cpu = 0;
  int64_t at_ns = 0;  // on that CPU
  const auto put = [&](int thread, int64_t run_ns) {
    while (run_ns > 0 && cpu < cpus_) {
      const int64_t part = std::min(run_ns, window.dt_ns - at_ns);
      switches.push_back({.t_ns = t_ns_ + at_ns, .cpu = cpu, .thread = thread});
      run_ns -= part;
      at_ns += part;
      if (at_ns == window.dt_ns) {
        at_ns = 0;
        ++cpu;
      }
    }
  };
  for (const RecordedWindow::Run& run : window.runs) put(run.thread, std::min(run.run_ns, window.dt_ns));
  for (; cpu < cpus_; ++cpu, at_ns = 0) switches.push_back({.t_ns = t_ns_ + at_ns, .cpu = cpu});
  std::stable_sort(switches.begin(), switches.end(), [](const Switch& a, const Switch& b) { return a.t_ns < b.t_ns; });
  laid_out_.insert(laid_out_.end(), switches.begin(), switches.end());
  t_ns_ += window.dt_ns;
}

Switch RecordedSchedule::Next() {
  while (laid_out_.empty()) {
    LayOut(windows_[next_window_]);
    next_window_ = (next_window_ + 1) % windows_.size();
  }
  const Switch next = laid_out_.front();
  laid_out_.pop_front();
  return next;
}

}  // namespace vrapl
