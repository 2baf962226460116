// A recording that was never written: a made host, run again for each replay. Stands for ReadRecordedRun() and
// Replay().
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "report/run_report.h"
#include "tests/sampler/made_host.h"

namespace vrapl {

class MadeRun {
 public:
  struct Options {
    std::vector<MadePackageOptions> packages = {{}};
    int64_t duration_ns = 4 * kSecond;
    int64_t flush_ns = 2 * kSecond;
    int64_t phase_ns = 0;  // a mark each, "phase 1" and so on; 0: none
    std::vector<Vm> vms = {MadeVm("web", 1000), MadeVm("db", 2000)};
    std::string source = "made";
  };
  explicit MadeRun(Options options) : options_(std::move(options)) {
    run_.path = "/recordings/made.vrapl";
    run_.header = R"({"vrapl_version": "1.2.3", "cpu": "Made CPU", "host": {"kernel": "6.99", "microcode": "0x42"}})";
    run_.source = options_.source;
    run_.start_unix_ns = 1'795'000'000'000'000'000;
    run_.duration_ns = options_.duration_ns;
    run_.period_ns = kMs;
    run_.flush_ns = options_.flush_ns;
    run_.models = {Model::kBaseShare};
    run_.ended = true;
    if (options_.phase_ns > 0) {
      int number = 0;
      for (int64_t t_ns = options_.phase_ns; t_ns < options_.duration_ns; t_ns += options_.phase_ns) {
        run_.marks.push_back({t_ns, absl::StrCat("phase ", ++number)});
      }
    }
  }

  RecordedRun& run() { return run_; }

  // Kept alive by whoever calls it.
  ReplayWindows replay() const {
    return [this](const ReplayOptions& options, absl::FunctionRef<void(const FlushReport&)> on_report) {
      for (const FlushReport& report : Reports(options)) on_report(report);
      return absl::OkStatus();
    };
  }

  std::vector<FlushReport> Reports(const ReplayOptions& options) const {
    int64_t window_ns = options.window_ns > 0 ? options.window_ns : options_.flush_ns;
    if (options.window_per_phase) window_ns = options_.phase_ns;
    const std::vector<Model> models = options.models.empty() ? run_.models : options.models;
    // A base that is given makes figures independent of windows, as those of a model that never changes are.
    MadeHost host({.packages = options_.packages,
                   .flush = {.flush_ns = window_ns,
                             .models = models,
                             .base_power_w = {{RaplDomain::kPackage, 15}, {RaplDomain::kDram, 1}},
                             .source = options_.source,
                             .backend = "msr"}});
    host.SetVms(options_.vms);
    for (int64_t second = 0; second * kSecond < options_.duration_ns; ++second) {
      for (size_t i = 0; i < options_.packages.size(); ++i) {
        host.package(i).SetPower(0, static_cast<double>(30 + 20 * (second % 3)));
        host.package(i).SetPower(1, 4);
      }
      host.RunFor(std::min(kSecond, options_.duration_ns - second * kSecond));
    }
    host.flush().Drain();  // not Finish(): that takes one more sample, of some microseconds
    std::vector<FlushReport> reports;
    for (const FlushReport& report : host.reports()) {
      if (report.t_ns - report.dt_ns >= options.from_ns && report.t_ns <= options.to_ns) reports.push_back(report);
    }
    return reports;
  }

 private:
  const Options options_;
  RecordedRun run_;
};

}  // namespace vrapl
