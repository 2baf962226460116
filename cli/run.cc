// vrapl run: energy and run time of a command and of all that it starts, and of VMs meanwhile; once or many times.
#include <cstdio>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/arguments.h"
#include "cli/command_words.h"
#include "cli/heard_signals.h"
#include "cli/run_export.h"
#include "cli/run_recording.h"
#include "cli/run_session.h"
#include "cli/run_text.h"
#include "cli/verb_app.h"
#include "cli/verbs.h"
#include "sampler/own_cost.h"

namespace vrapl {
namespace {

constexpr char kFooter[] =
    R"(The command and every process that it starts are one row, "command", until the command ends. What vrapl says goes to
stderr, the values with -o to a file too; stdin and stdout are the command's own.

Examples:
  vrapl run -- make -j8                           energy and CPU time of a build, by package and domain
  vrapl run --vm=web --vm=db -- ssh web ./bench   of two VMs meanwhile, and of ssh itself
  vrapl run -r 10 --warmup=1 -o runs.csv -- ./bench
  vrapl run -r 20 --command='gzip -k -f big' --command='zstd -k -f big' --prepare='rm -f big.*'
  vrapl run --mark-regex='^PHASE (.*)' -- ./bench   energy of each phase that it prints

Exit code: the command's, 128+N when signal N killed it, 125 when vrapl failed, 126 when the command cannot be executed,
127 when it is not found; of several runs that of the first that failed.)";

struct RunArguments {
  CommonArguments common;
  std::vector<std::string> shell_commands;
  int repeats = 1;
  int warmups = 0;
  std::string prepare;
  std::string pause = "0";
  std::string seed;
  std::string output;
  std::string mark_regex;
  bool force = false;
  bool ignore_failure = false;
};

int FailRun(const absl::Status& status) { return Fail(kExitVraplFailed, status.message()); }

absl::Status Check(const RunArguments& arguments, const CommandWords& words) {
  if (!words.separated && arguments.shell_commands.empty()) {
    return absl::InvalidArgumentError(
        "a command is missing: vrapl run [OPTIONS] -- COMMAND ARGUMENTS... (see vrapl run "
        "--help)");
  }
  if (words.separated && words.command.empty()) return absl::InvalidArgumentError("no command stands after --");
  if (arguments.repeats < 1 || arguments.repeats > 1'000'000) {
    return absl::InvalidArgumentError(absl::StrCat("--repeat=", arguments.repeats, ": must lie between 1 and 1000000"));
  }
  if (arguments.warmups < 0 || arguments.warmups > 1'000'000) {
    return absl::InvalidArgumentError(absl::StrCat("--warmup=", arguments.warmups, ": must lie between 0 and 1000000"));
  }
  if (!arguments.common.duration.empty()) {
    return absl::InvalidArgumentError("--duration: a run ends with its command; `-- timeout 10 COMMAND` ends that");
  }
  if (arguments.common.format != "text") {
    return absl::InvalidArgumentError("--format: the format follows the file's name, -o FILE.csv, .json or .jsonl");
  }
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> Seed(const std::string& text) {
  uint32_t seed = 0;
  if (text.empty()) return std::random_device{}() % 1'000'000;
  if (absl::SimpleAtoi(text, &seed)) return seed;
  return absl::InvalidArgumentError(absl::StrCat("--seed=", text, ": a number from 0 to 4294967295 is wanted"));
}

int Run(const RunArguments& arguments, const CommandWords& words, int argc, char** argv, const Inherited& inherited) {
  if (absl::Status status = Check(arguments, words); !status.ok()) return FailRun(status);
  absl::StatusOr<DaemonOptions> options = ToDaemonOptions(arguments.common);
  if (!options.ok()) return FailRun(options.status());
  absl::StatusOr<int64_t> pause = ParseDurationNs("--pause", arguments.pause, 0, 3600 * kNanosPerSecond);
  if (!pause.ok()) return FailRun(pause.status());
  absl::StatusOr<uint32_t> seed = Seed(arguments.seed);
  if (!seed.ok()) return FailRun(seed.status());
  std::unique_ptr<LinePattern> pattern;
  if (!arguments.mark_regex.empty()) {
    absl::StatusOr<std::unique_ptr<LinePattern>> created = LinePattern::Create(arguments.mark_regex);
    if (!created.ok()) return FailRun(created.status());
    pattern = *std::move(created);
  }
  std::unique_ptr<RunExport> output;
  std::unique_ptr<RunRecording> recording;
  if (absl::EndsWith(arguments.output, ".vrapl")) {
    absl::StatusOr<std::unique_ptr<RunRecording>> created =
        RunRecording::Create({.path = arguments.output, .force = arguments.force}, argc, argv);
    if (!created.ok()) return FailRun(created.status());
    recording = *std::move(created);
    options->recording = recording->recording();
  } else if (!arguments.output.empty()) {
    absl::StatusOr<std::unique_ptr<RunExport>> created = RunExport::Create(arguments.output, arguments.force);
    if (!created.ok()) return FailRun(created.status());
    output = *std::move(created);
  }

  RunsInfo info{.repeats = arguments.repeats, .warmups = arguments.warmups, .seed = *seed};
  std::vector<std::vector<std::string>> commands;
  if (!words.command.empty()) {
    commands.push_back(words.command);
    info.commands.push_back(absl::StrJoin(words.command, " "));
  }
  for (const std::string& text : arguments.shell_commands) {
    commands.push_back({"/bin/sh", "-c", text});
    info.commands.push_back(text);
  }
  info.seed_matters = commands.size() > 1;
  info.models = options->models;
  info.vms = arguments.common.only_vms;

  absl::StatusOr<std::unique_ptr<HeardSignals>> signals = HeardSignals::Hear();
  if (!signals.ok()) return FailRun(signals.status());
  absl::StatusOr<Host> host = OpenHost(arguments.common);
  if (!host.ok()) return FailRun(host.status());
  MarkQueue marks;
  options->host_root = host->root;
  options->emulators = host->emulators;
  options->delivery.deliver = false;
  options->vms_optional = arguments.common.vms.empty() && arguments.common.only_vms.empty();
  options->measure_command = true;
  options->flush_per_phase = true;
  options->marks = &marks;

  std::vector<RunResult> results;
  absl::Status output_status;
  RunSession session({.commands = commands,
                      .names = info.commands,
                      .plan = PlanRuns(static_cast<int>(commands.size()), arguments.repeats, arguments.warmups, *seed),
                      .prepare = arguments.prepare,
                      .pause_ns = *pause,
                      .ignore_failure = arguments.ignore_failure,
                      .marks_in_stdout = pattern.get(),
                      .marks = &marks,
                      .inherited = &inherited,
                      .on_result = [&](const RunResult& result) {
                        results.push_back(result);
                        if (output != nullptr && output_status.ok()) output_status = output->Add(info, result);
                      }});
  std::optional<OwnCost> own_cost;
  const DaemonEvents events{.on_start =
                                [&](const RunDescription& description) {
                                  info.source = description.source;
                                  info.backend = description.backend;
                                  info.cpu = description.cpu;
                                  info.run_time_method = description.run_time;
                                },
                            .on_report =
                                [&](const FlushReport& report) {
                                  for (const std::string& problem : report.problems) Notice(problem);
                                  own_cost = report.own_cost;
                                  session.OnReport(report);
                                },
                            .on_notice = [](const std::string& notice) { Notice(notice); },
                            .on_turn =
                                [&](RunControl& control) {
                                  while (const std::optional<HeardSignals::Signal> signal = (*signals)->Next()) {
                                    session.OnSignal(signal->number, signal->to_us_alone);
                                  }
                                  return session.OnTurn(control);
                                }};
  absl::Status status = RunDaemon(*options, events, session.done());
  if (recording != nullptr) status = recording->Finish(session.runs_begun() > 0, status);
  // What was measured is told, even where a recording of it could not be stored.
  if (!status.ok() && results.empty()) return FailRun(status);

  const bool one = results.size() == 1 && arguments.repeats == 1;
  if (one && !results.front().end.error.empty()) {
    own_cost.reset();  // nothing ran
  } else if (one) {
    std::fputs(RunText(info, results.front()).c_str(), stderr);
  } else if (!results.empty()) {
    std::fputs(RunsText(info, results).c_str(), stderr);
  }
  if (own_cost) std::fputs(absl::StrCat("  ", OwnCostText(*own_cost), "\n").c_str(), stderr);
  for (const RunResult& result : results) {
    if (!result.end.error.empty()) Notice(result.end.error);
  }
  if (output != nullptr && output_status.ok() && !results.empty()) output_status = output->Finish(info, own_cost);
  if (!session.error().empty()) return Fail(kExitVraplFailed, session.error());
  if (const int64_t bytes = session.stdout_given_up_bytes(); bytes > 0) {
    Notice(absl::StrCat(bytes, " bytes of the command's stdout were not passed on: nobody read it when a signal came"));
  }
  if (session.runs_left_out() > 0) {
    Notice(absl::StrCat(session.runs_left_out(), " runs were left out, because ",
                        session.interrupted() ? "a signal came" : "this one failed (--ignore-failure goes on)"));
  }
  if (!status.ok()) return FailRun(status);
  if (!output_status.ok()) return FailRun(output_status);
  if (session.exit_code() == 0 && session.runs_left_out() > 0) return 128 + session.interrupted_by();
  return session.exit_code();
}

}  // namespace

int RunVerb(int argc, char** argv) {
  const Inherited inherited;
  const CommandWords words = SplitCommand(argc, argv);
  RunArguments arguments;
  VerbApp verb("vrapl run", "Energy and run time of a command and of all that it starts.", kFooter);
  verb.ShowCommandInUsage();
  AddSourceOptions(verb.app(), arguments.common);
  AddRunOptions(verb.app(), arguments.common);
  // Known, so that what to do instead can be said; of no use, so not in the help.
  for (const char* refused : {"--duration", "--format"}) verb.app().get_option(refused)->group("");
  verb.app().add_option("--repeat,-r", arguments.repeats, "run it so many times (1)")->type_name("N");
  verb.app()
      .add_option("--warmup", arguments.warmups, "so many runs before, whose results are not told (0)")
      ->type_name("N");
  verb.app()
      .add_option("--prepare", arguments.prepare, "done by /bin/sh before each run, and not measured")
      ->type_name("TEXT");
  verb.app().add_option("--pause", arguments.pause, "between runs (0)")->type_name("TIME");
  verb.app()
      .add_option("--command", arguments.shell_commands,
                  "another command, for /bin/sh; may be repeated: all are run in turn, in an order of chance")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  verb.app().add_option("--seed", arguments.seed, "of that order: the same seed gives the same order")->type_name("N");
  verb.app()
      .add_option("--output,-o", arguments.output,
                  "the values of every run, FILE.csv, FILE.json or FILE.jsonl; or a recording of all of it, FILE.vrapl")
      ->type_name("FILE");
  verb.app().add_flag("--force", arguments.force, "let -o replace a file");
  verb.app().add_flag("--ignore-failure", arguments.ignore_failure, "go on with the next run when one fails");
  verb.app()
      .add_option("--mark-regex", arguments.mark_regex,
                  "each line of the command's stdout that matches begins a phase, named by the first group or the "
                  "match; POSIX, as grep -E")
      ->type_name("REGEX");
  if (const std::optional<int> code = verb.Parse(words.argc, argv))
    return *code == kExitDone ? *code : kExitVraplFailed;
  return Run(arguments, words, argc, argv, inherited);
}

}  // namespace vrapl
