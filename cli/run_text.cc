#include "cli/run_text.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/run_summary.h"

namespace vrapl {
namespace {

double Seconds(int64_t ns) { return static_cast<double>(ns) * 1e-9; }
double Joules(int64_t uj) { return static_cast<double>(uj) * 1e-6; }

std::string LineName(const RunsInfo& info, const Interval::RowKey& key, const Interval::Row& row) {
  if (key.kind != RowKind::kVm) return std::string(RowKindName(key.kind));
  return IsAskedFor(info, key, row) ? absl::StrCat("vm ", row.vm_name) : "other VMs";
}

std::string Table(const RunsInfo& info, const Interval& interval) {
  std::string text = absl::StrFormat("  %-20s %14s", "", "run time s");
  for (const auto& [key, counter] : interval.counters) {
    absl::StrAppendFormat(&text, " %16s %10s", absl::StrCat(CounterName(key), " J"), "+- J");
  }
  text += "\n";
  for (const auto& [name, line] : LinesOf(info, interval)) {
    absl::StrAppendFormat(&text, "  %-20s %14.6f", name, Seconds(line.run_time_ns));
    for (const auto& [key, counter] : interval.counters) {
      const auto energy = line.energy_uj.find(key);
      absl::StrAppendFormat(&text, " %16s",
                            energy == line.energy_uj.end() ? "-" : absl::StrFormat("%.6f", Joules(energy->second)));
      const auto error = line.err_uj.find(key);
      const bool known = error != line.err_uj.end() && error->second.has_value();
      absl::StrAppendFormat(&text, " %10s", known ? absl::StrFormat("%.6f", Joules(*error->second)) : "-");
    }
    text += "\n";
  }
  absl::StrAppendFormat(&text, "  %-20s %14s", "sum = counter", "");
  for (const auto& [key, counter] : interval.counters)
    absl::StrAppendFormat(&text, " %16.6f %10s", Joules(counter.energy_uj), "");
  return text + "\n";
}

std::string Doubts(const RunResult& result) {
  std::string text;
  for (const auto& [key, counter] : result.whole.counters) {
    if (counter.doubtful) {
      absl::StrAppend(&text, "  ! ", CounterName(key), ": reads failed, or time of which nobody knows the energy\n");
    }
  }
  if (result.missed_forks > 0) {
    absl::StrAppend(&text, "  ! the kernel could not tell of ", result.missed_forks,
                    " forks: children may be missing from the command\n");
  }
  return text;
}

std::string PhasesText(const RunsInfo& info, const std::vector<Interval>& phases) {
  std::string text;
  for (const Interval& phase : phases) {
    absl::StrAppend(&text, "\n  phase ", phase.label.empty() ? "before the first mark" : phase.label,
                    absl::StrFormat(": %.6f s\n", Seconds(phase.dt_ns)));
    if (phase.dt_ns > 0) text += Table(info, phase);
  }
  return text;
}

std::string Conditions(const RunsInfo& info, const Interval& interval) {
  std::set<std::string> applied;
  for (const auto& [key, counter] : interval.counters) {
    // Single cores have simpler rules than the model that was asked for: no other has stood in there.
    if (!counter.attributed || std::get<DomainId>(key).domain == RaplDomain::kCore) continue;
    for (const Model model : counter.models) applied.emplace(ModelName(model));
  }
  return absl::StrCat(info.source == "emulated" ? "EMULATED HARDWARE: the energy is not measured; " : "", "read by ",
                      info.backend, ", run time by ", RunTimeMethodName(info.run_time_method), ", charged by ",
                      absl::StrJoin(applied, " and "),
                      applied.count("capacity") > 0 && info.models.front() != Model::kCapacity
                          ? " (capacity: while the base power is not known; see --base-power)"
                          : "",
                      applied.count("base-share") > 0 && info.models.front() == Model::kFit
                          ? " (base-share: while the samples do not tell VMs apart)"
                          : "",
                      applied.count("base-share") > 0 && info.models.front() == Model::kCore
                          ? " (base-share: no core's own energy, or not who ran on it, is known)"
                          : "");
}

std::string EndText(const CommandEnd& end) {
  if (!end.error.empty()) return end.error;
  if (end.signal != 0) return absl::StrCat("killed by signal ", end.signal);
  return absl::StrCat("exit code ", end.exit_code);
}

}  // namespace

bool IsAskedFor(const RunsInfo& info, const Interval::RowKey& key, const Interval::Row& row) {
  return std::any_of(info.vms.begin(), info.vms.end(),
                     [&](const std::string& vm) { return vm == row.vm_name || vm == key.vm_id; });
}

std::vector<std::pair<std::string, TableLine>> LinesOf(const RunsInfo& info, const Interval& interval) {
  std::map<std::pair<int, std::string>, TableLine> lines;
  for (const auto& [key, row] : interval.rows) {
    if (key.model != info.models.front()) continue;
    const int rank = key.kind == RowKind::kCommand ? 0 : key.kind == RowKind::kVm ? 1 : 2 + static_cast<int>(key.kind);
    TableLine& line = lines[{rank, LineName(info, key, row)}];
    line.energy_uj[key.counter] += row.energy_uj;
    AddError(line.err_uj.try_emplace(key.counter, 0).first->second, row.error.err_uj());
    if (std::get<2>(key.counter).domain == RaplDomain::kPackage) line.run_time_ns += row.run_time_ns;
  }
  std::vector<std::pair<std::string, TableLine>> ordered;
  for (auto& [key, line] : lines) ordered.emplace_back(key.second, std::move(line));
  return ordered;
}

std::string RunText(const RunsInfo& info, const RunResult& result) {
  std::string text =
      absl::StrCat("\n  ", info.commands[static_cast<size_t>(result.plan.command)], ": ", EndText(result.end), "\n");
  absl::StrAppend(&text, "  ", Conditions(info, result.whole), "\n\n");
  absl::StrAppendFormat(&text, "  wall time %.6f s; the kernel's account of it: user %.6f s, system %.6f s\n",
                        Seconds(result.wall_ns), Seconds(result.end.user_ns), Seconds(result.end.system_ns));
  absl::StrAppendFormat(&text,
                        "  figures are of %.6f s, from the last sample before its start to the first after its end\n\n",
                        Seconds(result.whole.dt_ns));
  text += Table(info, result.whole);
  text += Doubts(result);
  return text + PhasesText(info, result.phases);
}

std::string RunsText(const RunsInfo& info, const std::vector<RunResult>& results) {
  std::string text;
  for (size_t command = 0; command < info.commands.size(); ++command) {
    const CommandSummary summary = SummarizeRuns(info, results, static_cast<int>(command));
    absl::StrAppend(&text, "\n  ", info.commands[command], ": ", summary.runs, summary.runs == 1 ? " run" : " runs");
    if (summary.failed > 0) {
      absl::StrAppend(&text, ", ", summary.failed, " failed (the first: ", EndText(summary.first_failed->end), ")");
    }
    if (summary.interrupted > 0) absl::StrAppend(&text, ", ", summary.interrupted, " cut by a signal");
    text += "\n";
    if (summary.first == nullptr) continue;
    if (summary.good() == 0) {
      absl::StrAppend(&text, "  None ended well, so there are no medians. The first of them:\n",
                      RunText(info, *summary.first));
      continue;
    }
    if (summary.good() < summary.runs) {
      absl::StrAppend(&text, "  The figures are of the other ", summary.good(), ".\n");
    }
    absl::StrAppend(&text, "  ", Conditions(info, summary.first->whole), "\n\n");
    const double coverage = RanksOfMedianInterval(summary.good()).coverage;
    absl::StrAppendFormat(&text, "  %-32s %13s   %13s %13s %13s %13s\n", "", "median",
                          absl::StrFormat("%.1f %% from", 100 * coverage), "to", "least", "most");
    for (const auto& [name, median, outliers] : summary.figures) {
      absl::StrAppendFormat(&text, "  %-32s %13.6f   %13.6f %13.6f %13.6f %13.6f", name, median.median, median.low,
                            median.high, median.least, median.most);
      if (median.count < summary.good()) {
        absl::StrAppendFormat(&text, "  (of %d runs: %.1f %%)", median.count, 100 * median.coverage);
      }
      if (!outliers.empty()) {
        text += absl::StrCat("  ! does not fit: run ", absl::StrJoin(outliers, ", "));
      }
      text += "\n";
    }
    if (coverage < 0.95) {
      absl::StrAppendFormat(&text, "  (the interval of a median needs 6 runs for 95 %%: %d cover %.1f %%)\n",
                            summary.good(), 100 * coverage);
    }
    if (summary.missed_forks > 0) {
      absl::StrAppend(&text, "  ! ", summary.missed_forks, " forks were missed: children may be too\n");
    }
  }
  absl::StrAppend(&text,
                  "\n  Intervals: of the median, by order statistics; they hold for values of any distribution.\n"
                  "  Runs that do not fit: further than 3.5 x 1.4826 MAD from the median; they are not left out. "
                  "Counted from 0.\n");
  if (info.seed_matters) absl::StrAppend(&text, "  The order of the runs is chance: --seed=", info.seed, "\n");
  return text;
}

}  // namespace vrapl
