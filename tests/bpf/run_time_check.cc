// run_time_check: the switch log against the kernel's own accounts, under one load after the other, as a table.
//
// One static program without needs but root, /proc, /sys and a kernel with BTF, so that it runs as well in an initrd of
// another kernel. Only the loads that are virtual machines need more, and are left out with a word where it is missing.
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "tests/bpf/check_table.h"

namespace vrapl {
namespace {

constexpr char kUsage[] =
    "usage: run_time_check [--seconds=N] [--workload=NAME]... [--method=bpf|raw-tp|bpf-ktime|raw-tp-ktime] [--details] "
    "[--list]\n"
    "exit: 0 all within bounds, 1 something is not, 2 wrong usage\n";

int Run(const std::vector<std::unique_ptr<Workload>>& workloads, double seconds, const RunTimeCheckOptions& options,
        bool details) {
  bool good = true;
  std::string told;
  std::fputs(MarkdownHead().c_str(), stdout);
  for (const std::unique_ptr<Workload>& workload : workloads) {
    const absl::StatusOr<WorkloadCheck> check = CheckWorkload(*workload, seconds, options);
    if (!check.ok()) {
      std::fprintf(stderr, "run_time_check: %s\n", std::string(check.status().message()).c_str());
      return 1;
    }
    std::fputs(MarkdownRow(*check).c_str(), stdout);
    std::fflush(stdout);
    good = good && (check->refused.empty() ? OutOfBounds(check->report) : std::vector<std::string>()).empty();
    told += Details(*check);
  }
  if (details) std::fputs(("\n" + told).c_str(), stdout);
  return good ? 0 : 1;
}

int Main(int argc, char** argv) {
  RunTimeCheckOptions options;
  double seconds = 3;
  bool details = false;
  std::vector<std::unique_ptr<Workload>> workloads;
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    bool understood = true;
    if (absl::ConsumePrefix(&word, "--seconds=")) {
      understood = absl::SimpleAtod(word, &seconds) && seconds > 0;
    } else if (absl::ConsumePrefix(&word, "--workload=")) {
      workloads.push_back(MakeWorkload(word));
      understood = workloads.back() != nullptr;
    } else if (absl::ConsumePrefix(&word, "--method=")) {
      options.method = RunTimeMethodOfName(word);
      understood = options.method.has_value() && *options.method != RunTimeMethod::kSchedstat;
    } else if (word == "--details") {
      details = true;
    } else if (word == "--list") {
      for (const std::unique_ptr<Workload>& workload : AllWorkloads()) {
        std::printf("%s\n", std::string(workload->name()).c_str());
      }
      return 0;
    } else {
      understood = false;
    }
    if (!understood) {
      std::fprintf(stderr, "run_time_check: '%s' is not understood\n%s", argv[i], kUsage);
      return 2;
    }
  }
  if (workloads.empty()) workloads = AllWorkloads();
  return Run(workloads, seconds, options, details);
}

}  // namespace
}  // namespace vrapl

int main(int argc, char** argv) { return vrapl::Main(argc, argv); }
