#include "cli/flush_csv.h"

#include "absl/strings/str_cat.h"
#include "export/csv_text.h"

namespace vrapl {
namespace {

std::string OrEmpty(const std::optional<int64_t>& value) { return value ? absl::StrCat(*value) : ""; }

// What the model charged to no row, or (below 0) twice: sums of rows are the counter's with it.
void AppendUnclaimed(const FlushReport& report, const ModelReport& model, const CounterReport& counter, bool threads,
                     std::string& text) {
  int64_t energy_uj = counter.energy_uj;
  for (const RowReport& row : model.rows) {
    if (row.package_id == counter.package_id && row.die_id == counter.die_id && row.domain == counter.domain) {
      energy_uj -= row.energy_uj;
    }
  }
  absl::StrAppend(&text, report.t_ns, ",", report.dt_ns, ",unclaimed,,,,,", counter.package_id, ",", counter.die_id,
                  ",", DomainName(counter.domain), ",", counter.unclaimed_ticks, ",", energy_uj, ",,,0,,,");
  absl::StrAppend(&text, counter.read_errors, ",", ModelName(counter.model), ",",
                  RunTimeMethodName(report.run_time_method), ",", report.source, ",", CsvText(report.cpu_table),
                  threads ? ",,\n" : "\n");
}

}  // namespace

std::string FlushCsvHeader(bool threads) {
  return absl::StrCat(
      "t_ns,dt_ns,kind,vm_id,vm_name,vm_pid,part,package,die,domain,energy_ticks,energy_uj,err_uj,active_uj,run_time_"
      "ns,"
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
                      OrEmpty(row.err_uj), ",", OrEmpty(row.active_uj), ",", row.run_time_ns, ",",
                      OrEmpty(row.solo_time_ns), ",", OrEmpty(row.shared_time_ns), ",");
      absl::StrAppend(&text, read_errors, ",", ModelName(applied), ",", RunTimeMethodName(report.run_time_method), ",",
                      report.source, ",", CsvText(report.cpu_table));
      if (threads) {
        absl::StrAppend(&text, ",", row.thread ? absl::StrCat(row.thread->tid) : "", ",",
                        row.thread ? CsvText(row.thread->comm) : "");
      }
      text += "\n";
    }
    for (const CounterReport& counter : model.counters) {
      if (counter.unclaimed_ticks != 0) AppendUnclaimed(report, model, counter, threads, text);
    }
  }
  return text;
}

}  // namespace vrapl
