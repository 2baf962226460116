#include "cli/comparison_output.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "export/csv_text.h"

namespace vrapl {
namespace {

std::string Joules(int64_t uj) { return absl::StrFormat("%.3f", static_cast<double>(uj) * 1e-6); }

std::string NameOf(const ComparedRow& row) {
  return row.kind == RowKind::kVm ? row.vm.name : std::string(RowKindName(row.kind));
}

constexpr int kWidth = 12;
constexpr int kSpreadWidth = 20;

void AppendRow(std::string& text, const std::string& name, const std::vector<std::string>& cells,
               const std::string& spread = "") {
  absl::StrAppendFormat(&text, "%-20.20s", name);
  for (const std::string& cell : cells) absl::StrAppendFormat(&text, " %*s", kWidth, cell);
  if (!spread.empty()) absl::StrAppendFormat(&text, " %*s", kSpreadWidth, spread);
  text += '\n';
}

// "12.300 (9.8 %)": of what the models charge on average.
std::string SpreadText(const ComparedRow& row, const std::vector<Model>& models) {
  double sum_uj = 0;
  int count = 0;
  for (size_t i = 0; i < models.size(); ++i) {
    if (!ClaimsAll(models[i])) continue;
    sum_uj += static_cast<double>(row.energy_uj[i]);
    ++count;
  }
  if (count < 2) return "-";
  const double mean_uj = sum_uj / count;
  if (!(mean_uj > 0)) return Joules(row.spread_uj);
  return absl::StrFormat("%s (%.1f %%)", Joules(row.spread_uj), 100 * static_cast<double>(row.spread_uj) / mean_uj);
}

std::string DomainTable(const ComparedDomain& domain, const std::vector<Model>& models) {
  std::string text;
  std::vector<std::string> cells;
  for (const Model model : models) cells.emplace_back(ModelName(model));
  AppendRow(text, absl::StrCat(DomainName(domain.domain), ", J"), cells, "spread");
  std::vector<int64_t> sums_uj(models.size());
  for (const ComparedRow& row : domain.rows) {
    cells.clear();
    bool any = row.kind == RowKind::kVm || row.run_time_ns > 0;
    for (size_t i = 0; i < models.size(); ++i) {
      cells.push_back(Joules(row.energy_uj[i]));
      sums_uj[i] += row.energy_uj[i];
      any = any || row.energy_uj[i] != 0;
    }
    if (any) AppendRow(text, NameOf(row), cells, SpreadText(row, models));
  }
  cells.clear();
  for (const int64_t sum_uj : sums_uj) cells.push_back(Joules(sum_uj));
  AppendRow(text, "sum", cells);
  if (std::any_of(domain.unclaimed_uj.begin(), domain.unclaimed_uj.end(), [](int64_t uj) { return uj != 0; })) {
    cells.clear();
    for (const int64_t uj : domain.unclaimed_uj) cells.push_back(uj == 0 ? "" : Joules(uj));
    AppendRow(text, "charged to nobody", cells);
  }
  AppendRow(text, "counter", {Joules(domain.counter_uj)});
  // Beside the rows, which sum to the counter without it.
  for (const ComparedRow& row : domain.rows) {
    if (std::none_of(row.idle_uj.begin(), row.idle_uj.end(), [](const auto& idle_uj) { return idle_uj.has_value(); })) {
      continue;
    }
    cells.clear();
    for (const std::optional<int64_t>& idle_uj : row.idle_uj) cells.push_back(idle_uj ? Joules(*idle_uj) : "");
    AppendRow(text, absl::StrCat("idle:", NameOf(row)), cells);
  }
  return text;
}

nlohmann::ordered_json OrNull(const std::optional<int64_t>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

// "capacity", or "base-share+capacity": the models that stood in for one, in some of its windows or all.
std::string StoodInNames(const StoodIn& stood_in) {
  return absl::StrJoin(stood_in.by, "+",
                       [](std::string* out, const auto& entry) { absl::StrAppend(out, ModelName(entry.first)); });
}

// {"capacity": 3}: in how many windows each of them did.
nlohmann::ordered_json StoodInJson(const StoodIn& stood_in) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [model, windows] : stood_in.by) json[std::string(ModelName(model))] = windows;
  return json;
}

// Calls visit(domain, row, model's index) for each.
template <typename Visit>
void ForEach(const Comparison& comparison, Visit visit) {
  for (const ComparedDomain& domain : comparison.domains) {
    for (const ComparedRow& row : domain.rows) {
      for (size_t i = 0; i < comparison.models.size(); ++i) visit(domain, row, i);
    }
  }
}

}  // namespace

