#include "bpf/run_time_check.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/host_root.h"
#include "base/topology.h"
#include "bpf/oracle_comparison.h"
#include "bpf/run_time_oracle.h"
#include "bpf/run_time_reader.h"
#include "bpf/switch_log.h"

namespace vrapl {
namespace {

constexpr int64_t kLeastThreadNs = 5 * kNanosPerMilli;
constexpr double kSliceP99Ns = 2000;
constexpr double kThreadError = 0.001;
// The offset between the clocks is learned from pairs, one a millisecond: what counts begins when it is known well.
constexpr int64_t kLearningNs = 100 * kNanosPerMilli;
constexpr int64_t kLeastPauseNs = 100'000;

double Milliseconds(int64_t ns) { return 1e-6 * static_cast<double>(ns); }

// Of the magnitudes of `errors`.
ErrorSpread SpreadOf(std::vector<double> errors) {
  if (errors.empty()) return {};
  for (double& error : errors) error = std::fabs(error);
  std::sort(errors.begin(), errors.end());
  const auto at = [&](double part) {
    return errors[static_cast<size_t>(part * static_cast<double>(errors.size() - 1))];
  };
  return {.count = errors.size(), .p50 = at(0.5), .p99 = at(0.99), .worst = errors.back()};
}

// All switches of the machine since it started, by the kernel's own count.
int64_t ReadCtxt() {
  const absl::StatusOr<std::string> stat = ReadSmallFile("/proc/stat");
  if (!stat.ok()) return 0;
  for (absl::string_view line : absl::StrSplit(*stat, '\n')) {
    int64_t count = 0;
    if (absl::ConsumePrefix(&line, "ctxt ") && absl::SimpleAtoi(line, &count)) return count;
  }
  return 0;
}

// The reader must not be kept waiting by what it watches. Where real time is refused it makes do without; a log that is
// lapped for it is counted.
class RealTime {
 public:
  RealTime() : before_(::sched_getscheduler(0)) {
    const sched_param priority{.sched_priority = 50};
    ::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority);
  }
  ~RealTime() {
    const sched_param priority{.sched_priority = 0};
    ::sched_setscheduler(0, before_ < 0 ? SCHED_OTHER : before_, &priority);
  }

 private:
  int before_;
};

using Rows = absl::flat_hash_map<ThreadKey, int64_t>;

// Reads windows until told to stop; every one must close.
class Windows {
 public:
  Windows(SwitchLog& log, absl::Span<const int> cpus) : start_ns_(MonotonicNs()), reader_(log, cpus, start_ns_) {}

  void Read() {
    const int64_t last_ns = t_ns_ == 0 ? start_ns_ : t_ns_;
    t_ns_ = MonotonicNs();
    window_.Clear();
    reader_.Read(t_ns_, window_);
    for (int i = 0; i < reader_.cpu_count(); ++i) Residual(reader_.cpu_time(i).total_ns() - (t_ns_ - start_ns_));
    Residual(window_.time().total_ns() - reader_.cpu_count() * (t_ns_ - last_ns));
    int64_t run_ns = 0;
    for (const ThreadRun& thread : window_.threads()) {
      run_ns += thread.run_ns;
      rows_[{.tid = thread.tid, .start_ns = thread.start_ns}] += thread.run_ns;
      Residual(std::max<int64_t>(0, thread.solo_ns + thread.shared_ns - thread.run_ns));
    }
    Residual(run_ns - window_.time().run_ns);
  }

  // Rows count from here, and what excuses them.
  void Mark() {
    rows_.clear();
    late_before_ns_ = reader_.late_ns();
    unreported_before_ns_ = reader_.total().unreported_ns;
  }
  int64_t late_ns() const { return reader_.late_ns() - late_before_ns_; }
  int64_t unreported_ns() const { return reader_.total().unreported_ns - unreported_before_ns_; }

