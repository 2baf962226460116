#include "cli/run_result.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace vrapl {

std::string CounterName(const Interval::CounterKey& key) {
  const auto& [package, die, domain] = key;
  return absl::StrCat(DomainName(domain), "-", package, die > 0 ? absl::StrCat(".", die) : "");
}

std::optional<int64_t> Interval::Counter::err_uj() const {
  if (!err_known || flushes == 0) return std::nullopt;
  if (flushes == 1) return first_err_uj;
  return std::llround(std::ceil(std::hypot(static_cast<double>(first_err_uj), static_cast<double>(last_err_uj))));
}

void Interval::Add(const FlushReport& report) {
  if (dt_ns == 0) start_t_ns = report.t_ns - report.dt_ns;
  dt_ns += report.dt_ns;
  for (const CounterReport& found : report.models.front().counters) {
    Counter& counter = counters[{found.package_id, found.die_id, found.domain}];
    counter.energy_ticks += found.energy_ticks;
    counter.energy_uj += found.energy_uj;
    counter.models.insert(found.model);
    counter.attributed = found.attributed;
    counter.err_known = counter.err_known && found.err_uj.has_value();
    counter.last_err_uj = found.err_uj.value_or(0);
    if (counter.flushes++ == 0) counter.first_err_uj = counter.last_err_uj;
    counter.doubtful |= found.read_errors > 0 || found.unknown_ns > 0 || found.frozen;
  }
  for (const ModelReport& model : report.models) {
    const auto counter_of = [&](const auto& of) -> const CounterReport& {
      static const CounterReport kNone;  // of which nothing is known
      for (const CounterReport& counter : model.counters) {
        if (counter.package_id == of.package_id && counter.die_id == of.die_id && counter.domain == of.domain)
          return counter;
      }
      return kNone;
    };
    for (const RowReport& found : model.rows) {
      Row& row = rows[{.model = model.model,
                       .kind = found.kind,
                       .vm_id = found.vm.uuid,
                       .vm_pid = found.kind == RowKind::kVm ? found.vm.pid : 0,
                       .counter = {found.package_id, found.die_id, found.domain}}];
      row.vm_name = found.vm.name;
      if (found.kind != RowKind::kVm) row.error.Add(counter_of(found), found.error_sums, found.model_err_uj);
      row.energy_ticks += found.energy_ticks;
      row.energy_uj += found.energy_uj;
      row.active_uj =
          row.active_uj && found.active_uj ? std::optional(*row.active_uj + *found.active_uj) : std::nullopt;
      row.run_time_ns += found.run_time_ns;
    }
    for (const VmCounterReport& found : model.vm_counters) {
      const auto row = rows.find({.model = model.model,
                                  .kind = RowKind::kVm,
                                  .vm_id = found.vm.uuid,
                                  .vm_pid = found.vm.pid,
                                  .counter = {found.package_id, found.die_id, found.domain}});
      if (row != rows.end()) row->second.error.Add(counter_of(found), found.error_sums, found.model_err_uj);
    }
  }
}

Model Interval::ChargedBy(const RowKey& row, Model first_model) const {
  const auto counter = counters.find(row.counter);
  Model model = row.model;
  if (model != first_model || counter == counters.end()) return model;
  for (const Model applied : counter->second.models) model = Weaker(model, applied);
  return model;
}

}  // namespace vrapl
