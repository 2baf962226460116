#include "cli/flush_csv.h"

#include "absl/strings/str_cat.h"
#include "export/csv_text.h"

namespace vrapl {
namespace {

std::string OrEmpty(const std::optional<int64_t>& value) { return value ? absl::StrCat(*value) : ""; }

struct Applied {
  Model model;
  uint64_t read_errors = 0;
};

template <typename Row>
Applied AppliedTo(const ModelReport& model, const Row& row) {
  Applied applied{.model = model.model};
  for (const CounterReport& counter : model.counters) {
    if (counter.package_id == row.package_id && counter.die_id == row.die_id && counter.domain == row.domain) {
      applied = {.model = counter.model, .read_errors = counter.read_errors};
    }
  }
  return applied;
}

// The columns from read_errors on, and the end of the line but for the columns of a thread.
void AppendHow(const FlushReport& report, const ModelReport& model, const Applied& applied, std::string& text) {
  absl::StrAppend(&text, applied.read_errors, ",", ModelName(model.model), ",", ModelName(applied.model), ",",
                  RunTimeMethodName(report.run_time_method), ",", report.source, ",", CsvText(report.cpu_table));
}

// A VM's part of the idle row, which is in no row of its own: without energy, so that rows still sum to the counter.
void AppendIdle(const FlushReport& report, const ModelReport& model, const VmCounterReport& vm, bool threads,
                std::string& text) {
  absl::StrAppend(&text, report.t_ns, ",", report.dt_ns, ",vm,", CsvText(vm.vm.uuid), ",", CsvText(vm.vm.name), ",",
                  vm.vm.pid, ",idle,", vm.package_id, ",", vm.die_id, ",", DomainName(vm.domain), ",0,0,,,",
                  *vm.idle_uj, ",0,,,");
  AppendHow(report, model, AppliedTo(model, vm), text);
  text += threads ? ",,\n" : "\n";
}

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
                  ",", DomainName(counter.domain), ",", counter.unclaimed_ticks, ",", energy_uj, ",,,,0,,,");
  AppendHow(report, model, {.model = counter.model, .read_errors = counter.read_errors}, text);
  text += threads ? ",,\n" : "\n";
}

}  // namespace

std::string FlushCsvHeader(bool threads) {
  return absl::StrCat(
      "t_ns,dt_ns,kind,vm_id,vm_name,vm_pid,part,package,die,domain,energy_ticks,energy_uj,err_uj,active_uj,idle_uj,"
      "run_time_ns,solo_time_ns,shared_time_ns,read_errors,model_asked,model,run_time_method,source,cpu_table",
      threads ? ",tid,comm\n" : "\n");
}

std::string FlushToCsv(const FlushReport& report, bool threads) {
  std::string text;
  for (const ModelReport& model : report.models) {
    for (const RowReport& row : model.rows) {
      absl::StrAppend(&text, report.t_ns, ",", report.dt_ns, ",", RowKindName(row.kind), ",", CsvText(row.vm.uuid), ",",
                      CsvText(row.vm.name), ",", row.kind == RowKind::kVm ? absl::StrCat(row.vm.pid) : "", ",",
                      row.part, ",", row.package_id, ",", row.die_id, ",");
      absl::StrAppend(&text, DomainName(row.domain), ",", row.energy_ticks, ",", row.energy_uj, ",",
                      OrEmpty(row.err_uj), ",", OrEmpty(row.active_uj), ",,", row.run_time_ns, ",",
                      OrEmpty(row.solo_time_ns), ",", OrEmpty(row.shared_time_ns), ",");
      AppendHow(report, model, AppliedTo(model, row), text);
      if (threads) {
        absl::StrAppend(&text, ",", row.thread ? absl::StrCat(row.thread->tid) : "", ",",
                        row.thread ? CsvText(row.thread->comm) : "");
      }
      text += "\n";
    }
    for (const VmCounterReport& vm : model.vm_counters) {
      if (vm.idle_uj) AppendIdle(report, model, vm, threads, text);
    }
    for (const CounterReport& counter : model.counters) {
      if (counter.unclaimed_ticks != 0) AppendUnclaimed(report, model, counter, threads, text);
    }
  }
  return text;
}

}  // namespace vrapl
