#include "report/run_totals.h"

#include <algorithm>

namespace vrapl {
namespace {

template <typename Of>
CounterKey KeyOf(const Of& of) {
  return {of.package_id, of.die_id, of.domain};
}

void AddEnergy(const RowReport& row, RunTotals::Energy& to) {
  to.ticks += row.energy_ticks;
  to.energy_uj += row.energy_uj;
  if (!row.active_uj) return;
  to.active_uj += *row.active_uj;
  to.active_known_uj += row.energy_uj;
}

}  // namespace

std::optional<int64_t> RunTotals::OwnerTotal::err_uj() const {
  std::optional<int64_t> sum_uj = 0;
  bool any = false;
  for (const auto& [key, energy] : counters) {
    if (!CountsInTotal(key.domain.domain)) continue;
    any = true;
    AddError(sum_uj, energy.error.err_uj());
  }
  return any ? sum_uj : std::nullopt;
}

void RunTotals::Add(const FlushReport& report, size_t most_models) {
  if (windows_++ == 0) begin_ns_ = report.t_ns - report.dt_ns;
  end_ns_ = report.t_ns;
  const size_t models = std::min(most_models, report.models.size());
  owners_.resize(models);
  counters_.resize(models);
  models_.clear();
  for (size_t m = 0; m < models; ++m) {
    const ModelReport& model = report.models[m];
    models_.push_back(model.model);
    for (const CounterReport& counter : model.counters) {
      CounterTotal& total = counters_[m][{counter.package_id, counter.die_id, counter.domain}];
      total.last = counter;
      total.ticks += counter.energy_ticks;
      total.energy_uj += counter.energy_uj;
      total.dt_ns += counter.dt_ns;
      total.read_errors += counter.read_errors;
      total.glitches += counter.glitches;
      total.unknown_ns += counter.unknown_ns;
      total.fallback_ns += counter.model != model.model ? counter.dt_ns : 0;
      if (counter.model != model.model) total.stood_in_ns[counter.model] += counter.dt_ns;
      total.frozen = total.frozen || counter.frozen;
    }
    for (const RowReport& row : model.rows) {
      OwnerTotal& owner = owners_[m][{row.kind, row.vm}];
      Energy& of_counter = owner.counters[{row.package_id, row.die_id, row.domain}];
      AddEnergy(row, of_counter);
      of_counter.run_time_ns += row.run_time_ns;
      if (row.kind != RowKind::kVm) {
        of_counter.error.Add(counters_[m][KeyOf(row)].last, row.error_sums, row.model_err_uj);
      }
      if (CountsInTotal(row.domain.domain)) AddEnergy(row, owner.sum);
      // Each counter of a package repeats the run time on it.
      if (row.domain.domain == RaplDomain::kPackage) owner.sum.run_time_ns += row.run_time_ns;
    }
    for (const VmCounterReport& vm : model.vm_counters) {
      OwnerTotal& owner = owners_[m][{RowKind::kVm, vm.vm}];
      owner.counters[KeyOf(vm)].error.Add(counters_[m][KeyOf(vm)].last, vm.error_sums, vm.model_err_uj);
      if (vm.idle_uj) owner.idle_uj = owner.idle_uj.value_or(0) + *vm.idle_uj;
    }
  }
  for (const SamplerReport& sampler : report.samplers) {
    samplers_[{sampler.package_id, sampler.die_id}] = sampler;
    capacity_ns_ += sampler.capacity_ns;
  }
  if (!report.samplers.empty()) suspended_ns_ += report.samplers.front().suspended_ns;
  problems_.insert(report.problems.begin(), report.problems.end());
  last_ = {.seq = report.seq,
           .t_ns = report.t_ns,
           .dt_ns = report.dt_ns,
           .unix_ns = report.unix_ns,
           .source = report.source,
           .backend = report.backend,
           .power_based = report.power_based,
           .cpu_table = report.cpu_table,
           .run_time_method = report.run_time_method,
           .recursion_misses = report.recursion_misses};
}

int64_t RunTotals::host_uj() const {
  int64_t sum_uj = 0;
  if (counters_.empty()) return sum_uj;
  for (const auto& [key, counter] : counters_.front()) {
    if (CountsInTotal(key.domain.domain)) sum_uj += counter.energy_uj;
  }
  return sum_uj;
}

}  // namespace vrapl
