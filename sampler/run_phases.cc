#include "sampler/run_phases.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "sampler/mark.h"

namespace vrapl {
namespace {

constexpr size_t kMostOfACommand = 60;  // characters, of its text in a label

std::string NameOf(const CommandRun& run, bool several_commands) {
  std::string name = absl::StrCat(run.warmup ? "warm-up " : "run ", run.repetition);
  if (!several_commands) return name;
  const std::string command = MakeLabel(absl::string_view(run.command).substr(0, kMostOfACommand));
  return absl::StrCat(name, " of ", command.empty() ? absl::StrCat("command ", run.command_index) : command);
}

bool Before(const RecordedRun::Mark& a, const RecordedRun::Mark& b) { return a.t_ns < b.t_ns; }

}  // namespace

std::vector<RecordedRun::Mark> PhasesOf(const RecordedRun& run) {
  std::set<int> commands;
  for (const CommandRun& one : run.runs) commands.insert(one.command_index);
  std::vector<RecordedRun::Mark> phases;
  for (const CommandRun& one : run.runs) {
    phases.push_back({.t_ns = one.begin_ns, .label = NameOf(one, commands.size() > 1)});
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
