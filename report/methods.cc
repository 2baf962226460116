#include "report/methods.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "report/warnings.h"

namespace vrapl {
namespace {

using nlohmann::json;

double Seconds(int64_t ns) { return static_cast<double>(ns) * 1e-9; }

std::string EscapeMarkdown(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      out += ' ';
      continue;
    }
    if (std::string_view("\\`*_[]<>#|~$").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string EscapeLatex(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\textbackslash{}";
        break;
      case '~':
        out += "\\textasciitilde{}";
        break;
      case '^':
        out += "\\textasciicircum{}";
        break;
      case '<':
        out += "\\textless{}";
        break;
      case '>':
        out += "\\textgreater{}";
        break;
      case '|':
        out += "\\textbar{}";
        break;
      case '\n':
      case '\r':
        out += ' ';
        break;
      case '&':
      case '%':
      case '$':
      case '#':
      case '_':
      case '{':
      case '}':
        out += '\\';
        out += c;
        break;
      default:
        out += c;
    }
  }
  return out;
}

// Text at a path in what identifies the run; "" when it is not there.
std::string At(const json& header, const char* pointer) {
  const json::json_pointer path(pointer);
  if (!header.contains(path)) return "";
  const json& value = header.at(path);
  return value.is_string() ? value.get<std::string>() : value.is_primitive() ? value.dump() : "";
}

std::string FirstOf(const json& header, std::initializer_list<const char*> pointers, const char* otherwise) {
  for (const char* pointer : pointers) {
    if (std::string text = At(header, pointer); !text.empty()) return text;
  }
  return otherwise;
}

// How a model charges, in a sentence.
std::string ModelSentence(Model model) {
  switch (model) {
    case Model::kBaseShare:
      return "Energy was attributed by the model base-share: in each sampling interval and package the base power "
             "times "
             "the interval went to the idle row, and what was above it to the threads by their run time in that "
             "interval";
    case Model::kShare:
      return "Energy was attributed by the model share: all energy of each flush and package went to the threads in "
             "proportion to their run time in it, idle energy included";
    case Model::kCapacity:
      return "Energy was attributed by the model capacity: in each sampling interval and package each thread was "
             "charged "
             "its share of all CPU time, and the rest went to the idle row";
    case Model::kActiveIdle:
      return "Energy was attributed by the model active-idle: of each flush and package the share of busy CPU time in "
             "all CPU time went to the threads by their run time, and the rest to the idle row";
    case Model::kSmt:
      return "Energy was attributed by the model smt: in each sampling interval and package the base power times the "
             "interval went to the idle row, and what was above it to the threads by their run time in that interval, "
             "time beside a busy SMT sibling weighing less than time alone on the core";
    case Model::kEnergat:
      return "Energy was attributed by the model energat: of each flush and package the energy above the base power, "
             "times the 0.3rd power of the share of run time (0.2nd for DRAM), was claimed for each VM; such claims do "
             "not sum to what was used";
    case Model::kCore:
      return "Energy was attributed by the model core: in each sampling interval the energy of each physical core, by "
             "its "
             "own counter, went to the threads that ran on it by their run time there; of the package's energy beside "
             "that, the base power times the interval went to the idle row and the rest to all threads by their run "
             "time";
    case Model::kFit:
      return "Energy was attributed by the model fit: in each sampling interval and package the base power times the "
             "interval went to the idle row, and what was above it to the threads by their run time in that interval, "
             "times the power per run time that a regression of the package's power found for each virtual machine; "
             "where the samples could not tell them apart, by run time alone";
  }
  return "";
}

// Of the time of all counters of package and DRAM, the part that another model charged than the first.
std::map<Model, double> StoodIn(const RunTotals& totals) {
  std::map<Model, double> parts;
  double all_ns = 0;
  for (const auto& [key, counter] : totals.counters()) {
    if (!CountsInTotal(key.domain.domain)) continue;
    all_ns += static_cast<double>(counter.dt_ns);
    for (const auto& [model, ns] : counter.stood_in_ns) parts[model] += static_cast<double>(ns);
  }
  for (auto& [model, part] : parts) part = all_ns > 0 ? part / all_ns : 0;
  return parts;
}

// What charged the energy: the model asked for, or the one that stood in for it all the time; and how much of the time
// others did.
std::string ModelClause(const RunTotals& totals) {
  const Model asked = totals.models().front();
  const std::map<Model, double> stood_in = StoodIn(totals);
  std::vector<std::string> parts;
  for (const auto& [model, part] : stood_in) {
    if (part >= 1) {
      return absl::StrCat(ModelSentence(model), " (", ModelName(asked),
                          " was asked for and could not be applied at any time)");
    }
    parts.push_back(absl::StrFormat("%s in %.2g %% of the time", ModelName(model), 100 * part));
  }
  if (parts.empty()) return ModelSentence(asked);
  return absl::StrCat(ModelSentence(asked), " (", ModelName(asked), ", ", absl::StrJoin(parts, ", "), ")");
}

std::string BaseClause(const RunTotals& totals) {
  std::vector<std::string> parts;
  for (const auto& [key, counter] : totals.counters()) {
    if (!counter.last.base_w || !CountsInTotal(key.domain.domain)) continue;
    parts.push_back(absl::StrFormat("%s %d: %.2f W%s%s", DomainName(key.domain), key.package_id, *counter.last.base_w,
                                    counter.last.base_given && counter.last.base_err_w == 0
                                        ? ""
                                        : absl::StrFormat(" +- %.2f W", counter.last.base_err_w),
                                    counter.last.base_given ? ", given" : ""));
  }
  const std::string text =
      parts.empty()
          ? "; no base power was known, so energy includes the share of the idle floor"
          : absl::StrCat(" (base power at the end of the run, 95 % interval: ", absl::StrJoin(parts, "; "), ")");
  std::vector<std::string> fallbacks;
  for (const auto& [key, counter] : totals.counters()) {
    if (counter.fallback_ns <= 0 || !CountsInTotal(key.domain.domain)) continue;
    fallbacks.push_back(absl::StrFormat("%s %d: %.3f of %.3f s", DomainName(key.domain), key.package_id,
                                        Seconds(counter.fallback_ns), Seconds(counter.dt_ns)));
  }
  if (fallbacks.empty()) return text;
  return absl::StrCat(
      text,
      "; where this could not be applied, a simpler model stood in (by share of all CPU time where no base "
      "power was known, by run time where samples did not tell virtual machines apart): ",
      absl::StrJoin(fallbacks, "; "));
}

std::string UnitsClause(const RunTotals& totals) {
  std::vector<std::string> parts;
  for (const auto& [key, counter] : totals.counters()) {
    const std::string part = absl::StrFormat("%s %.4g uJ", DomainName(key.domain), counter.last.unit_uj);
    if (std::find(parts.begin(), parts.end(), part) == parts.end()) parts.push_back(part);
  }
  return absl::StrJoin(parts, ", ");
}

// Of the worst package.
LatenessSummary Worst(const RunTotals& totals) {
  LatenessSummary worst;
  for (const auto& [key, sampler] : totals.samplers()) {
    const LatenessSummary& one = sampler.lateness;
    worst.samples += one.samples;
    worst.missed += one.missed;
    worst.p50_ns = std::max(worst.p50_ns, one.p50_ns);
    worst.p99_ns = std::max(worst.p99_ns, one.p99_ns);
    worst.p999_ns = std::max(worst.p999_ns, one.p999_ns);
    worst.max_ns = std::max(worst.max_ns, one.max_ns);
  }
  return worst;
}

std::string Paragraph(const RecordedRun& run, const RunTotals& totals) {
  const json parsed = json::parse(run.header, nullptr, /*allow_exceptions=*/false);
  const json header = parsed.is_object() ? parsed : json::object();
  const LatenessSummary lateness = Worst(totals);
  const FlushReport& last = totals.last();
  const std::string version = FirstOf(header, {"/vrapl_version"}, VRAPL_VERSION);
  std::string text;
  if (IsEmulated(run, totals)) {
    text += "THE ENERGY COUNTERS WERE EMULATED: these figures are no measurement of any machine. ";
  }
  absl::StrAppendFormat(
      &text, "Energy was recorded with vrapl %s on %s (microcode %s, Linux %s). ", version,
      FirstOf(header, {"/cpu", "/host/cpu/model_name", "/host/cpu"}, "a CPU that the recording does not name"),
      FirstOf(header, {"/host/microcode", "/host/cpu/microcode", "/microcode"}, "not recorded"),
      FirstOf(header, {"/host/kernel", "/host/kernel/release", "/kernel"}, "version not recorded"));
  absl::StrAppendFormat(
      &text,
      "The %s (source: %s, %s; units: %s) were read %severy %.4g ms; %d samples were taken and %d ticks missed; a "
      "sample was late by %.0f us in the median, %.0f us in 99 %%, %.0f us in 99.9 %% and %.0f us at most. ",
      last.power_based ? "power sensors" : "energy counters", last.source, last.backend, UnitsClause(totals),
      FirstOf(header, {"/align"}, "clock") == "edge" ? "at their updates, some " : "",
      static_cast<double>(run.period_ns) * 1e-6, lateness.samples, lateness.missed,
      static_cast<double>(lateness.p50_ns) * 1e-3, static_cast<double>(lateness.p99_ns) * 1e-3,
      static_cast<double>(lateness.p999_ns) * 1e-3, static_cast<double>(lateness.max_ns) * 1e-3);
  const auto unreported = totals.owners().find({RowKind::kUnreported, {}});
  const double unreported_share =
      unreported == totals.owners().end() || totals.capacity_ns() <= 0
          ? 0
          : 100 * static_cast<double>(unreported->second.sum.run_time_ns) / static_cast<double>(totals.capacity_ns());
  absl::StrAppendFormat(&text, "Run time of every thread is by %s: %s; %.3f %% of CPU time is of unknown threads. ",
                        RunTimeMethodName(last.run_time_method), RunTimeError(last.run_time_method), unreported_share);
  absl::StrAppend(&text, ModelClause(totals), BaseClause(totals), ". ");
  absl::StrAppendFormat(
      &text,
      "Windows of %.4g s, %d of them, cover %.3f s, from %.3f to %.3f s of the recording; energy of a VM is that of "
      "package and DRAM over all packages, all threads of its process included. RAPL's own error against a wall meter "
      "is in no figure.",
      Seconds(totals.end_ns() - totals.begin_ns()) / std::max<double>(1, static_cast<double>(totals.windows())),
      totals.windows(), Seconds(totals.end_ns() - totals.begin_ns()), Seconds(totals.begin_ns()),
      Seconds(totals.end_ns()));
  if (!run.damage.empty()) {
    absl::StrAppendFormat(&text, " PARTS OF THE RECORDING ARE MISSING (%d places, the first: %s).", run.damage.size(),
                          run.damage.front());
  }
  return text;
}

struct Line {
  std::string name;
  RunTotals::Energy energy;
  std::optional<int64_t> err_uj;
  std::optional<int64_t> idle_uj;
};

bool SharesIdle(const RunTotals& totals) {
  return std::any_of(totals.owners().begin(), totals.owners().end(),
                     [](const auto& owner) { return owner.second.idle_uj.has_value(); });
}

std::vector<Line> Lines(const RunTotals& totals) {
  std::vector<Line> vms;
  std::vector<Line> others;
  for (const auto& [owner, total] : totals.owners()) {
    const bool is_vm = owner.kind == RowKind::kVm;
    (is_vm ? vms : others)
        .push_back(
            {is_vm ? owner.vm.name : std::string(RowKindName(owner.kind)), total.sum, total.err_uj(), total.idle_uj});
  }
  const auto by_energy = [](const Line& a, const Line& b) { return a.energy.energy_uj > b.energy.energy_uj; };
  std::stable_sort(vms.begin(), vms.end(), by_energy);
  std::stable_sort(others.begin(), others.end(), by_energy);
  vms.insert(vms.end(), others.begin(), others.end());
  return vms;
}

std::vector<std::string> Cells(const Line& line, const RunTotals& totals) {
  const double seconds = std::max(Seconds(totals.end_ns() - totals.begin_ns()), 1e-9);
  const double joules = static_cast<double>(line.energy.energy_uj) * 1e-6;
  // Known in a part of the windows only: no figure for the whole.
  const bool active_known = line.energy.active_known_uj == line.energy.energy_uj;
  const double of_host = totals.host_uj() > 0 ? 100 * joules * 1e6 / static_cast<double>(totals.host_uj()) : 0;
  std::vector<std::string> cells = {
      absl::StrFormat("%.6f", joules),
      line.err_uj ? absl::StrFormat("%.6f", static_cast<double>(*line.err_uj) * 1e-6) : "not known",
      active_known ? absl::StrFormat("%.6f", static_cast<double>(line.energy.active_uj) * 1e-6) : "not known",
      absl::StrFormat("%.3f", joules / seconds),
      absl::StrFormat("%.2f", of_host),
      absl::StrFormat("%.6f", Seconds(line.energy.run_time_ns))};
  if (SharesIdle(totals)) {
    cells.push_back(line.idle_uj ? absl::StrFormat("%.6f", static_cast<double>(*line.idle_uj) * 1e-6) : "");
  }
  return cells;
}

}  // namespace

