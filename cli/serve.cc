// vrapl serve: all VMs, found and followed; every flush each guest is told its own energy.
#include <unistd.h>

#include <cstdio>
#include <deque>
#include <filesystem>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/arguments.h"
#include "cli/flush_csv.h"
#include "cli/flush_json.h"
#include "cli/flush_text.h"
#include "cli/policy_words.h"
#include "cli/prometheus_textfile.h"
#include "cli/stop_signal.h"
#include "cli/verb_app.h"
#include "cli/verbs.h"

namespace vrapl {
namespace {

constexpr char kServeFooter[] =
    R"(A guest reads its line with `cat /dev/ttyS1` or from its virtio port; docs/guest-line.md tells what is in it.

Examples:
  vrapl serve --serial-port=1                    every VM: its channel org.vrapl.power.0, and ttyS1
  vrapl serve --format=jsonl --duration=60s      a minute, one JSON object per flush
  vrapl serve --emulate --model=base-share,share without RAPL: emulated, two models side by side)";

constexpr char kOneFooter[] =
    R"(VM_NAME is a running VM, by name or UUID. SERIAL_PATH is the host's end of one of its serial ports: a unix socket
or a pty, as `virsh dumpxml VM_NAME` shows it. `vrapl serve` finds both by itself.

Example:
  vrapl --backend=msr web /dev/pts/4)";

struct ServeArguments {
  CommonArguments common;
  std::string flush;
  std::vector<std::string> serial_ports;
  bool force_port = false;
  std::vector<std::string> policy;
  std::string policy_directory = kPolicyDirectory;
  std::string textfile_directory;
  std::string state_file;
  bool by_hand = false;  // vrapl VM_NAME SERIAL_PATH
  std::string vm_name;
  std::string serial_path;
};

void AddServeOptions(CLI::App& app, ServeArguments& arguments) {
  AddSourceOptions(app, arguments.common);
  AddRunOptions(app, arguments.common);
  app.add_option("--flush", arguments.flush, "how often guests are told (2s, or 10 periods)")->type_name("TIME");
  AddPolicyOption(app, arguments.policy);
  app.add_option("--policy-dir", arguments.policy_directory,
                 "DIR/UUID.conf or DIR/NAME.conf says it for one VM (/etc/vrapl/guests)")
      ->type_name("DIR");
  app.add_option("--state", arguments.state_file,
                 "keep here where the counters stood: a restart says what was used meanwhile")
      ->type_name("FILE");
  app.add_option("--textfile", arguments.textfile_directory,
                 "keep DIR/vrapl.prom for node_exporter --collector.textfile.directory=DIR")
      ->type_name("DIR");
}

std::string DescriptionText(const RunDescription& description) {
  std::string text;
  if (description.source == "emulated") text += "EMULATED HARDWARE: the energy below is not measured\n";
  absl::StrAppend(&text, description.cpu, ", read by ", description.backend,
                  description.power_based ? ": power, integrated over time, no energy counter" : "", "\n");
  if (!description.cpu_table.empty()) absl::StrAppend(&text, "  cpu_table=", description.cpu_table, "\n");
  for (const std::string& package : description.packages) absl::StrAppend(&text, "  ", package, "\n");
  absl::StrAppend(&text, "  run time by ", RunTimeMethodName(description.run_time), ": ",
                  RunTimeError(description.run_time), "\n");
  absl::StrAppend(&text, "  VMs by ", description.vms, "\n");
  if (!description.guests.empty()) absl::StrAppend(&text, "  guests are told by ", description.guests, "\n");
  return text;
}

// Where flushes go: data formats keep stdout for data; a terminal is redrawn, and what must not be missed stays on it.
class Output {
 public:
  Output(Format format, bool terminal, const std::string& textfile_directory) : format_(format), terminal_(terminal) {
    if (!textfile_directory.empty()) textfile_.emplace(textfile_directory);
  }

  void Start(const RunDescription& description) {
    description_ = DescriptionText(description);
    std::fputs(description_.c_str(), format_ == Format::kText ? stdout : stderr);
    if (format_ == Format::kCsv) std::fputs(FlushCsvHeader().c_str(), stdout);
    std::fflush(stdout);
  }