  int64_t elapsed_ns() const { return t_ns_ - start_ns_; }
  int64_t residual_ns() const { return residual_ns_; }
  const RunTimeReader& reader() const { return reader_; }
  const Rows& rows() const { return rows_; }

 private:
  void Residual(int64_t ns) { residual_ns_ = std::max<int64_t>(residual_ns_, std::llabs(ns)); }

  int64_t start_ns_;
  int64_t t_ns_ = 0;
  int64_t residual_ns_ = 0;
  int64_t late_before_ns_ = 0;
  int64_t unreported_before_ns_ = 0;
  RunTimeReader reader_;
  RunTimeWindow window_;
  Rows rows_;
};

void CompareThreads(const OracleComparison& comparison, const Windows& windows, RunTimeCheckReport& report) {
  const Rows& rows = windows.rows();
  absl::flat_hash_map<ThreadKey, bool> running;
  for (const ThreadKey& thread : comparison.Running()) running[thread] = true;
  std::vector<double> errors;
  std::vector<double> unexplained;
  double worst = -1;
  for (const auto& [thread, account] : comparison.accounts().accounts()) {
    const auto row = rows.find(thread);
    const int64_t row_ns = row == rows.end() ? 0 : row->second;
    if (row_ns > 0 || account.run_ns() > 0) ++report.threads;
    report.threads_hidden += account.hidden ? 1 : 0;
    // A thread that was on a CPU at either end has an account that began or ended elsewhere than its row.
    if (!account.base_known || running.contains(thread)) continue;
    const auto hidden = comparison.slices().hidden_run_ns().find(thread);
    const int64_t hidden_ns = hidden == comparison.slices().hidden_run_ns().end() ? 0 : hidden->second;
    report.hidden_run_ns += hidden_ns;
    const int64_t account_ns = account.run_ns();
    const int64_t error_ns = row_ns - (account_ns - hidden_ns);
    // Stolen time that came to light after its thread had gone was taken from another.
    const int64_t unexplained_ns =
        std::max<int64_t>(0, std::llabs(error_ns - account.after_account_ns) - report.late_ns);
    if (account.hidden) {
      const int64_t allowed_ns = windows.unreported_ns() + account.after_account_ns + account_ns / 1000;
      report.hidden_excess_ns = std::max<int64_t>(report.hidden_excess_ns, std::llabs(error_ns) - allowed_ns);
      continue;
    }
    if (account_ns < kLeastThreadNs) continue;
    const auto relative = [&](int64_t ns) { return static_cast<double>(ns) / static_cast<double>(account_ns); };
    errors.push_back(relative(error_ns));
    unexplained.push_back(relative(unexplained_ns));
    if (const double rank = unexplained.back() * 1e6 + std::fabs(errors.back()); rank > worst) {
      worst = rank;
      report.worst_thread = absl::StrFormat(
          "thread %d has %.6f ms, by the kernel %.6f, of which %.6f unreported; the scheduler's own work %.6f",
          thread.tid, 1e-6 * row_ns, 1e-6 * account_ns, 1e-6 * hidden_ns, 1e-6 * account.after_account_ns);
    }
  }
  report.thread = SpreadOf(std::move(errors));
  report.thread_unexplained = SpreadOf(std::move(unexplained));
}

void Fill(const OracleComparison& comparison, const Windows& windows, RunTimeCheckReport& report) {
  report.seconds = 1e-9 * static_cast<double>(windows.elapsed_ns());
  report.residual_ns = windows.residual_ns();
  report.time = windows.reader().total();
  report.records = windows.reader().records();
  report.gaps = windows.reader().gaps();
  report.unreported_switches = windows.reader().unreported_switches();
  report.late_ns = windows.late_ns();
  report.lost_records = windows.reader().lost_records() + comparison.lost_records();
  const SliceMatch& slices = comparison.slices();
  report.slice_ns = SpreadOf({slices.errors_ns().begin(), slices.errors_ns().end()});
  report.slice_unexplained_ns = SpreadOf({slices.unexplained_ns().begin(), slices.unexplained_ns().end()});
  report.worst_slice = absl::StrFormat("worst: thread %d, slice of %.3f ms", slices.worst_tid(),
                                       1e-6 * static_cast<double>(slices.worst_run_ns()));
  report.slices_hidden = slices.hidden();
  report.switches_different = slices.different();
  report.log_only = slices.log_only();
  report.oracle_only = slices.account_only();
  CompareThreads(comparison, windows, report);
}

}  // namespace

