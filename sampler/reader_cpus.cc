#include "sampler/reader_cpus.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/host_root.h"

namespace vrapl {
namespace {

bool Contains(absl::Span<const int> cpus, int cpu) { return std::find(cpus.begin(), cpus.end(), cpu) != cpus.end(); }

absl::Status NotOfAnyPackage(int cpu, absl::Span<const std::unique_ptr<EnergySource>> sources) {
  const std::string there_are = absl::StrJoin(sources, "; ", [](std::string* out, const auto& source) {
    absl::StrAppend(out, "package ", source->package().package_id, " has ", FormatCpuList(source->package().cpus));
  });
  return absl::InvalidArgumentError(absl::StrCat(
      "--cpu=", cpu, ": no package can be read there, it is not one of the CPUs online (", there_are, ")"));
}

}  // namespace

absl::Status ChooseReaderCpus(absl::Span<const int> wanted, absl::Span<const std::unique_ptr<EnergySource>> sources) {
  for (const int cpu : wanted) {
    const bool known = std::any_of(sources.begin(), sources.end(),
                                   [cpu](const auto& source) { return Contains(source->package().cpus, cpu); });
    if (!known) return NotOfAnyPackage(cpu, sources);
  }
  const auto sample = std::make_unique<EnergySample>();
  for (const std::unique_ptr<EnergySource>& source : sources) {
    const PackageInfo& package = source->package();
    std::vector<int> of_package;
    std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(of_package),
                 [&package](int cpu) { return Contains(package.cpus, cpu); });
    if (of_package.empty()) continue;
    if (of_package.size() > 1) {
      return absl::InvalidArgumentError(absl::StrCat("--cpu=", absl::StrJoin(wanted, ","), ": ",
                                                     absl::StrJoin(of_package, " and "), " are CPUs of package ",
                                                     package.package_id, ", which is read on one"));
    }
    if (package.reader_cpu == of_package.front()) continue;
    source->CoverCpus(WantedFirst(package.cpus, of_package));
    source->Read(*sample);
    if (package.reader_cpu != of_package.front()) {
      return absl::UnimplementedError(absl::StrCat(
          "--cpu=", of_package.front(), ": ", std::string(source->backend()), " reads package ", package.package_id,
          " on CPU ", package.reader_cpu, ", which the kernel names; --backend=msr can read it on any of its CPUs"));
    }
  }
  return absl::OkStatus();
}

std::vector<int> WantedFirst(std::vector<int> cpus, absl::Span<const int> wanted) {
  std::stable_partition(cpus.begin(), cpus.end(), [wanted](int cpu) { return Contains(wanted, cpu); });
  return cpus;
}

}  // namespace vrapl
