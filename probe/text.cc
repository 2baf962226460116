#include "probe/text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/host_root.h"
#include "probe/honest_windows.h"
#include "probe/screen.h"
#include "vm/port_choice.h"

namespace vrapl {
namespace {

// Where no thermal design power can be known: what a large server package uses.
constexpr double kAssumedWatts = 200;
constexpr double kMillisecond = 1e6;

constexpr size_t kSourceWidth = 8;
constexpr size_t kStateWidth = 9;
constexpr size_t kCheckWidth = 21;

std::string TimeText(double ns) {
  if (ns >= 1000 * kMillisecond) return absl::StrFormat("%.3f s", ns * 1e-9);
  return absl::StrFormat("%.3f ms", ns * 1e-6);
}

std::string UnitText(EnergyUnit unit) {
  const double uj = unit.joules_per_tick * 1e6;
  if (uj >= 1e6) return absl::StrFormat("%g J", uj * 1e-6);
  return absl::StrFormat("%.5g uJ", uj);
}

std::string SecondsText(double seconds) {
  if (seconds >= 2 * 86400) return absl::StrFormat("%.0f days", seconds / 86400);
  if (seconds >= 2 * 3600) return absl::StrFormat("%.1f h", seconds / 3600);
  return absl::StrFormat("%.0f s", seconds);
}

// What is left to say where updates are too few, or our reads too far apart, to tell period and jitter: the mean. 0
// where there is nothing to say.
double ApproximatePeriodNs(const UpdateFindings& updates) {
  if (updates.summary.period_ns > 0) return static_cast<double>(updates.summary.period_ns);
  if (updates.summary.edges < 2) return 0;
  return static_cast<double>(updates.polled_ns) / static_cast<double>(updates.summary.edges);
}

std::string UpdatesText(const PackageFindings& package, const DomainId& id) {
  const auto found = package.updates.find(id);
  if (found == package.updates.end()) return "not measured";
  const UpdateSummary& summary = found->second.summary;
  const double polled_s = static_cast<double>(found->second.polled_ns) * 1e-9;
  const std::string seen = absl::StrFormat("%d updates seen in %.1f s", summary.edges, polled_s);
  if (summary.period_ns == 0) {
    const double period_ns = ApproximatePeriodNs(found->second);
    return period_ns == 0 ? absl::StrCat("not known: ", seen)
                          : absl::StrCat("about ", TimeText(period_ns), " (", seen, ")");
  }
  return absl::StrCat(TimeText(static_cast<double>(summary.period_ns)), ", jitter ",
                      TimeText(static_cast<double>(summary.jitter_ns)), " (", seen, ")");
}

void ShowCpu(const ProbeFindings& found, Screen& screen) {
  screen.Heading("CPU");
  if (!found.cpu.ok()) {
    screen.Paragraph(2, absl::StrCat("not known: ", found.cpu.status().message()));
    return;
  }
  const CpuModel& cpu = *found.cpu;
  if (!cpu.name.empty()) screen.Paragraph(2, cpu.name);
  screen.Paragraph(2, absl::StrFormat("%s family 0x%x model 0x%x stepping %d, microcode %s", cpu.vendor_id, cpu.family,
                                      cpu.model, cpu.stepping, cpu.microcode.empty() ? "unknown" : cpu.microcode));
  if (found.table_row.empty()) {
    screen.Paragraph(2, "not in vrapl's CPU table: its registers are not read, because their unit would be a guess");
  } else {
    screen.Paragraph(2, absl::StrCat(found.cpu_table.empty() ? "in vrapl's CPU table: " : "as --cpu-table says: ",
                                     found.table_row, "; energy unit ", found.unit_rule));
  }
  if (!found.cpu_table.empty()) screen.Paragraph(2, absl::StrCat("cpu_table=", found.cpu_table), 2, Ink::kYellow);
}

void ShowSources(const ProbeFindings& found, Screen& screen) {
  screen.Heading("Where energy can be read (the first that is usable is used)");
  for (const SourceFindings& source : found.sources) {
    const bool usable = source.usable.ok();
    const bool chosen = usable && source.name == found.chosen;
    screen.Row(2, source.name, kSourceWidth,
               chosen   ? "used"
               : usable ? "usable"
                        : "NO",
               kStateWidth, usable ? Ink::kGreen : Ink::kRed,
               usable ? source.what : absl::StrCat(source.what, ": ", source.usable.message()));
    const bool said_next = &source != &found.sources.back() && (&source + 1)->remedy == source.remedy;
    if (!source.remedy.empty() && !said_next)
      screen.Row(2, "", kSourceWidth, "", kStateWidth, Ink::kPlain, "-> " + source.remedy);
  }
}

// Most CPUs lack some register, which needs no more words than that.
absl::string_view ShortWhy(absl::string_view why) {
  constexpr absl::string_view kNoRegister = "no such register";
  return absl::StrContains(why, kNoRegister) ? kNoRegister : why;
}

// AMD's cores, of which there are many and all alike, are one row.
void ShowDomains(const PackageFindings& package, double watts, Screen& screen) {
  std::vector<std::vector<std::string>> rows = {
      {"counter", "one tick", "range", absl::StrFormat("wraps, at %.4g W", watts), "updated every"}};
  std::vector<std::string> absent;
  const auto cores = std::count_if(package.probe.domains.begin(), package.probe.domains.end(), [](const auto& domain) {
    return domain.present && domain.id.domain == RaplDomain::kCore;
  });
  bool cores_shown = false;
  for (const DomainProbe& domain : package.probe.domains) {
    if (!domain.present) {
      absent.push_back(absl::StrCat(DomainName(domain.id), " (", ShortWhy(domain.why), ")"));
      continue;
    }
    const bool core = domain.id.domain == RaplDomain::kCore;
    if (core && std::exchange(cores_shown, true)) continue;
    const double range_j = (EnergyTicks{domain.wrap_ticks} * domain.unit).value;
    rows.push_back({core && cores > 1 ? absl::StrCat(cores, " cores") : DomainName(domain.id), UnitText(domain.unit),
                    absl::StrFormat("%.0f J", range_j), absl::StrCat("after ", SecondsText(range_j / watts)),
                    UpdatesText(package, domain.id)});
  }
  if (rows.size() > 1) screen.Table(4, rows);
  if (!absent.empty()) screen.Paragraph(4, absl::StrCat("not here: ", absl::StrJoin(absent, ", ")), 14);
}

// What the updates mean for a figure: the longest period of the packages' own counters.
void ShowAge(const SourceFindings& source, Screen& screen) {
  double period_ns = 0;
  for (const PackageFindings& package : source.packages) {
    const auto updates = package.updates.find({RaplDomain::kPackage});
    if (updates != package.updates.end()) period_ns = std::max(period_ns, ApproximatePeriodNs(updates->second));
  }
  if (period_ns == 0) return;
  // What one update is of an interval; a counter that is updated once a second can tell nothing of 100 ms.
  const double of_100_ms = std::min(100.0, period_ns * 1e-6);
  const double of_2_s = std::min(100.0, period_ns * 1e-6 / 20);
  screen.Paragraph(
      2,
      absl::StrFormat(
          "A reading is as old as the last update: over 100 ms that is up to %.3g %% of the energy, over 2 s %.3g %%.",
          of_100_ms, of_2_s));
}

// The same as a table, of the first package that shows it: packages of one machine are alike.
void ShowHonestWindows(const ProbeFindings& found, const SourceFindings& source, Screen& screen) {
  for (const PackageFindings& package : source.packages) {
    const auto thermal = found.thermal_power.find(package.probe.package_id);
    const double watts = thermal != found.thermal_power.end() ? thermal->second.watts : kAssumedWatts;
    const std::vector<std::vector<std::string>> rows = HonestWindows(package, watts);
    if (rows.empty()) continue;
    screen.Paragraph(2,
                     absl::StrFormat("How sure an energy is by the length of its window, at a steady %.4g W:", watts));
    screen.Table(4, rows);
    return;
  }
}

void ShowPackages(const ProbeFindings& found, const SourceFindings& source, Screen& screen) {
  screen.Heading(absl::StrCat("Counters, as ", source.name, " reads them"));
  for (const PackageFindings& package : source.packages) {
    const PackageProbe& probe = package.probe;
    const auto thermal = found.thermal_power.find(probe.package_id);
    const bool known = thermal != found.thermal_power.end();
    const double watts = known ? thermal->second.watts : kAssumedWatts;
    const bool dies = std::any_of(source.packages.begin(), source.packages.end(), [&](const PackageFindings& other) {
      return other.probe.package_id == probe.package_id && other.probe.die_id != probe.die_id;
    });
    screen.Paragraph(2,
                     absl::StrCat("package ", probe.package_id, dies ? absl::StrCat(" die ", probe.die_id) : "",
                                  ": CPUs ", FormatCpuList(probe.cpus), ", read on CPU ", probe.reader_cpu,
                                  probe.why_reader_cpu.empty() ? "" : ": " + probe.why_reader_cpu, "; ",
                                  known ? absl::StrFormat("TDP %.4g W", watts)
                                        : absl::StrFormat("TDP not told, %.0f W assumed", watts),
                                  probe.note.empty() ? "" : "; " + probe.note),
                     4);
    if (!probe.usable.ok()) screen.Paragraph(4, absl::StrCat("NO: ", probe.usable.message()), 8, Ink::kRed);
    ShowDomains(package, watts, screen);
  }
  ShowAge(source, screen);
  ShowHonestWindows(found, source, screen);
}

bool FoundDomains(const SourceFindings& source) {
  return std::any_of(source.packages.begin(), source.packages.end(),
                     [](const PackageFindings& package) { return !package.probe.domains.empty(); });
}

void ShowChecks(const ProbeFindings& found, Screen& screen) {
  screen.Heading("What else decides how well");
  for (const Check& check : found.checks) {
    const char* word = "good";
    Ink ink = Ink::kGreen;
    if (check.verdict == Verdict::kLimits) word = "limits", ink = Ink::kYellow;
    if (check.verdict == Verdict::kMissing) word = "NO", ink = Ink::kRed;
    if (check.verdict == Verdict::kUnknown) word = "unknown", ink = Ink::kYellow;
    screen.Row(2, check.title, kCheckWidth, word, kStateWidth, ink, check.finding);
    if (!check.remedy.empty()) screen.Row(2, "", kCheckWidth, "", kStateWidth, Ink::kPlain, "-> " + check.remedy);
  }
}

void ShowVms(const ProbeFindings& found, Screen& screen) {
  screen.Heading("Virtual machines");
  if (!found.vms_status.ok()) {
    screen.Paragraph(2, absl::StrCat("not known: ", found.vms_status.message()));
    return;
  }
  screen.Paragraph(2, absl::StrCat(found.vms.empty() ? "none" : absl::StrCat(found.vms.size()), " running, says ",
                                   found.vms_by == "proc" ? "/proc" : found.vms_by));
  for (const Vm& vm : found.vms) {
    screen.Paragraph(2, absl::StrCat(vm.name, ": PID ", vm.pid, ", ", vm.vcpus.size(),
                                     vm.vcpus.size() == 1 ? " vCPU" : " vCPUs", ", uuid ", vm.uuid));
    for (const GuestPort& port : vm.ports) screen.Paragraph(4, PortText(port));
    if (ChoosePorts(vm, {}).ports.empty()) {
      screen.Paragraph(
          4, absl::StrCat("no channel ", kPowerChannelName, ": name a serial port with `vrapl serve --serial-port=N`"));
    }
  }
}

}  // namespace

std::string PortText(const GuestPort& port) {
  const bool channel = port.kind == GuestPort::Kind::kVirtioChannel;
  const std::string device = channel ? absl::StrCat("channel ", port.name) : absl::StrCat("ttyS", port.isa_port);
  static constexpr const char* kTransports[] = {"unix", "pty", "tcp", "other"};
  return absl::StrCat(device, " (", kTransports[static_cast<int>(port.transport)], " ", port.path, ")");
}

std::string VerdictLine(const ProbeFindings& found) {
  return found.chosen.empty() ? "energy cannot be measured here; `vrapl sample --emulate` shows an emulated host"
                              : absl::StrCat("energy can be measured, by ", found.chosen);
}

std::string ToText(const ProbeFindings& found, const TextOptions& options) {
  Screen screen(options.colour);
  if (found.emulated) {
    screen.Paragraph(0, "EMULATED HARDWARE: what follows about energy is not this machine's", 0, Ink::kYellow);
  }
  ShowCpu(found, screen);
  ShowSources(found, screen);
  // The counters of the source that is used, or where there is none, of each that found some.
  for (const SourceFindings& source : found.sources) {
    if (found.chosen.empty() ? !FoundDomains(source) : source.name != found.chosen) continue;
    ShowPackages(found, source, screen);
  }
  ShowChecks(found, screen);
  ShowVms(found, screen);
  screen.Heading(VerdictLine(found));
  return screen.text();
}

}  // namespace vrapl
