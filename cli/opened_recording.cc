#include "cli/opened_recording.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/closest_word.h"
#include "cli/arguments.h"

namespace vrapl {
namespace {

std::string Seconds(int64_t ns) { return absl::StrFormat("%.3f s", static_cast<double>(ns) * 1e-9); }

bool IsWhole(const RecordedRun& run) { return run.ended && run.damage.empty(); }

absl::Status FindVms(const RecordedRun& run, const std::vector<std::string>& vms) {
  std::set<std::string> names;
  std::set<std::string> uuids;
  for (const RecordedRun::Vm& vm : run.vms) {
    names.insert(vm.name.empty() ? vm.uuid : vm.name);
    uuids.insert(vm.uuid);
  }
  for (const std::string& vm : vms) {
    if (names.count(vm) > 0 || uuids.count(vm) > 0) continue;
    const std::optional<std::string> meant = ClosestWord(vm, {names.begin(), names.end()});
    return absl::NotFoundError(
        absl::StrCat("--vm=", vm, ": no VM in ", run.path, " has that name or UUID; ",
                     meant ? absl::StrCat("did you mean ", *meant, "? ") : "",
                     names.empty() ? "there is none in it" : absl::StrCat("there are ", absl::StrJoin(names, ", "))));
  }
  return absl::OkStatus();
}

void TellWhatIsMissing(const RecordedRun& run) {
  if (IsWhole(run)) return;
  for (const std::string& damage : run.damage) Notice(absl::StrCat(run.path, ": ", damage));
  const std::string read = absl::StrCat(run.path, ": read up to ", Seconds(run.duration_ns), " of the run");
  if (run.ended) {
    Notice(absl::StrCat(read,
                        ", its end; whose the energy of the damaged places was is not known, the row unreported "
                        "has it. Copy the recording anew if there is a whole one"));
  } else {
    Notice(absl::StrCat(read,
                        "; its end is not in the file: the program that wrote it was killed or still records, or "
                        "the file was cut. What was read is used; for more copy it anew, or read it again later"));
  }
}

}  // namespace

absl::StatusOr<RecordedRun> OpenRecording(const ReplayArguments& arguments, const std::vector<std::string>& vms) {
  absl::StatusOr<RecordedRun> run = ReadRecordedRun(arguments.file);
  if (!run.ok()) {
    // Wrong usage is what was typed, not what is in a file.
    return absl::IsInvalidArgument(run.status()) ? absl::FailedPreconditionError(run.status().message()) : run.status();
  }
  if (run->duration_ns == 0) {
    return absl::DataLossError(
        absl::StrCat(run->path, ": read up to 0.000 s of the run: it holds no sample",
                     run->damage.empty() ? "" : absl::StrCat(" (", absl::StrJoin(run->damage, "; "), ")"),
                     ". A recording has its first samples after a second; if it was cut or damaged, copy it anew"));
  }
  absl::StatusOr<ReplayOptions> options = ToReplayOptions(arguments);
  if (!options.ok()) return options.status();
  if (options->from_ns >= run->duration_ns) {
    return absl::InvalidArgumentError(absl::StrCat("--from=", arguments.from, ": ", run->path, " holds ",
                                                   Seconds(run->duration_ns),
                                                   IsWhole(*run) ? "" : ", and the end of the run is not in it"));
  }
  if (options->window_ns > 0 && options->window_ns < run->period_ns) {
    const std::string period = absl::FormatDuration(absl::Nanoseconds(run->period_ns));
    return absl::InvalidArgumentError(absl::StrCat("--window=", arguments.window, ": ", run->path,
                                                   " has a sample every ", period,
                                                   ", and nothing shorter in it; the shortest is --window=", period));
  }
  std::vector<const PackageInfo*> packages;
  for (const PackageInfo& package : run->packages) packages.push_back(&package);
  if (absl::Status given = CheckGivenBase(options->base_power_w, packages); !given.ok()) return given;
  if (absl::Status status = FindVms(*run, vms); !status.ok()) return status;
  TellWhatIsMissing(*run);
  const auto asked = std::find(options->models.begin(), options->models.end(), Model::kCore);
  if (asked != options->models.end() && !run->by_core) {
    Notice(
        "no energy of single cores is in this recording, or not who ran on them: base-share stands in for core; "
        "`vrapl sample --per-core -o FILE` records both, on CPUs that have such counters (AMD)");
  }
  if (run->source == "emulated") Notice("EMULATED HARDWARE: the energy was not measured");
  return run;
}

void BaseNotices::Add(const FlushReport& report) {
  for (const std::string& line : given_.Look(report.models.front())) Notice(line);
  learned_.Add(report);
}

void BaseNotices::Finish() const {
  for (const std::string& line : learned_.Lines()) Notice(line);
}

absl::Status NoWindowThere(const RecordedRun& run) {
  return absl::InvalidArgumentError(absl::StrCat("the middle of no window lies between --from and --to; ", run.path,
                                                 " holds ", Seconds(run.duration_ns),
                                                 ". Ask for a longer part, or shorter windows with --window"));
}

int ExitCodeOf(const RecordedRun& run) { return IsWhole(run) ? kExitDone : kExitNotWhole; }

}  // namespace vrapl
