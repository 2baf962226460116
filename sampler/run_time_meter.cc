#include "sampler/run_time_meter.h"

#include <unistd.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/run_time_reader.h"
#include "bpf/switch_log.h"
#include "sampler/schedstat_meter.h"

namespace vrapl {
namespace {

class SwitchLogRunTime final : public RunTimeSource {
 public:
  SwitchLogRunTime(SwitchLog& log, std::vector<CpuOnCore> cpus) : log_(log), cpus_(std::move(cpus)) {}
  void Start(int64_t start_ns) override { reader_.emplace(log_, cpus_, start_ns); }
  bool TellCores(absl::Span<const int> core_ids) override {
    reader_->TellCores(core_ids);
    return true;
  }
  void Read(int64_t t_ns, RunTimeWindow& window) override { reader_->Read(t_ns, window); }
  // The log holds 16384 records of each CPU: more than the switches of 20 ms, however busy.
  int64_t longest_pause_ns() const override { return 10 * kNanosPerMilli; }
  void CoverCpus(absl::Span<const CpuOnCore> cpus) override { reader_->CoverCpus(cpus); }
  int cpu_count() const override { return reader_->cpu_count(); }
  uint64_t lost_records() const override { return reader_->lost_records(); }
  uint64_t gaps() const override { return reader_->gaps(); }
  int64_t late_ns() const override { return reader_->late_ns(); }
  int64_t unreported_switches() const override { return reader_->unreported_switches(); }

 private:
  SwitchLog& log_;
  const std::vector<CpuOnCore> cpus_;
  std::optional<RunTimeReader> reader_;
};

class SwitchLogMeter final : public RunTimeMeter {
 public:
  explicit SwitchLogMeter(std::unique_ptr<SwitchLog> log) : log_(std::move(log)) {}
  RunTimeMethod method() const override { return log_->method(); }
  int possible_cpus() const override { return log_->possible_cpus(); }
  uint64_t RecursionMisses() const override { return log_->RecursionMisses(); }
  std::unique_ptr<RunTimeSource> NewSource(std::vector<CpuOnCore> cpus) override {
    std::vector<int> numbers;
    for (const CpuOnCore& place : cpus) numbers.push_back(place.cpu);
    log_->Prime(numbers);
    return std::make_unique<SwitchLogRunTime>(*log_, std::move(cpus));
  }

 private:
  const std::unique_ptr<SwitchLog> log_;
};

}  // namespace

absl::Status CheckSchedstat(const std::string& proc) {
  if (::access(absl::StrCat(proc, "/self/schedstat").c_str(), R_OK) == 0) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat("read ", proc, "/PID/task/TID/schedstat: this kernel keeps no accounts "
                                               "of threads; run a kernel built with CONFIG_SCHED_INFO=y"));
}

absl::StatusOr<OpenRunTime> OpenRunTimeMeter(const RunTimeOptions& options) {
  OpenRunTime opened;
  const bool any = !options.method.has_value();
  absl::Status no_bpf;
  if (any || *options.method != RunTimeMethod::kSchedstat) {
    absl::StatusOr<std::unique_ptr<SwitchLog>> log =
        any ? SwitchLog::Attach(options.btf) : SwitchLog::Attach(*options.method, options.btf);
    if (log.ok()) {
      if (any && UsesKtime((*log)->method())) {
        opened.why_no_better = std::string(SwitchLog::Attach(RunTimeMethod::kBpf, options.btf).status().message());
      }
      opened.meter = std::make_unique<SwitchLogMeter>(*std::move(log));
      return opened;
    }
    if (!any) return log.status();
    no_bpf = log.status();
    opened.why_no_better = std::string(no_bpf.message());
  }
  if (absl::Status accounts = CheckSchedstat(); !accounts.ok()) {
    return no_bpf.ok() ? accounts
                       : absl::Status(no_bpf.code(), absl::StrCat(no_bpf.message(), "; and without BPF: ",
                                                                  accounts.message()));
  }
  opened.meter = std::make_unique<SchedstatMeter>(options.processes, options.every_cpu);
  return opened;
}

}  // namespace vrapl