  void Flush(const FlushReport& report) {
    WriteTextfile(report);
    switch (format_) {
      case Format::kText:
        if (terminal_) Redraw(report.problems);
        std::fputs(FlushToText(report, {}).c_str(), stdout);
        break;
      case Format::kCsv:
        std::fputs(FlushToCsv(report).c_str(), stdout);
        break;
      case Format::kJsonl:
        std::fputs((FlushToJson(report) + "\n").c_str(), stdout);
        break;
    }
    std::fflush(stdout);
    if (format_ == Format::kText) return;
    for (const std::string& problem : report.problems) vrapl::Notice(problem);
  }

  void Notice(const std::string& notice) {
    vrapl::Notice(notice);
    notices_.push_back(notice);
  }

 private:
  static constexpr size_t kNoticesKept = 6;

  // A disk that takes nothing does not end the run; who watches is told, once until it takes something again.
  void WriteTextfile(const FlushReport& report) {
    if (!textfile_) return;
    const absl::Status written = textfile_->Add(report);
    if (!written.ok() && textfile_ok_) Notice(absl::StrCat("--textfile: ", written.message()));
    textfile_ok_ = written.ok();
  }

  void Redraw(const std::vector<std::string>& problems) {
    std::fputs(("\033[H\033[2J" + description_).c_str(), stdout);
    for (const std::string& notice : notices_) std::fputs(("  note: " + notice + "\n").c_str(), stdout);
    std::fputs("\n", stdout);
    // The block itself shows new ones; from the next flush on they stand here.
    notices_.insert(notices_.end(), problems.begin(), problems.end());
    while (notices_.size() > kNoticesKept) notices_.pop_front();
  }

  const Format format_;
  const bool terminal_;
  std::string description_;
  std::deque<std::string> notices_;
  std::optional<PrometheusTextfile> textfile_;
  bool textfile_ok_ = true;
};

// Who asked for flushes below 2 s wants guests to be told so often.
absl::StatusOr<GuestPolicy> PolicyForAll(const std::vector<std::string>& words, int64_t flush_ns) {
  const GuestPolicy from{.period_ns = std::min(kLeastGuestPeriodNs, flush_ns)};
  absl::StatusOr<GuestPolicy> policy = ParsePolicyWords(words, flush_ns < kLeastGuestPeriodNs, from);
  if (policy.ok()) policy->period_ns = std::max(policy->period_ns, flush_ns);
  return policy;
}

