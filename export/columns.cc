#include "export/columns.h"

namespace vrapl {
namespace {

template <auto Member>
Cell Get(const ExportRow& row) {
  const auto& value = row.*Member;
  if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, std::optional<int64_t>>) {
    return value ? Cell(*value) : Cell();
  } else if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, absl::string_view>) {
    return value.empty() ? Cell() : Cell(value);
  } else {
    return value;
  }
}

constexpr Column Integer(const char* name, Cell (*cell)(const ExportRow&), const char* meaning) {
  return {name, ColumnType::kInteger, /*may_be_absent=*/false, meaning, cell};
}
constexpr Column MaybeInteger(const char* name, Cell (*cell)(const ExportRow&), const char* meaning) {
  return {name, ColumnType::kInteger, /*may_be_absent=*/true, meaning, cell};
}
constexpr Column Text(const char* name, Cell (*cell)(const ExportRow&), const char* meaning) {
  return {name, ColumnType::kText, /*may_be_absent=*/true, meaning, cell};
}

constexpr Column kColumns[] = {
    Integer("t_ns", Get<&ExportRow::t_ns>, "end of the window, ns since the start of the recording"),
    Integer("dt_ns", Get<&ExportRow::dt_ns>, "length of the window in this package"),
    Text("phase", Get<&ExportRow::phase>, "label of the phase that the middle of the window lies in"),
    Text("kind", Get<&ExportRow::kind>,
         "vm, command, other, kernel, vrapl, emulator, idle, stolen, unreported, interrupts, host"),
    Text("vm_id", Get<&ExportRow::vm_id>, "UUID of the VM"),
    Text("vm_name", Get<&ExportRow::vm_name>, "name of the VM"),
    MaybeInteger("vm_pid", Get<&ExportRow::vm_pid>, "process of the VM: two starts of one VM differ in it"),
    Text("part", Get<&ExportRow::part>, "part of the VM: vcpu0, emulator, io, ..."),
    MaybeInteger("tid", Get<&ExportRow::tid>, "thread, with --by=thread"),
    MaybeInteger("tgid", Get<&ExportRow::tgid>, "its process"),
    Text("comm", Get<&ExportRow::comm>, "its name"),
    MaybeInteger("package", Get<&ExportRow::package>, "CPU package of the counter; absent where packages are summed"),
    MaybeInteger("die", Get<&ExportRow::die>, "die of the counter; -1: all dies of the package"),
    Text("domain", Get<&ExportRow::domain>, "RAPL domain: package, cores, uncore, dram, psys"),
    Integer("energy_ticks", Get<&ExportRow::energy_ticks>, "energy in increments of the counter, exact"),
    Integer("energy_uj", Get<&ExportRow::energy_uj>, "energy in microjoules; adds up over time"),
    MaybeInteger(
        "err_uj", Get<&ExportRow::err_uj>,
        "half width of the 95 % interval of energy_uj in this window, not to be added up over time; absent: not known"),
    MaybeInteger("active_uj", Get<&ExportRow::active_uj>,
                 "the part above the idle floor; absent: the base is not known"),
    MaybeInteger("idle_uj", Get<&ExportRow::idle_uj>,
                 "of a VM, with --by=vm and --idle: its part of the idle row, beside energy_uj"),
    {"power_w", ColumnType::kReal, false, "energy_uj / dt_ns: mean power of the window",
     [](const ExportRow& row) { return Cell(row.power_w()); }},
    Integer("run_time_ns", Get<&ExportRow::run_time_ns>, "CPU time on this package; of the idle row, idle time"),
    MaybeInteger("solo_time_ns", Get<&ExportRow::solo_time_ns>, "with the physical core to itself"),
    MaybeInteger("shared_time_ns", Get<&ExportRow::shared_time_ns>, "while an SMT sibling ran something too"),
    Integer("read_errors", Get<&ExportRow::read_errors>, "failed reads of the counter in the window"),
    Text("model_asked", Get<&ExportRow::model_asked>, "the attribution model of this series"),
    Text("model", Get<&ExportRow::model>, "the one that charged: capacity while base-share does not know the base"),
    Text("run_time_method", Get<&ExportRow::run_time_method>, "how run time is known"),
    Text("source", Get<&ExportRow::source>, "msr, perf, sysfs, hwmon; emulated: not this machine's energy"),
    Text("cpu_table", Get<&ExportRow::cpu_table>, "file and row, where units are from --cpu-table"),
};

}  // namespace

absl::Span<const Column> Columns() { return kColumns; }

}  // namespace vrapl
