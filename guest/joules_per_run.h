// What one run of a command used, of two lines and the guest's own clocks. Pure. Threads: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guest_line/guest_line.h"

namespace vrapl {

// All runs lie between two lines: after the end of the first one's interval, before the end of the last one's.
struct MeasuredRuns {
  GuestLine before;                  // the first line
  std::vector<GuestLine> intervals;  // those that followed, the last one included
  int runs = 0;
  int64_t command_ns = 0;    // CPU time of the command, all runs
  int64_t guest_ns = 0;      // CPU time of the guest between the two lines
  int64_t guest_err_ns = 0;  // how far that may be off (95 %)
};

struct JoulesPerRun {
  std::string why_not;        // "": there is an answer
  double joules = 0;          // per run
  double half_width = 0;      // of the 95 % interval
  bool whole_energy = false;  // the active energy was not known: the VM's part of the idle floor is in it
  double share = 0;           // of the guest's CPU time
  double vm_joules = 0;       // that were divided
  double window_s = 0;
  uint32_t state = kLineOk;  // what to mind about any of the intervals
  bool emulated = false;
  bool error_unknown = false;  // the host did not tell its own error, which the interval lacks then
};

// The energy between the lines, times the command's part of the guest's CPU time, per run. Its interval is made of
//   err_uj      of the first and the last interval, as root of the sum of squares: errors of neighbours cancel;
//   quantum_uj  the step in which energy is told, twice rounded down;
//   guest_err_ns.
// Not of the assumption that CPU time costs the same whoever uses it.
//
// There is no answer when the epoch changed, when energy is not known, or when the interval is wider than half of the
// figure: then the runs were too short.
JoulesPerRun ComputeJoulesPerRun(const MeasuredRuns& measured);

}  // namespace vrapl