int Serve(const ServeArguments& arguments) {
  absl::StatusOr<DaemonOptions> options = ToDaemonOptions(arguments.common);
  if (!options.ok()) return Fail(options.status());
  if (options->align_to_edges) {
    return Fail(kExitUsage,
                "--align=edge: polls for an eighth of the time, which is the guests' here; it is for vrapl sample and "
                "vrapl run");
  }
  absl::StatusOr<Format> format = ParseFormat(arguments.common.format);
  if (!format.ok()) return Fail(format.status());
  absl::StatusOr<int64_t> flush =
      arguments.flush.empty()
          ? std::max(2 * kNanosPerSecond, 10 * options->period_ns)
          : ParseDurationNs("--flush", arguments.flush, 10 * options->period_ns, 60 * kNanosPerSecond);
  if (!flush.ok()) return Fail(flush.status());
  options->flush_ns = *flush;
  if (*flush < 2 * kNanosPerSecond) {
    Notice("--flush is below 2s: guests that learn their power so often learn something of their neighbours' work too");
  }
  absl::StatusOr<GuestPolicy> policy = PolicyForAll(arguments.policy, *flush);
  if (!policy.ok()) return Fail(policy.status());
  if (const std::string& directory = arguments.policy_directory;
      directory != kPolicyDirectory && !std::filesystem::is_directory(directory)) {
    return Fail(kExitFailed,
                absl::StrCat("--policy-dir=", directory,
                             ": there is no such directory; without it VMs would be told more than meant"));
  }
  options->delivery.policies = {
      .otherwise = *policy, .directory = arguments.policy_directory, .may_be_shorter = *flush < kLeastGuestPeriodNs};
  for (const std::string& port : arguments.serial_ports) {
    int number = -1;
    if (!CLI::detail::lexical_cast(port, number) || number < 0 || number > 255) {
      return Fail(kExitUsage,
                  absl::StrCat("--serial-port=", port, ": the number N of the guest's /dev/ttySN is wanted"));
    }
    if (number == 0 && !arguments.force_port) {
      return Fail(kExitUsage,
                  "--serial-port=0: ttyS0 mostly has a login prompt, and lines would be typed into it; "
                  "--force-port if it has none");
    }
    options->delivery.ports.isa_ports.push_back(number);
  }
  options->delivery.ports.force = arguments.force_port;
  if (arguments.by_hand) {
    if (arguments.vm_name.empty()) return Fail(kExitUsage, "VM_NAME is empty; it is a running VM's name or UUID");
    if (::access(arguments.serial_path.c_str(), F_OK) != 0) {
      return Fail(kExitFailed, absl::StrCat(arguments.serial_path, ": no such serial port; `virsh dumpxml ",
                                            arguments.vm_name, "` shows the path of each"));
    }
    options->delivery.by_hand = {.vm = arguments.vm_name, .path = arguments.serial_path};
  }
  if (const std::string& directory = arguments.textfile_directory;
      !directory.empty() &&
      (!std::filesystem::is_directory(directory) || ::access(directory.c_str(), W_OK | X_OK) != 0)) {
    return Fail(kExitFailed, absl::StrCat("--textfile=", directory,
                                          ": no directory that can be written to; it "
                                          "is the directory of node_exporter's --collector.textfile.directory"));
  }
  options->state_file = arguments.state_file;
  options->trace_vms = *format == Format::kText;

  const std::atomic<bool>& stop = StopOnSignals();
  absl::StatusOr<Host> host = OpenHost(arguments.common);
  if (!host.ok()) return Fail(host.status());
  options->host_root = host->root;
  options->emulators = host->emulators;

  Output output(*format, *format == Format::kText && ::isatty(STDOUT_FILENO) == 1, arguments.textfile_directory);
  const DaemonEvents events{.on_start = [&](const RunDescription& description) { output.Start(description); },
                            .on_report = [&](const FlushReport& report) { output.Flush(report); },
                            .on_notice = [&](const std::string& notice) { output.Notice(notice); }};
  if (absl::Status status = RunDaemon(*options, events, stop); !status.ok()) return Fail(status);
  return std::ferror(stdout) == 0 ? kExitDone : Fail(kExitFailed, "writing the output failed");
}

}  // namespace

int ServeVerb(int argc, char** argv) {
  ServeArguments arguments;
  VerbApp verb("vrapl serve", "Charges the host's energy to its VMs and tells every guest its own, until stopped.",
               kServeFooter);
  AddServeOptions(verb.app(), arguments);
  verb.app()
      .add_option("--serial-port", arguments.serial_ports,
                  "also write to the ISA serial port N of each VM, /dev/ttySN in the guest; may be repeated")
      ->type_name("N")
      ->allow_extra_args(false);
  verb.app().add_flag("--force-port,--allow-port-0", arguments.force_port,
                      "let --serial-port be 0, or the console of the guest's kernel");
  if (const std::optional<int> code = verb.Parse(argc, argv)) return *code;
  return Serve(arguments);
}

int DeliverToOneVerb(int argc, char** argv) {
  ServeArguments arguments;
  VerbApp verb("vrapl", "Tells one VM its energy over one serial port, until stopped.", kOneFooter);
  AddServeOptions(verb.app(), arguments);
  verb.app().add_option("VM_NAME", arguments.vm_name, "the VM")->required();
  verb.app().add_option("SERIAL_PATH", arguments.serial_path, "its serial port on the host")->required();
  if (const std::optional<int> code = verb.Parse(argc, argv)) return *code;
  arguments.by_hand = true;
  return Serve(arguments);
}

}  // namespace vrapl
