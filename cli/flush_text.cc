#include "cli/flush_text.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "cli/sampler_text.h"
#include "sampler/joined_error.h"

namespace vrapl {
namespace {

constexpr size_t kColumns = 100;  // no line is wider, except for a word that is

struct Line {
  int64_t energy_uj = 0;
  std::optional<int64_t> err_uj = 0;
  std::optional<int64_t> active_uj = 0;
  int64_t run_ns = 0;
  std::optional<int64_t> idle_uj;
};

// Where no time has passed there is no power.
std::string Watts(int64_t energy_uj, int64_t dt_ns) {
  return dt_ns == 0 ? "-" : absl::StrFormat("%.3f", static_cast<double>(energy_uj) * 1e3 / static_cast<double>(dt_ns));
}

std::string CpusBusy(int64_t run_ns, int64_t dt_ns) {
  return dt_ns == 0 ? "-" : absl::StrFormat("%.4f", static_cast<double>(run_ns) / static_cast<double>(dt_ns));
}

// Appends `words`, broken at spaces where the line would be too wide; continued lines begin with `indent`.
void AppendFolded(absl::string_view first_indent, absl::string_view indent, absl::string_view words,
                  std::string& text) {
  absl::StrAppend(&text, first_indent);
  size_t column = first_indent.size();
  bool at_start = true;
  for (const absl::string_view word : absl::StrSplit(words, ' ', absl::SkipEmpty())) {
    if (!at_start && column + 1 + word.size() > kColumns) {
      absl::StrAppend(&text, "\n", indent);
      column = indent.size();
      at_start = true;
    }
    absl::StrAppend(&text, at_start ? "" : " ", word);
    column += word.size() + (at_start ? 0 : 1);
    at_start = false;
  }
  text += "\n";
}

// Means of `width` equal parts of `values`; fewer where there are fewer values.
std::vector<float> PartMeans(const std::vector<float>& values, int width) {
  std::vector<float> means;
  const auto parts = static_cast<size_t>(width);
  for (size_t part = 0; part < parts; ++part) {
    const size_t begin = values.size() * part / parts;
    const size_t end = std::min(values.size(), std::max(begin + 1, values.size() * (part + 1) / parts));
    if (begin >= end) break;
    float sum = 0;
    for (size_t i = begin; i < end; ++i) sum += values[i];
    means.push_back(sum / static_cast<float>(end - begin));
  }
  return means;
}

void AppendLedger(const FlushReport& report, const ModelReport& model, std::string& text) {
  // In the order of first appearance, VMs first: a VM's parts are one line here.
  std::vector<std::pair<std::string, Line>> vms;
  std::vector<std::pair<std::string, Line>> others;
  for (const RowReport& row : model.rows) {
    if (!CountsInTotal(row.domain.domain)) continue;
    auto& lines = row.kind == RowKind::kVm ? vms : others;
    const std::string name =
        row.kind == RowKind::kVm ? absl::StrCat("vm ", row.vm.name) : std::string(RowKindName(row.kind));
    auto line = std::find_if(lines.begin(), lines.end(), [&](const auto& known) { return known.first == name; });
    if (line == lines.end()) line = lines.insert(lines.end(), {name, Line{}});
    line->second.energy_uj += row.energy_uj;
    if (row.kind != RowKind::kVm) AddError(line->second.err_uj, row.err_uj);
    if (row.active_uj && line->second.active_uj) {
      *line->second.active_uj += *row.active_uj;
    } else {
      line->second.active_uj.reset();
    }
    if (row.domain.domain == RaplDomain::kPackage) line->second.run_ns += row.run_time_ns;
  }
  bool any_idle = false;
  for (const VmCounterReport& error : model.vm_counters) {
    if (!CountsInTotal(error.domain.domain)) continue;
    const std::string name = absl::StrCat("vm ", error.vm.name);
    const auto line = std::find_if(vms.begin(), vms.end(), [&](const auto& known) { return known.first == name; });
    if (line == vms.end()) continue;
    AddError(line->second.err_uj, error.err_uj);
    if (!error.idle_uj) continue;
    any_idle = true;
    line->second.idle_uj = line->second.idle_uj.value_or(0) + *error.idle_uj;
  }
  absl::StrAppendFormat(&text, "  %-24s %12s %10s %10s %10s %12s%s\n", absl::StrCat("(", ModelName(model.model), ")"),
                        "energy J", "power W", "+- W", "active W", "CPUs busy", any_idle ? "  of idle, W" : "");
  vms.insert(vms.end(), others.begin(), others.end());
  for (const auto& [name, line] : vms) {
    absl::StrAppendFormat(
        &text, "  %-24s %12.6f %10s %10s %10s %12s%s\n", name, static_cast<double>(line.energy_uj) * 1e-6,
        Watts(line.energy_uj, report.dt_ns), line.err_uj ? Watts(*line.err_uj, report.dt_ns) : "-",
        line.active_uj ? Watts(*line.active_uj, report.dt_ns) : "-", CpusBusy(line.run_ns, report.dt_ns),
        line.idle_uj ? absl::StrFormat(" %12s", Watts(*line.idle_uj, report.dt_ns)) : "");
  }
  for (const CounterReport& counter : model.counters) {
    uint64_t sum = 0;
    for (const RowReport& row : model.rows) {
      if (row.package_id == counter.package_id && row.die_id == counter.die_id && row.domain == counter.domain) {
        sum += row.energy_ticks;
      }
    }
    if (!counter.attributed) {
      absl::StrAppendFormat(&text, "  %s-%d %d ticks, %s W, a part of the package\n", DomainName(counter.domain),
                            counter.package_id, counter.energy_ticks, Watts(counter.energy_uj, counter.dt_ns));
      continue;
    }
    std::string line = absl::StrFormat("sum = counter, difference %d ticks: %s-%d %d ticks, %s W",
                                       static_cast<int64_t>(counter.energy_ticks - sum) - counter.unclaimed_ticks,
                                       DomainName(counter.domain), counter.package_id, counter.energy_ticks,
                                       Watts(counter.energy_uj, counter.dt_ns));
    if (!ClaimsAll(counter.model)) {
      absl::StrAppendFormat(&line, ", of which %s does not claim all: %d ticks are %s", ModelName(counter.model),
                            std::abs(counter.unclaimed_ticks),
                            counter.unclaimed_ticks < 0 ? "claimed twice" : "nobody's");
    }
    if (counter.base_w) {
      absl::StrAppendFormat(&line, ", base %.2f W%s", *counter.base_w,
                            counter.base_given ? " as given" : absl::StrFormat(" +-%.2f", counter.base_err_w));
    } else if (counter.model == Model::kCapacity && model.model != Model::kCapacity) {
      line += ", base not known yet: capacity";
    } else if (counter.model == Model::kCore) {
      line += ", base not known yet: the rest as capacity";
    }
    if (model.model == Model::kFit && counter.model == Model::kBaseShare &&
        counter.domain.domain != RaplDomain::kCore) {
      line += ", samples do not tell VMs apart: base-share";
    }
    if (model.model == Model::kCore && counter.model == Model::kBaseShare &&
        counter.domain.domain == RaplDomain::kPackage) {
      line += ", no core's own energy, or not who ran on it, is known: base-share";
    }
    if (counter.read_errors > 0) absl::StrAppendFormat(&line, ", %d reads FAILED", counter.read_errors);
    if (counter.glitches > 0) absl::StrAppendFormat(&line, ", %d glitches left out", counter.glitches);
    if (counter.unknown_ns > 0) {
      absl::StrAppendFormat(&line, ", energy of %.3f s UNKNOWN", static_cast<double>(counter.unknown_ns) * 1e-9);
    }
    if (counter.frozen) line += ", STANDS STILL: this is no energy";
    AppendFolded("  ", "    ", line, text);
  }
}

}  // namespace

std::string Sparkline(const std::vector<float>& values, int width, float most) {
  static constexpr const char* kHeights[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string line;
  for (const float mean : PartMeans(values, width)) {
    line += kHeights[most > 0 ? std::clamp(static_cast<int>(mean / most * 8), 0, 7) : 0];
  }
  return line;
}

std::string FlushToText(const FlushReport& report, const TextStyle& style) {
  std::string text =
      absl::StrFormat("flush %d  t = %.3f s  dt = %.6f s  source %s (%s)  run time by %s%s\n", report.seq,
                      static_cast<double>(report.t_ns) * 1e-9, static_cast<double>(report.dt_ns) * 1e-9, report.source,
                      report.backend + (report.power_based ? ": power, integrated" : ""),
                      RunTimeMethodName(report.run_time_method), report.last ? "  last" : "");
  if (!report.cpu_table.empty()) absl::StrAppend(&text, "  cpu_table=", report.cpu_table, "\n");
  for (const ModelReport& model : report.models) AppendLedger(report, model, text);
  // One scale for all VMs: the highest column. A single sample may be higher; it would flatten the rest.
  float most = 0;
  for (const VmReport& vm : report.vms) {
    for (const float mean : PartMeans(vm.power_w, style.curve_width)) most = std::max(most, mean);
  }
  if (most > 0) absl::StrAppendFormat(&text, "  power of each VM in this flush, full height %.2f W\n", most);
  for (const VmReport& vm : report.vms) {
    if (style.curve_width > 0 && !vm.power_w.empty()) {
      absl::StrAppendFormat(&text, "  %-16s %s  %d samples\n", vm.vm.name,
                            Sparkline(vm.power_w, style.curve_width, most), vm.power_w.size());
    }
    if (style.lines && vm.lines_sent + vm.lines_skipped_unread + vm.ports_not_connected + vm.port_errors > 0) {
      absl::StrAppendFormat(&text, "  %-16s -> %d sent, %d not read yet, %d not connected, %d failed%s\n", vm.vm.name,
                            vm.lines_sent, vm.lines_skipped_unread, vm.ports_not_connected, vm.port_errors,
                            vm.running ? "" : ", VM stopped");
      AppendFolded("    ", "      ", vm.guest_line, text);
    }
  }
  for (const VmReport& vm : report.vms) {
    if (!vm.halt_poll_ns) continue;
    absl::StrAppendFormat(&text, "  %-16s KVM waited %.6f s on a CPU for halted vCPUs: part of their run time\n",
                          vm.vm.name, static_cast<double>(*vm.halt_poll_ns) * 1e-9);
  }
  for (const SamplerReport& sampler : report.samplers) {
    std::string indent = absl::StrCat("  sampler of package ", sampler.package_id, ": ");
    for (const std::string& line : SamplerLines(sampler, static_cast<double>(report.t_ns) * 1e-9)) {
      AppendFolded(indent, "      ", line, text);
      indent = "    ";
    }
    absl::StrAppendFormat(
        &text, "    %d switches unreported in %d gaps, %.3f ms of run time known too late for its thread\n",
        sampler.unreported_switches, sampler.gaps, static_cast<double>(sampler.late_run_time_ns) * 1e-6);
    if (sampler.lost_records > 0) absl::StrAppendFormat(&text, "    %d switch records LOST\n", sampler.lost_records);
  }
  if (!IsExact(report.run_time_method)) {
    AppendFolded("  ", "    ", absl::StrCat("run time: ", RunTimeError(report.run_time_method)), text);
  }
  if (report.recursion_misses > 0) {
    absl::StrAppendFormat(&text, "  %d switches MISSED by the sched_switch program: run time is not exact\n",
                          report.recursion_misses);
  }
  for (const std::string& problem : report.problems) AppendFolded("  note: ", "    ", problem, text);
  return text + "\n";
}

}  // namespace vrapl
