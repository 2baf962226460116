#include "cli/run_csv.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "export/csv_text.h"

namespace vrapl {

std::string RunCsvHeader() {
  return "command,command_index,repetition,t_ns,wall_ns,dt_ns,exit_code,phase,phase_index,kind,vm_id,vm_name,vm_pid,"
         "package,die,domain,energy_ticks,energy_uj,err_uj,active_uj,run_time_ns,model,user_ns,system_ns,"
         "run_time_method,source\n";
}

std::string RunToCsv(const RunsInfo& info, const RunResult& result) {
  std::string text;
  const auto append = [&](const Interval& interval, absl::string_view phase, int phase_index) {
    for (const auto& [key, row] : interval.rows) {
      const auto& [package, die, domain] = key.counter;
      absl::StrAppend(&text, CsvText(info.commands[static_cast<size_t>(result.plan.command)]), ",", result.plan.command,
                      ",", result.plan.repetition, ",", result.start_t_ns, ",", result.wall_ns, ",", interval.dt_ns,
                      ",", result.end.exit_code, ",", CsvText(phase), ",");
      absl::StrAppend(&text, phase_index < 0 ? "" : absl::StrCat(phase_index), ",", RowKindName(key.kind), ",",
                      CsvText(key.vm_id), ",", CsvText(row.vm_name), ",",
                      key.kind == RowKind::kVm ? absl::StrCat(key.vm_pid) : "", ",", package, ",", die, ",",
                      DomainName(domain), ",", row.energy_ticks, ",");
      const std::optional<int64_t> err_uj = row.error.err_uj();
      absl::StrAppend(&text, row.energy_uj, ",", err_uj ? absl::StrCat(*err_uj) : "", ",");
      absl::StrAppend(&text, row.active_uj ? absl::StrCat(*row.active_uj) : "", ",", row.run_time_ns, ",",
                      ModelName(interval.ChargedBy(key, info.models.front())), ",", result.end.user_ns, ",",
                      result.end.system_ns, ",", RunTimeMethodName(info.run_time_method), ",", info.source, "\n");
    }
  };
  append(result.whole, "", -1);
  for (size_t i = 0; i < result.phases.size(); ++i)
    append(result.phases[i], result.phases[i].label, static_cast<int>(i));
  return text;
}

}  // namespace vrapl
