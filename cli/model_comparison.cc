#include "cli/model_comparison.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace vrapl {

ModelComparison::ModelComparison(std::vector<Model> models) {
  result_.stood_in.resize(models.size());
  result_.models = std::move(models);
}

ModelComparison::Domain& ModelComparison::Of(RaplDomain domain) {
  const auto known = std::find_if(domains_.begin(), domains_.end(),
                                  [&](const Domain& other) { return other.domain.domain == domain; });
  if (known != domains_.end()) return *known;
  Domain& added = domains_.emplace_back();
  added.domain.domain = domain;
  added.domain.unclaimed_uj.resize(result_.models.size());
  return added;
}

ModelComparison::Row& ModelComparison::RowOf(Domain& domain, const RowReport& row) {
  const auto known = std::find_if(domain.rows.begin(), domain.rows.end(), [&](const Row& other) {
    return other.row.kind == row.kind && (row.kind != RowKind::kVm || other.row.vm == row.vm);
  });
  if (known != domain.rows.end()) return *known;
  Row& added = domain.rows.emplace_back();
  added.row.kind = row.kind;
  if (row.kind == RowKind::kVm) added.row.vm = row.vm;
  added.row.energy_uj.resize(result_.models.size());
  added.row.active_uj.resize(result_.models.size());
  added.row.idle_uj.resize(result_.models.size());
  added.active_known.assign(result_.models.size(), true);
  return added;
}

void ModelComparison::Add(const FlushReport& report) {
  if (result_.end_ns == 0) result_.start_ns = report.t_ns - report.dt_ns;
  result_.end_ns = report.t_ns;
  for (size_t i = 0; i < result_.models.size() && i < report.models.size(); ++i) {
    const ModelReport& model = report.models[i];
    for (const CounterReport& counter : model.counters) {
      if (!counter.attributed) continue;
      Domain& domain = Of(counter.domain.domain);
      if (i == 0) domain.domain.counter_uj += counter.energy_uj;
      domain.domain.unclaimed_uj[i] += std::llround(static_cast<double>(counter.unclaimed_ticks) * counter.unit_uj);
      if (counter.domain.domain == RaplDomain::kCore) continue;  // single cores have simpler rules, docs/models.md
      StoodIn& stood_in = result_.stood_in[i];
      ++stood_in.of;
      if (counter.model == result_.models[i]) continue;
      ++stood_in.windows;
      ++stood_in.by[counter.model];
    }
    for (const RowReport& row : model.rows) {
      Row& of = RowOf(Of(row.domain.domain), row);
      if (i == 0) of.row.run_time_ns += row.run_time_ns;
      of.row.energy_uj[i] += row.energy_uj;
      of.active_known[i] = of.active_known[i] && row.active_uj.has_value();
      of.row.active_uj[i] = of.row.active_uj[i].value_or(0) + row.active_uj.value_or(0);
    }
    for (const VmCounterReport& vm : model.vm_counters) {
      if (!vm.idle_uj) continue;
      Row& of = RowOf(Of(vm.domain.domain), {.kind = RowKind::kVm, .vm = vm.vm});
      of.row.idle_uj[i] = of.row.idle_uj[i].value_or(0) + *vm.idle_uj;
    }
  }
}

Comparison ModelComparison::Result() const {
  Comparison result = result_;
  for (const Domain& domain : domains_) {
    ComparedDomain& out = result.domains.emplace_back(domain.domain);
    for (const Row& row : domain.rows) {
      ComparedRow& compared = out.rows.emplace_back(row.row);
      int64_t least_uj = INT64_MAX;
      int64_t most_uj = INT64_MIN;
      for (size_t i = 0; i < result.models.size(); ++i) {
        if (!row.active_known[i]) compared.active_uj[i].reset();
        if (!ClaimsAll(result.models[i])) continue;
        least_uj = std::min(least_uj, compared.energy_uj[i]);
        most_uj = std::max(most_uj, compared.energy_uj[i]);
      }
      compared.spread_uj = most_uj < least_uj ? 0 : most_uj - least_uj;
    }
    std::stable_sort(out.rows.begin(), out.rows.end(), [](const ComparedRow& a, const ComparedRow& b) {
      const auto key = [](const ComparedRow& row) {
        return std::make_tuple(row.kind == RowKind::kVm ? 0 : 1, static_cast<int>(row.kind), row.vm.name, row.vm.uuid);
      };
      return key(a) < key(b);
    });
  }
  return result;
}

}  // namespace vrapl
