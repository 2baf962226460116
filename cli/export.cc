// vrapl export: what a recording holds, in a format that other programs read.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/arguments.h"
#include "cli/opened_recording.h"
#include "cli/recording_output.h"
#include "cli/replay_arguments.h"
#include "cli/stop_signal.h"
#include "cli/verb_app.h"
#include "cli/verbs.h"
#include "export/export_sink.h"
#include "export/run_meta.h"
#include "sampler/replay.h"

namespace vrapl {
namespace {

constexpr char kFooter[] =
    R"(The format follows --format, else the name of the file that -o gives, else it is csv. docs/export.md has the columns, and readers
for pandas, R, NumPy and SQL.

Examples:
  vrapl export run.vrapl >run.csv                           a row for each part of each VM and flush
  vrapl export run.vrapl --by=vm --window=10ms -o vm.csv    VMs, every 10 ms; what describes the run in vm.csv.meta.json
  vrapl export run.vrapl --by=domain --phases               energy of each run of a command, and from mark to mark
  vrapl export run.vrapl --by=thread --from=10s --to=12s -o threads.sqlite
  vrapl export run.vrapl --vm=web --format=jsonl            one VM, an object per line
  vrapl export run.vrapl --window=1ms -o run.pftrace        to open in https://ui.perfetto.dev)";

struct ExportArguments {
  ReplayArguments replay;
  std::string output;
  std::string format;
  bool force = false;
};

void AddOptions(CLI::App& app, ExportArguments& arguments) {
  AddReplayOptions(app, arguments.replay);
  app.get_option("--window")->description("how much time a row stands for (the run's flush; perfetto: 10ms)");
  app.add_option("-o", arguments.output, "where to (standard output, for csv and jsonl)")->type_name("FILE");
  app.add_option("--format", arguments.format, "csv, jsonl, npy, sqlite or perfetto")->type_name("NAME");
  app.add_flag("--force", arguments.force, "replace a file that exists");
  app.add_option("--by", arguments.replay.by, "what a row stands for: part, thread, vm, package or domain (part)")
      ->type_name("NAME");
  app.add_option("--vm", arguments.replay.vms, "this VM only, by name or UUID; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
}

enum class ExportFormat { kCsv, kJsonl, kNpy, kSqlite, kPerfetto };

struct FormatWord {
  const char* word;  // of --format, or the end of a name
  ExportFormat format;
};
constexpr FormatWord kFormats[] = {{"csv", ExportFormat::kCsv},           {"jsonl", ExportFormat::kJsonl},
                                   {"npy", ExportFormat::kNpy},           {"sqlite", ExportFormat::kSqlite},
                                   {"perfetto", ExportFormat::kPerfetto}, {"npz", ExportFormat::kNpy}};
constexpr FormatWord kEndings[] = {{".csv", ExportFormat::kCsv},          {".jsonl", ExportFormat::kJsonl},
                                   {".npz", ExportFormat::kNpy},          {".sqlite", ExportFormat::kSqlite},
                                   {".sqlite3", ExportFormat::kSqlite},   {".db", ExportFormat::kSqlite},
                                   {".pftrace", ExportFormat::kPerfetto}, {".perfetto-trace", ExportFormat::kPerfetto}};

absl::StatusOr<ExportFormat> FormatOf(const ExportArguments& arguments) {
  if (!arguments.format.empty()) {
    for (const FormatWord& format : kFormats) {
      if (arguments.format == format.word) return format.format;
    }
    return UnknownWord("--format", arguments.format, {"csv", "jsonl", "npy", "sqlite", "perfetto"});
  }
  if (arguments.output.empty() || arguments.output == "-") return ExportFormat::kCsv;
  for (const FormatWord& ending : kEndings) {
    if (absl::EndsWith(arguments.output, ending.word)) return ending.format;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("-o ", arguments.output, ": the name does not tell the format; add --format=csv, or another"));
}

struct ExportPlan {
  ExportFormat format = ExportFormat::kCsv;
  ExportQuery query;
  ReplayOptions replay;
};

absl::StatusOr<ExportPlan> PlanOf(const ExportArguments& arguments) {
  ExportPlan plan;
  absl::StatusOr<ExportFormat> format = FormatOf(arguments);
  if (!format.ok()) return format.status();
  plan.format = *format;
  const bool is_text = *format == ExportFormat::kCsv || *format == ExportFormat::kJsonl;
  if (!is_text && (arguments.output.empty() || arguments.output == "-")) {
    return absl::InvalidArgumentError("this format needs a file: give one with -o FILE");
  }
  const std::string& by_name = arguments.replay.by;
  if (!by_name.empty()) {
    const std::optional<By> by = ByOfName(by_name);
    if (!by) return UnknownWord("--by", by_name, ByNames());
    if (*format == ExportFormat::kPerfetto) {
      return absl::InvalidArgumentError("--by: a trace always has VMs, their parts and the counters; leave it out");
    }
    plan.query.by = *by;
  }
  plan.query.vms = arguments.replay.vms;
  if (!plan.query.vms.empty() && (plan.query.by == By::kPackage || plan.query.by == By::kDomain)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--by=", by_name, " is the whole host; with --vm say --by=vm or --by=part"));
  }
  absl::StatusOr<ReplayOptions> replay = ToReplayOptions(arguments.replay);
  if (!replay.ok()) return replay.status();
  plan.replay = *std::move(replay);
  plan.replay.by_thread = plan.query.by == By::kThread;
  if (plan.replay.idle != IdlePolicy::kOwn && plan.query.by != By::kVm) {
    return absl::InvalidArgumentError("--idle divides the idle row among VMs: it needs --by=vm");
  }
  plan.query.phases = plan.replay.window_per_phase;
  if (*format == ExportFormat::kPerfetto && plan.replay.window_ns == 0 && !plan.query.phases) {
    plan.replay.window_ns = 10 * kNanosPerMilli;
  }
  plan.query.window_ns = plan.replay.window_ns;
  plan.query.charged = plan.replay;
  return plan;
}

std::unique_ptr<ExportSink> MakeSink(const ExportPlan& plan, OutputFile& file) {
  switch (plan.format) {
    case ExportFormat::kCsv:
      return MakeRowSink(plan.query, MakeCsvWriter(file));
    case ExportFormat::kJsonl:
      return MakeRowSink(plan.query, MakeJsonlWriter(file));
    case ExportFormat::kNpy:
      return MakeRowSink(plan.query, MakeNpzWriter(file));
    case ExportFormat::kSqlite:
      return MakeRowSink(plan.query, MakeSqliteWriter(file));
    case ExportFormat::kPerfetto:
      return MakePerfettoSink(plan.query, file);
  }
  std::abort();
}

class Progress {
 public:
  ~Progress() {
    if (percent_ >= 0) std::fputs("\r\033[K", stderr);
  }
  void operator()(double done) {
    const int percent = static_cast<int>(done * 100);
    if (!shown_ || percent == percent_) return;
    percent_ = percent;
    absl::FPrintF(stderr, "\rvrapl: %3d %%", percent);
    std::fflush(stderr);
  }

 private:
  const bool shown_ = ::isatty(STDERR_FILENO) == 1;
  int percent_ = -1;
};

class Export {
 public:
  explicit Export(const ExportArguments& arguments) : arguments_(arguments) {}

  absl::Status Run(const RecordedRun& run, const ExportPlan& plan, const std::atomic<bool>& stop) {
    const std::string output = arguments_.output.empty() ? "-" : arguments_.output;
    if (absl::Status status = RefuseSameFile(arguments_.replay.file, output); !status.ok()) return status;
    if (absl::Status status = Open(file_, output); !status.ok()) return status;
    const bool is_text = plan.format == ExportFormat::kCsv || plan.format == ExportFormat::kJsonl;
    if (is_text && output != "-") {
      if (absl::Status status = Open(meta_, absl::StrCat(output, ".meta.json")); !status.ok()) return status;
    }
    if (meta_) {
      if (absl::Status status = meta_->Write(RunMetaJson(run, plan.query) + "\n"); !status.ok()) return status;
    }
    sink_ = MakeSink(plan, *file_);
    if (absl::Status status = sink_->Begin(run); !status.ok()) return status;
    Progress progress;
    bool any = false;
    BaseNotices bases;
    const absl::Status replayed = Replay(
        arguments_.replay.file, plan.replay,
        [&](const FlushReport& report) {
          // A replay goes to its end; nobody should wait for it when nothing can come of it any more.
          if (stop) GiveUp(kExitInterrupted);
          any = true;
          bases.Add(report);
          if (absl::Status status = sink_->Add(report); !status.ok()) {
            GiveUp(absl::IsCancelled(status) ? kExitDone : Fail(status));
          }
        },
        [&](double done) { progress(done); });
    if (!replayed.ok()) return replayed;
    if (!any) return NoWindowThere(run);
    bases.Finish();
    if (absl::Status status = sink_->Finish(); !status.ok()) return status;
    if (meta_) {
      if (absl::Status status = meta_->Commit(); !status.ok()) return status;
    }
    absl::Status status = file_->Commit();
    if (!status.ok() && meta_) ::unlink(meta_->path().c_str());
    return status;
  }

 private:
  absl::Status Open(std::optional<OutputFile>& file, const std::string& path) const {
    absl::StatusOr<OutputFile> created = OutputFile::Create(path, arguments_.force);
    if (!created.ok()) return created.status();
    file.emplace(*std::move(created));
    return absl::OkStatus();
  }

  [[noreturn]] void GiveUp(int code) {
    sink_.reset();
    file_.reset();
    meta_.reset();
    std::exit(code);
  }

  const ExportArguments& arguments_;
  std::optional<OutputFile> file_;
  std::optional<OutputFile> meta_;
  std::unique_ptr<ExportSink> sink_;
};

}  // namespace

int ExportVerb(int argc, char** argv) {
  ExportArguments arguments;
  VerbApp verb("vrapl export", "Writes what a recording holds in a format that other programs read.", kFooter);
  AddOptions(verb.app(), arguments);
  if (const std::optional<int> code = verb.Parse(argc, argv)) return *code;
  absl::StatusOr<ExportPlan> plan = PlanOf(arguments);
  if (!plan.ok()) return Fail(plan.status());
  const absl::StatusOr<RecordedRun> run = OpenRecording(arguments.replay, arguments.replay.vms);
  if (!run.ok()) return Fail(run.status());
  const absl::Status status = Export(arguments).Run(*run, *plan, StopOnSignals());
  // A reader that has seen enough (`| head`) is no failure.
  if (absl::IsCancelled(status)) return kExitDone;
  return status.ok() ? ExitCodeOf(*run) : Fail(status);
}

}  // namespace vrapl
