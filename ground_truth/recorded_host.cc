#include <algorithm>
#include <numeric>

#include "ground_truth/host_maker.h"
#include "ground_truth/scenarios.h"

namespace vrapl {
namespace {

constexpr size_t kRowsAtMost = 6;

}  // namespace

HostPlan PlanRecordedHost(const RecordedRunTimes& recorded, uint64_t seed) {
  HostMaker maker(seed);
  int cpus = 1;
  for (const RecordedWindow& window : recorded.windows) cpus = std::max(cpus, window.cpus);
  maker.AddPackage(cpus, /*smt=*/1);  // who shared a core with whom is not in a recording

  const int processes =
      recorded.processes.empty() ? 0 : 1 + *std::max_element(recorded.processes.begin(), recorded.processes.end());
  std::vector<int64_t> run_ns(static_cast<size_t>(processes));
  for (const RecordedWindow& window : recorded.windows) {
    for (const RecordedWindow::Run& run : window.runs) {
      run_ns[static_cast<size_t>(recorded.processes[static_cast<size_t>(run.thread)])] += run.run_ns;
    }
  }
  std::vector<int> busiest(run_ns.size());
  std::iota(busiest.begin(), busiest.end(), 0);
  std::stable_sort(busiest.begin(), busiest.end(),
                   [&](int a, int b) { return run_ns[static_cast<size_t>(a)] > run_ns[static_cast<size_t>(b)]; });

  // Kinds go round, so that whatever was recorded there is every kind.
  std::vector<int> row_of(run_ns.size(), kNobody);
  std::vector<Work> work_of(run_ns.size());
  const size_t rows = std::min(kRowsAtMost, busiest.size());
  for (size_t i = 0; i < busiest.size(); ++i) {
    const auto process = static_cast<size_t>(busiest[i]);
    Work (*const kinds[])(HostMaker&) = {WideVectors, MemoryBound, Compute, Service};
    work_of[process] = i < rows ? kinds[i % 4](maker) : Service(maker);
    row_of[process] = i < rows ? maker.AddVm(0, {}, {}) : kNobody;
  }
  HostPlan host = maker.Take();
  PackagePlan& package = host.packages.front();
  package.threads.clear();  // all that runs is in the recording
  for (size_t i = 0; i < recorded.processes.size(); ++i) {
    const auto process = static_cast<size_t>(recorded.processes[i]);
    package.threads.push_back(
        {.row = row_of[process] == kNobody ? host.vms : row_of[process], .work = work_of[process]});
  }
  package.recorded = recorded.windows;
  return host;
}

}  // namespace vrapl
