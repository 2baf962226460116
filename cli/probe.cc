// vrapl probe: what this host can measure; for each thing it cannot, why and what to do. The room probe/ does the work.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "cli/arguments.h"
#include "cli/stop_signal.h"
#include "cli/verb_app.h"
#include "cli/verbs.h"
#include "probe/cross_check.h"
#include "probe/cross_check_text.h"
#include "probe/json.h"
#include "probe/look.h"
#include "probe/report.h"
#include "probe/text.h"

namespace vrapl {
namespace {

constexpr char kFooter[] =
    R"(Exit code 0 when energy can be measured, 1 when not; with --cross-check also 1 when the sources differ by more than is
known or explained, or show what cannot be, or run time differs from the kernel's own accounts.

Examples:
  vrapl probe
  vrapl probe --cross-check
  vrapl probe --report=my-host.tar.gz
  vrapl probe --backend=sysfs --json
  vrapl probe --emulate=zen3)";

// What is being looked at, on a terminal's line that is wiped again: some of it takes seconds.
class Progress {
 public:
  ~Progress() { Clear(); }
  void Show(absl::string_view step) {
    if (!on_terminal_) return;
    absl::FPrintF(stderr, "\r\033[Kprobing: %s ...", step);
    std::fflush(stderr);
    shown_ = true;
  }
  void Clear() {
    if (std::exchange(shown_, false)) std::fputs("\r\033[K", stderr);
  }

 private:
  const bool on_terminal_ = ::isatty(STDERR_FILENO) != 0;
  bool shown_ = false;
};

absl::Status WriteReport(const FileTree& files, const std::string& path, bool force) {
  const absl::StatusOr<std::string> packed = MakeTarGz(files);
  if (!packed.ok()) return packed.status();
  return WriteWholeFile(path, *packed, force);
}

// See https://no-color.org.
bool UseColour() {
  const char* no_color = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) != 0 && (no_color == nullptr || *no_color == '\0');
}

}  // namespace

int ProbeVerb(int argc, char** argv) {
  CommonArguments arguments;
  bool as_json = false;
  bool cross_check = false;
  std::string report;
  bool force = false;
  VerbApp verb("vrapl probe", "Looks for energy counters, exact run time and VMs on this host.", kFooter);
  AddSourceOptions(verb.app(), arguments);
  verb.app().add_option("--connect", arguments.connect, "libvirt's URI (qemu:///system)")->type_name("URI");
  verb.app().add_option("--vms", arguments.vms, "how VMs are found: libvirt, proc (libvirt)")->type_name("NAME");
  verb.app().add_flag("--json", as_json, "the same as JSON, see docs/probe-json.md");
  verb.app().add_flag("--cross-check", cross_check,
                      "read all usable sources side by side for 2 s: do they agree, and is it plausible? run time too, "
                      "against the kernel's accounts");
  verb.app().add_flag(
      "--report{default}", report,
      "write what vrapl sees of this hardware to an anonymous archive, for tests/hosts/: --report=FILE");
  verb.app().add_flag("--force", force, "replace the report's file if there is one");
  if (const std::optional<int> code = verb.Parse(argc, argv)) return *code;
  absl::StatusOr<Backend> backend = ParseBackend(arguments.backend);
  if (!backend.ok()) return Fail(backend.status());
  absl::StatusOr<DaemonOptions::Vms> vms_by = ParseVms(arguments.vms);
  if (!vms_by.ok()) return Fail(vms_by.status());
  absl::StatusOr<CpuTable> cpu_table = ParseCpuTable(arguments.cpu_table);
  if (!cpu_table.ok()) return Fail(cpu_table.status());
  const BackendOptions reading{.cpu_table = *cpu_table, .per_core = arguments.per_core};
  const std::atomic<bool>& stop = StopOnSignals();  // an emulator started for this is ended on every way out
  absl::StatusOr<Host> host = OpenHost(arguments);
  if (!host.ok()) return Fail(host.status());
  Progress progress;
  progress.Show("what this process may do");
  const SystemState system = ReadSystem();
  ProbeFindings found =
      Look(host->root, system,
           {.backend = *backend, .reading = reading, .updates = {}, .on_step = [&progress](absl::string_view step) {
              progress.Show(step);
            }});
  if (stop) return kExitInterrupted;
  const auto on_step = [&progress](absl::string_view step) { progress.Show(step); };
  std::optional<CrossCheck> check;
  if (cross_check || !report.empty())
    check = RunCrossCheck(host->root, found, {.reading = reading, .run_time = cross_check, .on_step = on_step});
  if (stop) return kExitInterrupted;
  if (!report.empty()) {
    progress.Show("registers and files, for the report");
    const FileTree files = MakeReport(host->root, found, *check, system);
    progress.Clear();
    const std::string path = report == "default" ? ReportFileName(found) : report;
    if (absl::Status status = WriteReport(files, path, force); !status.ok()) return Fail(status);
    absl::PrintF(
        "%s: %d files, without names or serial numbers; look through them before you pass them on:\n"
        "  tar -xzOf %s | less\n%s\n",
        path, files.size(), path, VerdictLine(found));
    return found.chosen.empty() ? kExitFailed : kExitDone;
  }
  progress.Show("virtual machines");
  LookForVms({.by_proc = *vms_by == DaemonOptions::Vms::kProc, .connect = arguments.connect}, found);
  progress.Clear();
  if (cpu_table->added() > 0 && found.cpu_table.empty()) Notice("--cpu-table has no row for this CPU");
  const TextOptions text{.colour = UseColour()};
  std::fputs((as_json ? ToJson(found, check ? &*check : nullptr)
              : check ? ToText(*check, text)
                      : ToText(found, text))
                 .c_str(),
             stdout);
  if (check && check->Flagged()) return kExitFailed;
  return found.chosen.empty() ? kExitFailed : kExitDone;
}

}  // namespace vrapl
