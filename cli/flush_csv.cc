#include "cli/flush_csv.h"

#include "absl/strings/str_cat.h"
#include "export/csv_text.h"

namespace vrapl {
namespace {

std::string OrEmpty(const std::optional<int64_t>& value) { return value ? absl::StrCat(*value) : ""; }

}  // namespace

std::string FlushCsvHeader(bool threads) {
  return absl::StrCat(
      "t_ns,dt_ns,kind,vm_id,vm_name,vm_pid,part,package,die,domain,energy_ticks,energy_uj,active_uj,run_time_ns,"
      "solo_time_ns,shared_time_ns,read_errors,model,run_time_method,source,cpu_table",
      threads ? ",tid,comm\n" : "\n");
}

std::string FlushToCsv(const FlushReport& report, bool threads) {
  std::string text;
  for (const ModelReport& model : report.models) {
    for (const RowReport& row : model.rows) {
      Model applied = model.model;
      uint64_t read_errors = 0;
      for (const CounterReport& counter : model.counters) {
        if (counter.package_id == row.package_id && counter.die_id == row.die_id && counter.domain == row.domain) {
          applied = counter.model;
          read_errors = counter.read_errors;
        }
      }
      absl::StrAppend(&text, report.t_ns, ",", report.dt_ns, ",", RowKindName(row.kind), ",", CsvText(row.vm.uuid), ",",
                      CsvText(row.vm.name), ",", row.kind == RowKind::kVm ? absl::StrCat(row.vm.pid) : "", ",",
                      row.part, ",", row.package_id, ",", row.die_id, ",");
      absl::StrAppend(&text, DomainName(row.domain), ",", row.energy_ticks, ",", row.energy_uj, ",",
                      OrEmpty(row.active_uj), ",", row.run_time_ns, ",", OrEmpty(row.solo_time_ns), ",",
                      OrEmpty(row.shared_time_ns), ",");
      absl::StrAppend(&text, read_errors, ",", ModelName(applied), ",", RunTimeMethodName(report.run_time_method), ",",
                      report.source, ",", CsvText(report.cpu_table));
      if (threads) {
        absl::StrAppend(&text, ",", row.thread ? absl::StrCat(row.thread->tid) : "", ",",
                        row.thread ? CsvText(row.thread->comm) : "");
      }
      text += "\n";
    }
  }
  return text;
}

}  // namespace vrapl