std::string ComparisonToText(const Comparison& comparison) {
  std::string text = absl::StrFormat("from %.3f s to %.3f s\n", static_cast<double>(comparison.start_ns) * 1e-9,
                                     static_cast<double>(comparison.end_ns) * 1e-9);
  for (const ComparedDomain& domain : comparison.domains) {
    absl::StrAppend(&text, "\n", DomainTable(domain, comparison.models));
  }
  text += '\n';
  for (size_t i = 0; i < comparison.models.size(); ++i) {
    const std::string name(ModelName(comparison.models[i]));
    if (!ClaimsAll(comparison.models[i])) {
      absl::StrAppend(&text, name, ": its shares do not sum to the counter; it is left out of the spread\n");
    }
    const StoodIn& stood_in = comparison.stood_in[i];
    for (const auto& [model, windows] : stood_in.by) {
      absl::StrAppendFormat(
          &text, "%s: in %d of %d windows of a counter, or a part of them, %s stood in%s\n", name, windows, stood_in.of,
          ModelName(model),
          model != Model::kCapacity && comparison.models[i] == Model::kCore
              ? ", because no core's own energy, or not who ran on it, was recorded: sample with --per-core"
          : model == Model::kCapacity
              ? ", because no base power was known: --base-power gives it, vrapl calibrate finds it"
              : "");
    }
  }
  return text;
}

std::string ComparisonToCsv(const Comparison& comparison, const std::string& source) {
  std::string text =
      "t_ns,dt_ns,kind,vm_id,vm_name,domain,run_time_ns,model,energy_uj,active_uj,idle_uj,spread_uj,stood_in,stood_in_"
      "windows,"
      "windows,source\n";
  ForEach(comparison, [&](const ComparedDomain& domain, const ComparedRow& row, size_t i) {
    absl::StrAppend(&text, comparison.end_ns, ",", comparison.end_ns - comparison.start_ns, ",", RowKindName(row.kind),
                    ",", CsvText(row.vm.uuid), ",", CsvText(row.vm.name), ",", DomainName(domain.domain), ",");
    absl::StrAppend(&text, row.run_time_ns, ",", ModelName(comparison.models[i]), ",", row.energy_uj[i], ",");
    if (row.active_uj[i]) absl::StrAppend(&text, *row.active_uj[i]);
    text += ',';
    if (row.idle_uj[i]) absl::StrAppend(&text, *row.idle_uj[i]);
    const StoodIn& stood_in = comparison.stood_in[i];
    absl::StrAppend(&text, ",", row.spread_uj, ",", StoodInNames(stood_in), ",", stood_in.windows, ",", stood_in.of,
                    ",", CsvText(source), "\n");
  });
  return text;
}

std::string ComparisonToJsonl(const Comparison& comparison, const std::string& source) {
  std::string text;
  ForEach(comparison, [&](const ComparedDomain& domain, const ComparedRow& row, size_t i) {
    const nlohmann::ordered_json line = {{"t_ns", comparison.end_ns},
                                         {"dt_ns", comparison.end_ns - comparison.start_ns},
                                         {"kind", RowKindName(row.kind)},
                                         {"vm_id", row.vm.uuid},
                                         {"vm_name", row.vm.name},
                                         {"domain", DomainName(domain.domain)},
                                         {"run_time_ns", row.run_time_ns},
                                         {"model", ModelName(comparison.models[i])},
                                         {"energy_uj", row.energy_uj[i]},
                                         {"active_uj", OrNull(row.active_uj[i])},
                                         {"idle_uj", OrNull(row.idle_uj[i])},
                                         {"spread_uj", row.spread_uj},
                                         {"stood_in", StoodInJson(comparison.stood_in[i])},
                                         {"windows", comparison.stood_in[i].of},
                                         {"source", source}};
    absl::StrAppend(&text, line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace), "\n");
  });
  return text;
}

}  // namespace vrapl
