#include "cli/power_table.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "sampler/joined_error.h"

namespace vrapl {
namespace {

constexpr int kHeaderEvery = 40;  // a screenful

// The slowest counters known, those that a hypervisor emulates, move about once a second; real ones each millisecond.
constexpr int64_t kMovesWithinNs = 100'000'000;

// Where no time has passed there is no power.
std::string WattsCell(const std::optional<int64_t>& energy_uj, int64_t dt_ns) {
  if (!energy_uj || dt_ns == 0) return "-";
  return absl::StrFormat("%.3f", static_cast<double>(*energy_uj) * 1e3 / static_cast<double>(dt_ns));
}

}  // namespace

// What is not as it should be with a figure of this line.
void PowerTable::AddNote(const std::string& column, const CounterReport& counter,
                         std::vector<std::string>& notes) const {
  std::vector<std::string> words;
  if (counter.read_errors > 0) words.push_back(absl::StrCat(counter.read_errors, " reads failed"));
  if (counter.glitches > 0) words.push_back(absl::StrCat(counter.glitches, " glitches left out"));
  if (counter.unknown_ns > 0) {
    words.push_back(absl::StrFormat("energy of %.3f s unknown", static_cast<double>(counter.unknown_ns) * 1e-9));
  }
  if (counter.energy_ticks > 0 && std::find(late_.begin(), late_.end(), column) != late_.end()) {
    words.push_back("with energy of the time before");
  }
  if (!words.empty()) notes.push_back(absl::StrCat(column, ": ", absl::StrJoin(words, ", ")));
}

std::string PowerTable::Format(const FlushReport& report) {
  const ModelReport& model = report.models.front();
  struct Cell {
    std::string column;
    int64_t energy_uj = 0;
    std::optional<int64_t> err_uj = 0;
  };
  std::vector<Cell> cells;
  std::vector<std::string> notes;
  std::vector<std::pair<std::string, std::string>> untold;  // columns without a figure, and why: no zero
  const auto find = [&](const std::string& column) {
    return std::find_if(cells.begin(), cells.end(), [&](const Cell& known) { return known.column == column; });
  };
  const auto wanted = [&](const VmRun& vm) {
    return only_vms_.empty() || std::any_of(only_vms_.begin(), only_vms_.end(), [&](const std::string& name) {
             return name == vm.name || absl::EqualsIgnoreCase(name, vm.uuid);
           });
  };
  const auto add = [&](const std::string& column, int64_t energy_uj, const std::optional<int64_t>& err_uj) {
    auto cell = find(column);
    if (cell == cells.end()) cell = cells.insert(cells.end(), {.column = column});
    cell->energy_uj += energy_uj;
    AddError(cell->err_uj, err_uj);
  };
  for (const CounterReport& counter : model.counters) {
    const std::string column = absl::StrCat(DomainName(counter.domain), "-", counter.package_id,
                                            counter.die_id > 0 ? absl::StrCat(".", counter.die_id) : "");
    add(column, counter.energy_uj, counter.err_uj);
    AddNote(column, counter, notes);
    if (counter.energy_ticks > 0) continue;
    if (counter.frozen) {
      untold.emplace_back(column, "frozen");
    } else if (counter.read_errors > 0) {
      untold.emplace_back(column, "unread");
    } else if (counter.unknown_ns > 0) {
      untold.emplace_back(column, "unknown");
    } else if (report.dt_ns >= kMovesWithinNs && CountsInTotal(counter.domain.domain)) {
      untold.emplace_back(column, "still");  // these draw power at all times: not a zero, but no update yet
    }
  }
  // Rows of package and DRAM together: parts of the package would count twice.
  for (const bool vms : {true, false}) {
    for (const RowReport& row : model.rows) {
      if (!CountsInTotal(row.domain.domain)) continue;
      if ((row.kind == RowKind::kVm) != vms || row.kind == RowKind::kStolen) continue;
      if (vms && !wanted(row.vm)) continue;
      if (vms) {
        add(absl::StrCat("vm:", row.vm.name), row.energy_uj, 0);
      } else {
        add(std::string(RowKindName(row.kind)), row.energy_uj, row.err_uj);
      }
    }
  }
  for (const VmCounterReport& error : model.vm_counters) {
    if (!CountsInTotal(error.domain.domain)) continue;
    if (const auto cell = find(absl::StrCat("vm:", error.vm.name)); cell != cells.end()) {
      AddError(cell->err_uj, error.err_uj);
    }
  }
  // Beside the rows, which sum to the counters without it.
  for (const VmCounterReport& vm : model.vm_counters) {
    if (vm.idle_uj && wanted(vm.vm)) add(absl::StrCat("idle:", vm.vm.name), *vm.idle_uj, std::nullopt);
  }
  if (report.new_recursion_misses > 0) notes.push_back(absl::StrCat(report.new_recursion_misses, " switches missed"));
  for (const SamplerReport& sampler : report.samplers) {
    if (sampler.new_lost_records == 0) continue;
    notes.push_back(
        absl::StrCat("package ", sampler.package_id, ": ", sampler.new_lost_records, " switch records lost"));
  }
  Model applied = model.model;
  for (const CounterReport& counter : model.counters) {
    if (counter.domain.domain != RaplDomain::kCore) applied = Weaker(applied, counter.model);
  }

  std::vector<std::string> columns;
  for (const Cell& cell : cells) columns.push_back(cell.column);
  std::string text;
  if (columns != columns_ || lines_since_header_ >= kHeaderEvery) {
    absl::StrAppendFormat(&text, "# watts, mean of each interval; source %s (%s); run time by %s%s\n%12s",
                          report.source, report.backend + (report.power_based ? ": power, integrated" : ""),
                          RunTimeMethodName(report.run_time_method),
                          report.cpu_table.empty() ? "" : absl::StrCat("; cpu_table=", report.cpu_table), "t_s");
    for (const std::string& column : columns) absl::StrAppendFormat(&text, " %12s", column);
    text += "  model\n#  +- 95 %  ";
    for (const Cell& cell : cells) absl::StrAppendFormat(&text, " %12s", WattsCell(cell.err_uj, report.dt_ns));
    text += "  of the next line\n";
    columns_ = columns;
    lines_since_header_ = 0;
  }
  ++lines_since_header_;
  absl::StrAppendFormat(&text, "%12.6f", static_cast<double>(report.t_ns) * 1e-9);
  for (const Cell& cell : cells) {
    const auto why =
        std::find_if(untold.begin(), untold.end(), [&](const auto& other) { return other.first == cell.column; });
    absl::StrAppendFormat(&text, " %12s", why != untold.end() ? why->second : WattsCell(cell.energy_uj, report.dt_ns));
  }
  absl::StrAppend(&text, "  ", ModelName(applied));
  if (applied != model.model) absl::StrAppend(&text, " for ", ModelName(model.model));
  if (!notes.empty()) absl::StrAppend(&text, "  ! ", absl::StrJoin(notes, "; "));
  text += "\n";
  late_.clear();
  for (const auto& [column, why] : untold) late_.push_back(column);
  return text;
}

}  // namespace vrapl
