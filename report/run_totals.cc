#include "report/run_totals.h"

namespace vrapl {
namespace {

void AddEnergy(const RowReport& row, RunTotals::Energy& to) {
  to.ticks += row.energy_ticks;
  to.energy_uj += row.energy_uj;
  if (!row.active_uj) return;
  to.active_uj += *row.active_uj;
  to.active_known_uj += row.energy_uj;
}

}  // namespace

void RunTotals::Add(const FlushReport& report) {
  if (windows_++ == 0) begin_ns_ = report.t_ns - report.dt_ns;
  end_ns_ = report.t_ns;
  owners_.resize(report.models.size());
  counters_.resize(report.models.size());
  models_.clear();
  for (size_t m = 0; m < report.models.size(); ++m) {
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
      if (CountsInTotal(row.domain.domain)) AddEnergy(row, owner.sum);
      // Each counter of a package repeats the run time on it.
      if (row.domain.domain == RaplDomain::kPackage) owner.sum.run_time_ns += row.run_time_ns;
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
