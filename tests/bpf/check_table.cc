#include "tests/bpf/check_table.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/clock.h"

namespace vrapl {
namespace {

double Milliseconds(int64_t ns) { return 1e-6 * static_cast<double>(ns); }

}  // namespace

absl::StatusOr<WorkloadCheck> CheckWorkload(Workload& workload, double seconds, const RunTimeCheckOptions& options) {
  const auto load = [&] {
    const absl::Status started = workload.Start();
    if (!started.ok()) return started;
    RealClock().SleepUntil(MonotonicNs() + static_cast<int64_t>(seconds * 1e9));
    workload.Stop();
    return started;
  };
  absl::StatusOr<RunTimeCheckReport> report = CheckRunTime(load, options);
  if (!report.ok()) return report.status();
  return WorkloadCheck{.workload = std::string(workload.name()),
                       .refused = std::string(report->load.message()),
                       .report = *std::move(report)};
}

std::string MarkdownHead() {
  return "| workload | threads | slices | slice p50 ns | p99 ns | worst ns | thread p99 % | worst % | worst, cause "
         "unknown "
         "% | stolen ms | late ms | unreported ms | gaps | drops | verdict |\n"
         "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n";
}

std::string MarkdownRow(const WorkloadCheck& check) {
  if (!check.refused.empty()) {
    return absl::StrCat("| ", check.workload, " | | | | | | | | | | | | | | not run: ", check.refused, " |\n");
  }
  const RunTimeCheckReport& report = check.report;
  const std::vector<std::string> bad = OutOfBounds(report);
  const std::string thread_errors =
      report.thread.count == 0 ? "- | - | -"
                               : absl::StrFormat("%.4f | %.4f | %.4f", 100 * report.thread.p99,
                                                 100 * report.thread.worst, 100 * report.thread_unexplained.worst);
  return absl::StrFormat("| %s | %d | %d | %.0f | %.0f | %.0f | %s | %.3f | %.3f | %.3f | %d | %d | %s |\n",
                         check.workload, report.threads, report.slice_ns.count, report.slice_ns.p50,
                         report.slice_ns.p99, report.slice_ns.worst, thread_errors, Milliseconds(report.time.stolen_ns),
                         Milliseconds(report.late_ns), Milliseconds(report.time.unreported_ns), report.gaps,
                         report.lost_records + report.recursion_misses + report.oracle_drops,
                         bad.empty() ? "good" : absl::StrCat("bad: ", absl::StrJoin(bad, "; ")));
}

std::string Details(const WorkloadCheck& check) {
  if (!check.refused.empty()) return absl::StrCat(check.workload, ": not run: ", check.refused, "\n");
  const RunTimeCheckReport& report = check.report;
  const auto spread = [](const ErrorSpread& errors, double scale) {
    return absl::StrFormat("%d compared, p50 %.6g, p99 %.6g, worst %.6g", errors.count, scale * errors.p50,
                           scale * errors.p99, scale * errors.worst);
  };
  return absl::StrCat(
      check.workload, ", ", RunTimeMethodName(report.method), ", ", absl::StrFormat("%.3f s", report.seconds), ", ",
      report.cpus, " CPUs\n", "  slices, ns: ", spread(report.slice_ns, 1), "; ", report.worst_slice,
      "\n    less the scheduler's own work: ", spread(report.slice_unexplained_ns, 1),
      "\n  threads, %: ", spread(report.thread, 100), "; ", report.worst_thread,
      "\n    less that and what was known late: ", spread(report.thread_unexplained, 100),
      absl::StrFormat(
          "\n  idle %.3f ms, run %.3f ms, interrupts %.3f ms, stolen %.3f ms, known late %.3f ms, unreported %.3f "
          "ms, residual %d ns",
          Milliseconds(report.time.idle_ns), Milliseconds(report.time.run_ns), Milliseconds(report.time.irq_ns),
          Milliseconds(report.time.stolen_ns), Milliseconds(report.late_ns), Milliseconds(report.time.unreported_ns),
          report.residual_ns),
      "\n  ", report.records, " records, ", report.gaps, " gaps of ", report.unreported_switches,
      " unreported switches; the kernel counts ", report.ctxt_least, " to ", report.ctxt_most,
      "\n  hidden: ", report.slices_hidden, " slices, ", Milliseconds(report.hidden_run_ns), " ms, ",
      report.threads_hidden, " threads; different ", report.switches_different, ", in the log only ", report.log_only,
      ", with the oracle only ", report.oracle_only, ", lost ", report.lost_records, ", recursion misses ",
      report.recursion_misses, ", oracle drops ", report.oracle_drops, "\n");
}

}  // namespace vrapl
