#include "sampler/lost_time.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"

namespace vrapl {
namespace {

// Nothing of the lost time, or all of it, may be the row's: the interval reaches as far on the side that cannot be,
// too.
template <typename Row>
void Widen(Row& row, double lost_uj) {
  row.model_err_uj = std::hypot(row.model_err_uj, lost_uj);
  if (row.err_uj) row.err_uj = std::llround(std::ceil(std::hypot(static_cast<double>(*row.err_uj), lost_uj)));
}

// Nobody ran in stolen time. All others may have had some of it: idle too, and then unreported has too much.
bool MayHaveSome(RowKind kind) { return kind != RowKind::kStolen; }

}  // namespace

void LostTime::Add(int package_id, int die_id, int64_t t_ns, int64_t dt_ns, int64_t cpus) {
  gaps_.push_back({.package_id = package_id, .die_id = die_id, .t_ns = t_ns, .dt_ns = dt_ns, .cpu_ns = dt_ns * cpus});
}

void LostTime::Tell(FlushReport& report) {
  const auto end = std::partition(gaps_.begin(), gaps_.end(), [&](const Gap& gap) { return gap.t_ns > report.t_ns; });
  const std::vector<Gap> gaps(end, gaps_.end());
  gaps_.erase(end, gaps_.end());
  if (gaps.empty()) return;
  int64_t longest_ns = 0;
  for (const Gap& gap : gaps) longest_ns = std::max(longest_ns, gap.dt_ns);
  for (ModelReport& model : report.models) {
    for (const CounterReport& counter : model.counters) {
      const auto of_counter = [&](const auto& row) {
        return row.package_id == counter.package_id && row.die_id == counter.die_id && row.domain == counter.domain;
      };
      int64_t lost_ns = 0;
      for (const Gap& gap : gaps) {
        if (gap.package_id == counter.package_id && gap.die_id == counter.die_id) lost_ns += gap.cpu_ns;
      }
      double lost_uj = 0;
      for (const RowReport& row : model.rows) {
        if (row.kind != RowKind::kUnreported || !of_counter(row) || row.run_time_ns <= 0) continue;
        const double part = std::min(1.0, static_cast<double>(lost_ns) / static_cast<double>(row.run_time_ns));
        lost_uj = part * static_cast<double>(row.energy_uj);
      }
      if (lost_uj <= 0) continue;
      for (RowReport& row : model.rows) {
        if (!of_counter(row) || !MayHaveSome(row.kind)) continue;
        Widen(row, lost_uj);
        row.active_uj.reset();
      }
      for (VmCounterReport& vm : model.vm_counters) {
        if (of_counter(vm)) Widen(vm, lost_uj);
      }
    }
  }
  if (!report.models.empty()) {
    for (VmReport& vm : report.vms) {
      std::optional<int64_t> err_uj = 0;
      bool any = false;
      for (const VmCounterReport& of_vm : report.models.front().vm_counters) {
        if (!(of_vm.vm == vm.vm) || !CountsInTotal(of_vm.domain.domain)) continue;
        any = true;
        if (err_uj && of_vm.err_uj) {
          *err_uj += *of_vm.err_uj;
        } else {
          err_uj.reset();
        }
      }
      if (any) vm.err_uj = err_uj;
      if (any) vm.active_uj.reset();
    }
  }
  report.problems.push_back(
      absl::StrFormat("%.3f s of this window are missing from the file: their energy is in the row unreported, and "
                      "intervals are as wide as it is",
                      static_cast<double>(longest_ns) * 1e-9));
}

}  // namespace vrapl
