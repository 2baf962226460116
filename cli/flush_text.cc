#include "cli/flush_text.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace vrapl {
namespace {

struct Line {
  int64_t energy_uj = 0;
  std::optional<int64_t> active_uj = 0;
  int64_t run_ns = 0;
};

double Watts(int64_t energy_uj, int64_t dt_ns) {
  return dt_ns == 0 ? 0 : static_cast<double>(energy_uj) * 1e3 / static_cast<double>(dt_ns);
}

bool IsMain(const DomainId& id) { return id.domain == RaplDomain::kPackage || id.domain == RaplDomain::kDram; }

void AppendLedger(const FlushReport& report, const ModelReport& model, std::string& text) {
  // In the order of first appearance, VMs first: a VM's parts are one line here.
  std::vector<std::pair<std::string, Line>> vms;
  std::vector<std::pair<std::string, Line>> others;
  for (const RowReport& row : model.rows) {
    if (!IsMain(row.domain)) continue;
    auto& lines = row.kind == RowKind::kVm ? vms : others;
    const std::string name =
        row.kind == RowKind::kVm ? absl::StrCat("vm ", row.vm.name) : std::string(RowKindName(row.kind));
    auto line = std::find_if(lines.begin(), lines.end(), [&](const auto& known) { return known.first == name; });
    if (line == lines.end()) line = lines.insert(lines.end(), {name, Line{}});
    line->second.energy_uj += row.energy_uj;
    if (row.active_uj && line->second.active_uj) {
      *line->second.active_uj += *row.active_uj;
    } else {
      line->second.active_uj.reset();
    }
    if (row.domain.domain == RaplDomain::kPackage) line->second.run_ns += row.run_time_ns;
  }
  absl::StrAppendFormat(&text, "  %-24s %12s %10s %10s %12s\n", absl::StrCat("(", ModelName(model.model), ")"),
                        "energy J", "power W", "active W", "CPUs busy");
  vms.insert(vms.end(), others.begin(), others.end());
  for (const auto& [name, line] : vms) {
    absl::StrAppendFormat(&text, "  %-24s %12.6f %10.3f %10s %12.4f\n", name,
                          static_cast<double>(line.energy_uj) * 1e-6, Watts(line.energy_uj, report.dt_ns),
                          line.active_uj ? absl::StrFormat("%.3f", Watts(*line.active_uj, report.dt_ns)) : "-",
                          static_cast<double>(line.run_ns) / static_cast<double>(report.dt_ns));
  }
  for (const CounterReport& counter : model.counters) {
    uint64_t sum = 0;
    for (const RowReport& row : model.rows) {
      if (row.package_id == counter.package_id && row.die_id == counter.die_id && row.domain == counter.domain) {
        sum += row.energy_ticks;
      }
    }
    absl::StrAppendFormat(&text, "  sum = counter, difference %d ticks: %s-%d %d ticks, %.3f W",
                          static_cast<int64_t>(counter.energy_ticks - sum), DomainName(counter.domain),
                          counter.package_id, counter.energy_ticks, Watts(counter.energy_uj, counter.dt_ns));
    if (counter.base_w) {
      absl::StrAppendFormat(&text, ", base %.2f W%s", *counter.base_w,
                            counter.base_given ? " as given" : absl::StrFormat(" +-%.2f", counter.base_err_w));
    } else if (counter.model == Model::kCapacity && model.model == Model::kBaseShare) {
      text += ", base not known yet: charged by capacity";
    }
    if (counter.read_errors > 0) absl::StrAppendFormat(&text, ", %d reads FAILED", counter.read_errors);
    text += "\n";
  }
}

}  // namespace

std::string Sparkline(const std::vector<float>& values, int width, float most) {
  static constexpr const char* kHeights[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string line;
  for (int column = 0; column < width; ++column) {
    const size_t begin = values.size() * static_cast<size_t>(column) / static_cast<size_t>(width);
    const size_t end =
        std::max(begin + 1, values.size() * static_cast<size_t>(column + 1) / static_cast<size_t>(width));
    if (begin >= values.size()) break;
    float sum = 0;
    for (size_t i = begin; i < std::min(end, values.size()); ++i) sum += values[i];
    const float mean = sum / static_cast<float>(std::min(end, values.size()) - begin);
    const int height = most > 0 ? std::clamp(static_cast<int>(mean / most * 8), 0, 7) : 0;
    line += kHeights[height];
  }
  return line;
}

std::string FlushToText(const FlushReport& report, const TextStyle& style) {
  std::string text = absl::StrFormat("flush %d  t = %.3f s  dt = %.6f s  source %s (%s)%s\n", report.seq,
                                     static_cast<double>(report.t_ns) * 1e-9, static_cast<double>(report.dt_ns) * 1e-9,
                                     report.source, report.backend, report.last ? "  last" : "");
  for (const ModelReport& model : report.models) AppendLedger(report, model, text);
  float most = 0;
  for (const VmReport& vm : report.vms) {
    for (const float power : vm.power_w) most = std::max(most, power);
  }
  for (const VmReport& vm : report.vms) {
    if (style.curve_width > 0 && !vm.power_w.empty()) {
      absl::StrAppendFormat(&text, "  %-16s %s  %d samples, full height %.1f W\n", vm.vm.name,
                            Sparkline(vm.power_w, style.curve_width, most), vm.power_w.size(), most);
    }
    if (style.lines && vm.lines_sent + vm.lines_skipped_unread + vm.ports_not_connected + vm.port_errors > 0) {
      absl::StrAppendFormat(&text, "  %-16s -> %d sent, %d not read yet, %d not connected, %d failed%s\n", vm.vm.name,
                            vm.lines_sent, vm.lines_skipped_unread, vm.ports_not_connected, vm.port_errors,
                            vm.running ? "" : ", VM stopped");
      absl::StrAppendFormat(&text, "  %s\n", vm.guest_line);
    }
  }
  for (const SamplerReport& sampler : report.samplers) {
    const LatenessSummary& lateness = sampler.lateness;
    absl::StrAppendFormat(&text,
                          "  sampler of package %d: %d samples, %d late, %d missed, %d dropped, %d reads failed; "
                          "lateness p50 %.0f us, p99 %.0f us, max %.0f us; %d switches unreported\n",
                          sampler.package_id, lateness.samples, lateness.late, lateness.missed, sampler.dropped,
                          sampler.read_errors, static_cast<double>(lateness.p50_ns) * 1e-3,
                          static_cast<double>(lateness.p99_ns) * 1e-3, static_cast<double>(lateness.max_ns) * 1e-3,
                          sampler.gaps);
  }
  for (const std::string& problem : report.problems) absl::StrAppend(&text, "  note: ", problem, "\n");
  return text + "\n";
}

}  // namespace vrapl
