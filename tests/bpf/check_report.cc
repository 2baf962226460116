#include "tests/bpf/check_report.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace vrapl {
namespace {

constexpr double kSliceP99Ns = 2000;
constexpr double kThreadError = 0.001;

double Milliseconds(int64_t ns) { return 1e-6 * static_cast<double>(ns); }

}  // namespace

ErrorSpread SpreadOf(std::vector<double> errors) {
  if (errors.empty()) return {};
  for (double& error : errors) error = std::fabs(error);
  std::sort(errors.begin(), errors.end());
  const auto at = [&](double part) {
    return errors[static_cast<size_t>(part * static_cast<double>(errors.size() - 1))];
  };
  return {.count = errors.size(), .p50 = at(0.5), .p99 = at(0.99), .worst = errors.back()};
}

std::vector<std::string> Verdict(const CheckReport& report) {
  std::vector<std::string> lines;
  const auto none = [&](auto count, absl::string_view of) {
    if (count != 0) lines.push_back(absl::StrCat(count, " ", of));
  };
  none(report.residual_ns, "ns between the rows of a window and its wall time");
  none(report.switches_different, "switches to or from another thread than the kernel's");
  none(report.oracle_only, "switches that the log did not record");
  none(report.log_only, "switches recorded that the oracle was not told of");
  none(report.lost_records, "records lost: the log was lapped");
  none(report.recursion_misses, "switches at which a program was not run because it was running");
  none(report.oracle_drops, "switches dropped by the oracle");
  if (report.slice_unexplained_ns.p99 >= kSliceP99Ns) {
    lines.push_back(absl::StrFormat("p99 of the error per slice is %.0f ns, not below %.0f",
                                    report.slice_unexplained_ns.p99, kSliceP99Ns));
  }
  if (report.thread_unexplained.worst >= kThreadError) {
    lines.push_back(absl::StrFormat("a thread's total is wrong by %.3f %%, not below %.1f: %s",
                                    100 * report.thread_unexplained.worst, 100 * kThreadError, report.worst_thread));
  }
  if (report.hidden_excess_ns > 0) {
    lines.push_back(absl::StrFormat("a thread with hidden switches is wrong by %.3f ms more than is unreported",
                                    Milliseconds(report.hidden_excess_ns)));
  }
  // The kernel's count is read beside the log's, not at its instant: a switch or two on each CPU lie between.
  const int64_t counted = static_cast<int64_t>(report.records) + report.unreported_switches;
  const int64_t slack = 4 * report.cpus;
  if (!UsesKtime(report.method) && (counted < report.ctxt_least - slack || counted > report.ctxt_most + slack)) {
    lines.push_back(absl::StrFormat("%d switches are recorded or known as unreported, the kernel counts %d to %d",
                                    counted, report.ctxt_least, report.ctxt_most));
  }
  return lines;
}

std::string MarkdownHead() {
  return "| workload | threads | slices | slice p50 ns | p99 ns | worst ns | thread p99 % | worst % | worst, cause "
         "unknown "
         "% | stolen ms | late ms | unreported ms | gaps | drops | verdict |\n"
         "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n";
}

std::string MarkdownRow(const CheckReport& report) {
  if (!report.refused.empty()) {
    return absl::StrCat("| ", report.workload, " | | | | | | | | | | | | | | not run: ", report.refused, " |\n");
  }
  const std::vector<std::string> bad = Verdict(report);
  const std::string thread_errors =
      report.thread.count == 0 ? "- | - | -"
                               : absl::StrFormat("%.4f | %.4f | %.4f", 100 * report.thread.p99,
                                                 100 * report.thread.worst, 100 * report.thread_unexplained.worst);
  return absl::StrFormat("| %s | %d | %d | %.0f | %.0f | %.0f | %s | %.3f | %.3f | %.3f | %d | %d | %s |\n",
                         report.workload, report.threads, report.slice_ns.count, report.slice_ns.p50,
                         report.slice_ns.p99, report.slice_ns.worst, thread_errors, Milliseconds(report.time.stolen_ns),
                         Milliseconds(report.late_ns), Milliseconds(report.time.unreported_ns), report.gaps,
                         report.lost_records + report.recursion_misses + report.oracle_drops,
                         bad.empty() ? "good" : absl::StrCat("bad: ", absl::StrJoin(bad, "; ")));
}

std::string Details(const CheckReport& report) {
  if (!report.refused.empty()) return absl::StrCat(report.workload, ": not run: ", report.refused, "\n");
  const auto spread = [](const ErrorSpread& errors, double scale) {
    return absl::StrFormat("%d compared, p50 %.6g, p99 %.6g, worst %.6g", errors.count, scale * errors.p50,
                           scale * errors.p99, scale * errors.worst);
  };
  return absl::StrCat(
      report.workload, ", ", RunTimeMethodName(report.method), ", ", absl::StrFormat("%.3f s", report.seconds), ", ",
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
