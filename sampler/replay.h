// A recording once more through the books that charged it when it was made: the same samples, in the same order, give
// the same figures to the tick. Other models, other windows and single threads are asked for here.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "attribution/idle_policy.h"
#include "attribution/model.h"
#include "base/energy_source.h"
#include "base/given_power.h"
#include "sampler/command_run.h"
#include "sampler/flush_report.h"

namespace vrapl {

// What is known of a recording before its first window.
struct RecordedRun {
  std::string path;
  std::string header;  // JSON text: everything that identifies the run, docs/recording-format.md
  std::vector<PackageInfo> packages;
  std::string source;  // as in FlushReport: "emulated" where the counters were
  int64_t start_unix_ns = 0;
  int64_t duration_ns = 0;  // to the last sample that is in the file
  int64_t period_ns = 0;
  int64_t flush_ns = 0;
  std::vector<Model> models;
  bool by_core = false;  // samples tell who ran on which core, beside counters of single cores

  struct Mark {
    int64_t t_ns = 0;  // from the start of the run
    std::string label;
  };
  std::vector<Mark> marks;       // ascending
  std::vector<CommandRun> runs;  // of `vrapl run`, ascending
  struct Vm {
    std::string uuid;
    std::string name;
    friend bool operator<(const Vm& a, const Vm& b) { return std::tie(a.name, a.uuid) < std::tie(b.name, b.uuid); }
  };
  std::set<Vm> vms;  // all that were seen, whichever start of them
  // VMs that started and stopped, stalls, conditions of the machine, errors: JSON text each, docs/recording-format.md.
  struct Event {
    int64_t t_ns = 0;
    std::string type;
    std::string json;
  };
  std::vector<Event> events;  // ascending; the marks are among them

  bool ended = false;  // the program that wrote it came to its end; false: it was killed, or the machine went down
  std::vector<std::string> damage;  // what is missing from it, a line each; its time is in the row unreported
};

struct ReplayOptions {
  std::vector<Model> models;  // none: those of the run
  std::map<RaplDomain, GivenPower> base_power_w;
  int64_t window_ns = 0;               // 0: the flushes of the run
  bool window_per_phase = false;       // windows end where phases do instead
  IdlePolicy idle = IdlePolicy::kOwn;  // who pays for the idle row, beside the rows
  bool by_thread = false;              // a row for each thread, RowReport::thread
  // Only windows whose middle lies in here are told (a window ends at a sample, some us after its time). What comes
  // before is charged all the same, so that figures do not depend on where one looks from.
  int64_t from_ns = 0;
  int64_t to_ns = INT64_MAX;
};

// Errors: NOT_FOUND and PERMISSION_DENIED of the file; INVALID_ARGUMENT when it is no recording, UNIMPLEMENTED when a
// later version of the program wrote it, DATA_LOSS when nothing of it can be used. A file with damage is read as far
// as it is whole.
absl::StatusOr<RecordedRun> ReadRecordedRun(const std::string& path);

// All models that say something of their own about this recording, for a look at them side by side.
std::vector<Model> ModelsToCompare(const RecordedRun& run);

// How the figures of a replay compare with those that were told live, where the windows and the model are those of the
// run.
struct ReplayCheck {
  int equal = 0;
  int different = 0;
  int64_t first_different_ns = 0;  // end of the first flush that differs, from the start of the run
};

// One report for each window, in order: as live, but without lines to guests. Progress goes from 0 to 1.
absl::Status Replay(
    const std::string& path, const ReplayOptions& options, absl::FunctionRef<void(const FlushReport&)> on_report,
    absl::FunctionRef<void(double)> on_progress = [](double) {}, ReplayCheck* check = nullptr);

}  // namespace vrapl
