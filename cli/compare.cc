// vrapl compare: every model on one recording, side by side.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "cli/arguments.h"
#include "cli/comparison_output.h"
#include "cli/model_comparison.h"
#include "cli/opened_recording.h"
#include "cli/replay_arguments.h"
#include "cli/verb_app.h"
#include "cli/verbs.h"
#include "sampler/replay.h"

namespace vrapl {
namespace {

constexpr char kFooter[] =
    R"(Each model is one opinion on the same joules; what they differ by is no measurement error, and is told apart from it. docs/models.md
has their formulas, what each assumes, and when it is wrong.

Examples:
  vrapl compare run.vrapl
  vrapl compare run.vrapl --model=base-share,fit,smt --base-power=18W
  vrapl compare run.vrapl --from=10s --to=20s --format=csv)";

}  // namespace

int CompareVerb(int argc, char** argv) {
  ReplayArguments arguments;
  std::string format_word = "text";
  VerbApp verb("vrapl compare", "What each attribution model makes of one recording, side by side.", kFooter);
  CLI::App& app = verb.app();
  AddReplayOptions(app, arguments);
  app.get_option("--model")->description(absl::StrCat("only these: ", ModelList(), " (all)"));
  app.add_option("--format", format_word, "text, csv or jsonl (text)")->type_name("FORMAT");
  if (const std::optional<int> code = verb.Parse(argc, argv)) return *code;

  absl::StatusOr<Format> format = ParseFormat(format_word);
  if (!format.ok()) return Fail(format.status());
  absl::StatusOr<ReplayOptions> parsed = ToReplayOptions(arguments);
  if (!parsed.ok()) return Fail(parsed.status());
  ReplayOptions options = *std::move(parsed);
  absl::StatusOr<RecordedRun> run = OpenRecording(arguments, /*vms=*/{});
  if (!run.ok()) return Fail(run.status());
  if (options.models.empty()) options.models = ModelsToCompare(*run);
  ModelComparison models(options.models);
  int windows = 0;
  BaseNotices bases;
  const absl::Status status = Replay(arguments.file, options, [&](const FlushReport& report) {
    models.Add(report);
    bases.Add(report);
    ++windows;
  });
  if (!status.ok()) return Fail(kExitFailed, status.message());
  if (windows == 0) return Fail(NoWindowThere(*run));
  bases.Finish();
  const Comparison comparison = models.Result();
  switch (*format) {
    case Format::kText:
      std::fputs(ComparisonToText(comparison).c_str(), stdout);
      break;
    case Format::kCsv:
      std::fputs(ComparisonToCsv(comparison, run->source).c_str(), stdout);
      break;
    case Format::kJsonl:
      std::fputs(ComparisonToJsonl(comparison, run->source).c_str(), stdout);
      break;
  }
  return ExitCodeOf(*run);
}

}  // namespace vrapl