std::vector<std::string> OutOfBounds(const RunTimeCheckReport& report) {
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
  // What the others say of time is known to be wrong (see RunTimeError); that no switch is missing holds for all.
  const bool exact = IsExact(report.method);
  if (exact && report.slice_unexplained_ns.p99 >= kSliceP99Ns) {
    lines.push_back(absl::StrFormat("p99 of the error per slice is %.0f ns, not below %.0f",
                                    report.slice_unexplained_ns.p99, kSliceP99Ns));
  }
  if (exact && report.thread_unexplained.worst >= kThreadError) {
    lines.push_back(absl::StrFormat("a thread's total is wrong by %.3f %%, not below %.1f: %s",
                                    100 * report.thread_unexplained.worst, 100 * kThreadError, report.worst_thread));
  }
  if (exact && report.hidden_excess_ns > 0) {
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

absl::StatusOr<RunTimeCheckReport> CheckRunTime(const std::function<absl::Status()>& load,
                                                const RunTimeCheckOptions& options) {
  absl::StatusOr<std::vector<int>> cpus = ReadOnlineCpus(HostRoot());
  if (!cpus.ok()) return cpus.status();
  absl::StatusOr<std::unique_ptr<SwitchLog>> log =
      options.method.has_value() ? SwitchLog::Attach(*options.method) : SwitchLog::Attach();
  if (!log.ok()) return log.status();
  absl::StatusOr<std::unique_ptr<RunTimeOracle>> oracle = RunTimeOracle::Attach();
  if (!oracle.ok()) return oracle.status();
  const RealTime real_time;
  OracleComparison comparison(**log, **oracle, *cpus);
  (*log)->Prime(*cpus);

  RunTimeCheckReport report;
  report.method = (*log)->method();
  report.cpus = static_cast<int>(cpus->size());

  const int64_t ctxt_before = ReadCtxt();
  comparison.Drain();
  Windows windows(**log, *cpus);
  const int64_t ctxt_begin = ReadCtxt();
  int64_t deadline_ns = MonotonicNs();
  const auto read_next = [&] {
    // Never without a pause: at real-time priority a slow machine would do nothing else.
    RealClock().SleepUntil(deadline_ns = std::max(deadline_ns + kNanosPerMilli, MonotonicNs() + kLeastPauseNs));
    windows.Read();
    comparison.Drain();
  };
  for (const int64_t end_ns = deadline_ns + kLearningNs; deadline_ns < end_ns;) read_next();
  windows.Read();
  windows.Mark();
  comparison.Mark();

  // The load starts and stops beside the reading, so that all of it is seen.
  std::atomic<bool> done = false;
  std::thread driver([&] {
    report.load = load();
    done = true;
  });
  while (!done) read_next();
  driver.join();
  if (!report.load.ok()) return report;
  const int64_t ctxt_end = ReadCtxt();
  windows.Read();
  const int64_t ctxt_after = ReadCtxt();
  comparison.Drain();
  report.ctxt_least = ctxt_end - ctxt_begin;
  report.ctxt_most = ctxt_after - ctxt_before;
  report.recursion_misses = std::max((*log)->RecursionMisses(), (*oracle)->RecursionMisses());
  report.oracle_drops = (*oracle)->Drops();
  Fill(comparison, windows, report);
  return report;
}

}  // namespace vrapl
