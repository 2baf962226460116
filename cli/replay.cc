// vrapl replay: the figures of a recording once more, by the code that found them live; other models and windows too.
#include "sampler/replay.h"

#include <unistd.h>

#include <cstdio>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/arguments.h"
#include "cli/flush_csv.h"
#include "cli/flush_json.h"
#include "cli/opened_recording.h"
#include "cli/power_table.h"
#include "cli/replay_arguments.h"
#include "cli/verb_app.h"
#include "cli/verbs.h"
#include "sampler/run_phases.h"

namespace vrapl {
namespace {

constexpr char kFooter[] =
    R"(The same recording gives the same bytes each time, and by the windows and the model of the run the same figures to the tick as
were told while it ran; the summary says how many flushes were compared.

Examples:
  vrapl replay run.vrapl                            as it was told live
  vrapl replay run.vrapl --window=10ms --format=csv
  vrapl replay run.vrapl --model=share,capacity     by other models
  vrapl replay run.vrapl --phases                   a window for each run of a command, and from mark to mark
  vrapl replay run.vrapl --from=10s --to=20s)";

absl::StatusOr<ReplayOptions> ToOptions(ReplayArguments arguments) {
  if (arguments.by == "phase") arguments.phases = true;  // what it was called before
  if (!arguments.by.empty() && arguments.by != "phase" && arguments.by != "part" && arguments.by != "thread") {
    return UnknownWord("--by", arguments.by, {"part", "thread"});
  }
  absl::StatusOr<ReplayOptions> options = ToReplayOptions(arguments);
  if (options.ok()) options->by_thread = arguments.by == "thread";
  return options;
}

// What would give an empty or a misleading table, in words; at most one.
std::vector<std::string> Contradictions(const ReplayOptions& options, Format format) {
  if (options.by_thread && format == Format::kText) {
    return {"--by=thread is for --format=csv or jsonl; the text table has no room for threads"};
  }
  if (options.window_per_phase && format == Format::kCsv) {
    return {"--phases is for text and jsonl; `vrapl export --phases` makes CSV with a column for the phase"};
  }
  return {};
}

}  // namespace

int ReplayVerb(int argc, char** argv) {
  ReplayArguments arguments;
  std::string format_word = "text";
  VerbApp verb("vrapl replay", "Charges a recording again and prints what it finds.", kFooter);
  CLI::App& app = verb.app();
  AddReplayOptions(app, arguments);
  app.add_option("--by", arguments.by, "what a row stands for: part, thread (part)")->type_name("NAME");
  app.add_option("--vm", arguments.vms, "only these VMs in the text table; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app.add_option("--format", format_word, "text, csv or jsonl (text)")->type_name("FORMAT");
  if (const std::optional<int> code = verb.Parse(argc, argv)) return *code;

  absl::StatusOr<ReplayOptions> options = ToOptions(arguments);
  if (!options.ok()) return Fail(options.status());
  absl::StatusOr<Format> format = ParseFormat(format_word);
  if (!format.ok()) return Fail(format.status());
  for (const std::string& wrong : Contradictions(*options, *format)) return Fail(kExitUsage, wrong);
  absl::StatusOr<RecordedRun> run = OpenRecording(arguments, arguments.vms);
  if (!run.ok()) return Fail(run.status());
  const std::vector<RecordedRun::Mark> phases = PhasesOf(*run);
  if (options->window_per_phase && phases.empty()) {
    Notice("the recording has no marks and no runs of a command: all of it is one phase");
  }
  const auto phase_of = [&](const FlushReport& report) {
    const absl::string_view label = PhaseAt(phases, report.t_ns - report.dt_ns / 2);
    return label.empty() ? NameOfNoPhase(*run) : label;
  };

  PowerTable table(arguments.vms);
  if (*format == Format::kCsv) std::fputs(FlushCsvHeader(options->by_thread).c_str(), stdout);
  ReplayCheck check;
  bool any = false;
  BaseNotices bases;
  const absl::Status status = Replay(
      arguments.file, *options,
      [&](const FlushReport& report) {
        any = true;
        bases.Add(report);
        switch (*format) {
          case Format::kText:
            if (options->window_per_phase) absl::PrintF("phase: %s\n", phase_of(report));
            std::fputs(table.Format(report).c_str(), stdout);
            break;
          case Format::kCsv:
            std::fputs(FlushToCsv(report, options->by_thread).c_str(), stdout);
            break;
          case Format::kJsonl:
            std::fputs(
                absl::StrCat(options->window_per_phase ? FlushToJson(report, phase_of(report)) : FlushToJson(report),
                             "\n")
                    .c_str(),
                stdout);
            break;
        }
      },
      [](double) {}, &check);
  if (!status.ok()) return Fail(kExitFailed, status.message());
  if (!any) return Fail(NoWindowThere(*run));
  bases.Finish();
  if (check.equal > 0 && check.different == 0) {
    absl::FPrintF(stderr, "vrapl: %d flushes replayed, each with the figures that were told live\n", check.equal);
  }
  if (check.different > 0) {
    absl::FPrintF(stderr, "vrapl: %d of %d flushes differ from what was told live, the first at %.3f s%s\n",
                  check.different, check.equal + check.different, static_cast<double>(check.first_different_ns) * 1e-9,
                  run->damage.empty() ? "" : " (parts of the recording are missing)");
    if (run->damage.empty()) return kExitFailed;
  }
  return ExitCodeOf(*run);
}

}  // namespace vrapl
