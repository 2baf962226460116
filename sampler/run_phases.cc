#include "sampler/run_phases.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/mark.h"

namespace vrapl {
namespace {

constexpr size_t kMostOfACommand = 60;  // characters, of its text in a label

// By command_index: what a label calls it. No two have the same name, though they may begin alike.
std::map<int, std::string> NamesOfCommands(const std::vector<CommandRun>& runs) {
  std::map<int, std::string> names;
  for (const CommandRun& run : runs) {
    names.try_emplace(run.command_index, MakeLabel(absl::string_view(run.command).substr(0, kMostOfACommand)));
  }
  std::map<std::string, int> times;
  for (const auto& [index, name] : names) ++times[name];
  for (auto& [index, name] : names) {
    const std::string number = absl::StrCat("command ", index);
    if (name.empty()) {
      name = number;
    } else if (times[name] > 1) {
      absl::StrAppend(&name, " (", number, ")");
    }
  }
  return names;
}

bool Before(const RecordedRun::Mark& a, const RecordedRun::Mark& b) { return a.t_ns < b.t_ns; }

}  // namespace

std::vector<RecordedRun::Mark> PhasesOf(const RecordedRun& run) {
  const std::map<int, std::string> commands = NamesOfCommands(run.runs);
  std::vector<RecordedRun::Mark> phases;
  for (const CommandRun& one : run.runs) {
    std::string label = absl::StrCat(one.warmup ? "warm-up " : "run ", one.repetition);
    if (commands.size() > 1) absl::StrAppend(&label, " of ", commands.at(one.command_index));
    phases.push_back({.t_ns = one.begin_ns, .label = std::move(label)});
    if (one.end_ns != INT64_MAX) phases.push_back({.t_ns = one.end_ns, .label = ""});
  }
  std::stable_sort(phases.begin(), phases.end(), Before);
  const std::vector<RecordedRun::Mark> runs = phases;
  for (const RecordedRun::Mark& mark : run.marks) {
    const absl::string_view during = run.runs.size() > 1 ? PhaseAt(runs, mark.t_ns) : "";
    phases.push_back(
        {.t_ns = mark.t_ns,
         .label = absl::StrCat(mark.label, during.empty() ? "" : " (", during, during.empty() ? "" : ")")});
  }
  std::stable_sort(phases.begin(), phases.end(), Before);
  return phases;
}

absl::string_view PhaseAt(const std::vector<RecordedRun::Mark>& phases, int64_t t_ns) {
  const auto after = std::upper_bound(phases.begin(), phases.end(), t_ns,
                                      [](int64_t t, const RecordedRun::Mark& mark) { return t < mark.t_ns; });
  return after == phases.begin() ? absl::string_view() : std::prev(after)->label;
}

absl::string_view NameOfNoPhase(const RecordedRun& run) {
  return run.runs.empty() ? "before the first mark" : "outside the runs";
}

}  // namespace vrapl
