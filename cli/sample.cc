// vrapl sample: streams the power of domains and VMs as text.
#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/posix.h"
#include "cli/arguments.h"
#include "cli/flush_csv.h"
#include "cli/flush_json.h"
#include "cli/power_table.h"
#include "cli/recording_output.h"
#include "cli/sampler_text.h"
#include "cli/stop_signal.h"
#include "cli/verb_app.h"
#include "cli/verbs.h"
#include "sampler/own_cost.h"

namespace vrapl {
namespace {

constexpr char kFooter[] =
    R"(Samples are taken every --period; a line is printed for each --window. Nothing is sent to guests.

Examples:
  vrapl sample                                 power of domains and VMs, once a second
  vrapl sample --window=10ms --duration=5s     500 lines of 10 ms
  vrapl sample --format=csv >power.csv         tidy columns; units are in their names
  vrapl sample -o run.vrapl --duration=60s     record every sample; see vrapl replay --help)";

void PrintSummary(const FlushReport& report, double seconds) {
  for (const SamplerReport& sampler : report.samplers) {
    absl::FPrintF(stderr, "vrapl: package %d: %s\n", sampler.package_id,
                  absl::StrJoin(SamplerLines(sampler, seconds), "; "));
  }
  if (report.own_cost) absl::FPrintF(stderr, "vrapl: %s\n", OwnCostText(*report.own_cost));
}

}  // namespace

int SampleVerb(int argc, char** argv) {
  CommonArguments arguments;
  std::string window = "1s";
  VerbApp verb("vrapl sample", "Prints the power of RAPL domains and VMs until stopped.", kFooter);
  AddSourceOptions(verb.app(), arguments);
  AddRunOptions(verb.app(), arguments);
  verb.app().add_option("--window", window, "what one line stands for (1s)")->type_name("TIME");
  RecordingArguments recording;
  AddRecordingOptions(verb.app(), recording);
  if (const std::optional<int> code = verb.Parse(argc, argv)) return *code;

  absl::StatusOr<DaemonOptions> options = ToDaemonOptions(arguments);
  if (!options.ok()) return Fail(options.status());
  absl::StatusOr<Format> format = ParseFormat(arguments.format);
  if (!format.ok()) return Fail(format.status());
  if (!recording.path.empty() && verb.app().count("--format") > 0) {
    return Fail(kExitUsage,
                "--format is of what is printed, and with -o nothing is; leave it out, and `vrapl export` makes csv, "
                "jsonl and others of the recording");
  }
  absl::StatusOr<int64_t> flush = ParseDurationNs("--window", window, options->period_ns, 60 * kNanosPerSecond);
  if (!flush.ok()) return Fail(flush.status());
  options->flush_ns = *flush;
  options->delivery.deliver = false;
  options->vms_optional = arguments.vms.empty() && arguments.only_vms.empty();

  const std::atomic<bool>& stop = StopOnSignals();
  absl::StatusOr<Host> host = OpenHost(arguments);
  if (!host.ok()) return Fail(host.status());
  options->host_root = host->root;
  options->emulators = host->emulators;
  absl::StatusOr<std::optional<DaemonOptions::Recording>> to_record = ToRecording(recording, "sample", argc, argv);
  if (!to_record.ok()) return Fail(to_record.status());
  options->recording = *std::move(to_record);
  std::optional<RecordingProgress> progress;
  if (options->recording) progress.emplace(options->recording->path);

  PowerTable table(arguments.only_vms);
  FlushReport latest;
  int output_error = 0;
  const DaemonEvents events{
      .on_start =
          [&](const RunDescription& description) {
            if (description.source == "emulated") Notice("EMULATED HARDWARE: the energy is not measured");
            if (!description.cpu_table.empty()) Notice(absl::StrCat("cpu_table=", description.cpu_table));
            if (*format == Format::kCsv && !progress) std::fputs(FlushCsvHeader().c_str(), stdout);
          },
      .on_report =
          [&](const FlushReport& report) {
            for (const std::string& problem : report.problems) Notice(problem);
            latest = report;
            for (const Mark& mark : report.marks) {
              if (*format == Format::kJsonl && !progress) break;
              Notice(absl::StrFormat("mark at %.3f s: %s", static_cast<double>(mark.t_ns) * 1e-9, mark.label));
            }
            if (progress) return progress->Tell(report);
            std::string text;
            switch (*format) {
              case Format::kText:
                text = table.Format(report);
                break;
              case Format::kCsv:
                text = FlushToCsv(report);
                break;
              case Format::kJsonl:
                text = FlushToJson(report) + "\n";
                break;
            }
            std::fputs(text.c_str(), stdout);
            // Nobody is told but who reads this: without a reader there is nothing to go on for.
            if (std::fflush(stdout) != 0 && output_error == 0) {
              output_error = errno;
              RequestStop();
            }
          },
      .on_notice = [](const std::string& notice) { Notice(notice); }};
  const absl::Status status = RunDaemon(*options, events, stop);
  if (progress && latest.seq > 0) progress->Finish(latest);
  if (!status.ok()) return Fail(status);
  PrintSummary(latest, static_cast<double>(latest.t_ns) * 1e-9);
  // A reader that has seen enough (`| head`) is no failure.
  if (output_error == 0 || output_error == EPIPE) return kExitDone;
  return Fail(PosixError(output_error, "write the output"));
}

}  // namespace vrapl
