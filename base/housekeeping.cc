#include "base/housekeeping.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

constexpr absl::string_view kHow = " kept clear (isolcpus, nohz_full)";

bool Contains(absl::Span<const int> cpus, int cpu) { return std::find(cpus.begin(), cpus.end(), cpu) != cpus.end(); }

}  // namespace

std::vector<int> ReadKeptClearCpus(const HostRoot& host_root) {
  std::set<int> kept_clear;
  for (const char* name : {"isolated", "nohz_full"}) {
    const absl::StatusOr<std::string> text =
        ReadSmallFile(host_root.Path(absl::StrCat("/sys/devices/system/cpu/", name)));
    // Without nohz_full= kernels that could do it say "(null)" there.
    const absl::StatusOr<std::vector<int>> cpus = text.ok() ? ParseCpuList(*text) : text.status();
    if (cpus.ok()) kept_clear.insert(cpus->begin(), cpus->end());
  }
  return {kept_clear.begin(), kept_clear.end()};
}

std::vector<int> HousekeepingFirst(std::vector<int> cpus, absl::Span<const int> kept_clear) {
  std::stable_partition(cpus.begin(), cpus.end(), [kept_clear](int cpu) { return !Contains(kept_clear, cpu); });
  return cpus;
}

std::string WhyReadOn(int reader_cpu, absl::Span<const int> cpus, absl::Span<const int> kept_clear) {
  std::vector<int> kept;
  std::copy_if(cpus.begin(), cpus.end(), std::back_inserter(kept), [&](int cpu) { return Contains(kept_clear, cpu); });
  if (kept.empty()) return "";
  if (kept.size() == cpus.size()) return absl::StrCat("all its CPUs are", kHow);
  if (reader_cpu == cpus.front() || !Contains(kept_clear, cpus.front())) return "";  // that is not why
  return absl::StrCat(kept.size() == 1 ? "CPU " : "CPUs ", FormatCpuList(kept), kept.size() == 1 ? " is" : " are",
                      kHow);
}

}  // namespace vrapl