std::string MethodsText(const RecordedRun& run, const RunTotals& totals, MethodsFormat format) {
  const std::string paragraph = Paragraph(run, totals);
  const std::vector<std::string> host = {absl::StrFormat("%.6f", static_cast<double>(totals.host_uj()) * 1e-6)};
  const bool idle = SharesIdle(totals);
  std::string text;
  if (format == MethodsFormat::kMarkdown) {
    text = absl::StrCat(EscapeMarkdown(paragraph), "\n\n");
    text += "| row | energy J | +- J (95 %) | active J | mean power W | of the host % | run time s |";
    text += idle ? " its part of idle J |\n" : "\n";
    text += "| --- | ---: | ---: | ---: | ---: | ---: | ---: |";
    text += idle ? " ---: |\n" : "\n";
    for (const Line& line : Lines(totals)) {
      absl::StrAppend(&text, "| ", EscapeMarkdown(line.name), " | ", absl::StrJoin(Cells(line, totals), " | "), " |\n");
    }
    absl::StrAppend(&text, "| host (the counters) | ", host.front(), " | | | | 100.00 | |", idle ? " |\n" : "\n");
    return text;
  }
  text = absl::StrCat(EscapeLatex(paragraph), "\n\n");
  absl::StrAppend(&text, "\\begin{tabular}{lrrrrrr", idle ? "r" : "", "}\n\\hline\n");
  text += "row & energy (J) & $\\pm$ 95 \\% (J) & active (J) & mean power (W) & of the host (\\%) & run time (s)";
  absl::StrAppend(&text, idle ? " & its part of idle (J)" : "", " \\\\\n\\hline\n");
  for (const Line& line : Lines(totals)) {
    absl::StrAppend(&text, EscapeLatex(line.name), " & ", absl::StrJoin(Cells(line, totals), " & "), " \\\\\n");
  }
  absl::StrAppend(&text, "\\hline\nhost (the counters) & ", host.front(), " & & & & 100.00 & ", idle ? "& " : "",
                  "\\\\\n\\hline\n\\end{tabular}\n");
  return text;
}

}  // namespace vrapl
