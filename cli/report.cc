// vrapl report: a recording as one page with charts, and the paragraph for a paper. The room report/ does the work.
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "cli/arguments.h"
#include "cli/opened_recording.h"
#include "cli/recording_output.h"
#include "cli/replay_arguments.h"
#include "cli/verb_app.h"
#include "cli/verbs.h"
#include "probe/archive.h"
#include "report/run_report.h"

namespace vrapl {
namespace {

constexpr char kFooter[] =
    R"(The page is one file that needs no network: send it, keep it beside the recording. docs/report.md says how to read it.

Examples:
  vrapl report run.vrapl                              run.html, beside nothing else
  vrapl report run.vrapl -o report.html --force
  vrapl report run.vrapl --model=base-share,share     how much the figures depend on the model
  vrapl report run.vrapl --from=10s --to=12s -o detail.html
  vrapl report run.vrapl --methods                    the paragraph and the table for a paper, as Markdown
  vrapl report run.vrapl --methods=latex >methods.tex)";

// How far it is, on a terminal's line that is wiped again.
class ReportProgress {
 public:
  ~ReportProgress() {
    if (shown_ >= 0) std::fputs("\r\033[K", stderr);
  }
  int BeginPass() { return ++pass_; }
  void Show(double done) {
    const int percent = static_cast<int>(done * 100);
    if (!on_terminal_ || percent == shown_) return;
    shown_ = percent;
    absl::FPrintF(stderr, "\r\033[Kreplaying, pass %d: %d %%", pass_, percent);
    std::fflush(stderr);
  }

 private:
  const bool on_terminal_ = ::isatty(STDERR_FILENO) != 0;
  int pass_ = 0;
  int shown_ = -1;
};

// run.vrapl -> run.html
std::string PageName(const std::string& path) { return absl::StrCat(absl::StripSuffix(path, ".vrapl"), ".html"); }

}  // namespace

int ReportVerb(int argc, char** argv) {
  ReplayArguments arguments;
  std::string output;
  std::string methods;
  bool force = false;
  RunReportOptions options;
  VerbApp verb("vrapl report", "Makes a page with charts of a recording.", kFooter);
  CLI::App& app = verb.app();
  AddReplayOptions(app, arguments);
  app.get_option("--model")->description(
      absl::StrCat(ModelList(), ", with commas between; the first is drawn (as it was recorded)"));
  app.get_option("--window")
      ->description("figures from windows of this length, curves no finer (the run's flush; curves of each sample)");
  app.get_option("--phases")->description("figures from windows that end where phases do");
  app.add_option("--output,-o", output, "the page (FILE with .html for .vrapl)")->type_name("FILE");
  app.add_flag("--force", force, "replace the page if there is one");
  app.add_option("--vm", options.only_vms,
                 "a curve of their own for these only, name or UUID; again for more (the 12 that used most)")
      ->type_name("NAME");
  app.add_flag("--methods{markdown}", methods,
               "print the paragraph and the table for a paper and make no page but with -o; --methods=latex");
  if (const std::optional<int> code = verb.Parse(argc, argv)) return *code;

  const absl::StatusOr<ReplayOptions> part = ToReplayOptions(arguments);
  if (!part.ok()) return Fail(part.status());
  options.replay = *part;
  const std::string& path = arguments.file;
  if (!methods.empty() && methods != "markdown" && methods != "latex") {
    return Fail(kExitUsage, absl::StrCat("--methods=", methods, ": there are markdown and latex"));
  }
  const MethodsFormat format = methods == "latex" ? MethodsFormat::kLatex : MethodsFormat::kMarkdown;
  const bool with_page = methods.empty() || !output.empty();
  if (output.empty()) output = PageName(path);
  // Known before minutes of work.
  if (absl::Status same = RefuseSameFile(path, output); !same.ok()) return Fail(same);
  if (with_page && !force && ::access(output.c_str(), F_OK) == 0) {
    return Fail(absl::AlreadyExistsError(absl::StrCat(output, " exists already; --force replaces it")));
  }

  const absl::StatusOr<RecordedRun> run = OpenRecording(arguments, options.only_vms);
  if (!run.ok()) return Fail(run.status());
  ReportProgress progress;
  BaseNotices bases;
  const ReplayWindows replay = [&](const ReplayOptions& windows,
                                   absl::FunctionRef<void(const FlushReport&)> on_report) {
    const bool first = progress.BeginPass() == 1;
    return Replay(
        path, windows,
        [&](const FlushReport& report) {
          if (first) bases.Add(report);
          on_report(report);
        },
        [&](double done) { progress.Show(done); });
  };
  std::string text;
  if (with_page) {
    absl::StatusOr<RunReport> report = MakeRunReport(*run, replay, options, format);
    if (!report.ok()) return Fail(report.status());
    if (absl::Status status = WriteWholeFile(output, report->page, force); !status.ok()) return Fail(status);
    text = report->methods;
  } else {
    absl::StatusOr<std::string> made = MakeMethods(*run, replay, options, format);
    if (!made.ok()) return Fail(made.status());
    text = *std::move(made);
  }
  bases.Finish();
  if (!methods.empty()) std::fputs(text.c_str(), stdout);
  return ExitCodeOf(*run);
}

}  // namespace vrapl
