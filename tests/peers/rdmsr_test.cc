// rdmsr (package msr-tools) and vrapl on the same emulated host, for every row of the CPU table: the same counter
// between the same two instants, to the tick.
//
// rdmsr opens /dev/cpu/N/msr and nothing else, so it runs in a mount namespace of its own, where that is the emulated
// one. The counters are updated every 50 ms here, so that vrapl's reads just before and just after rdmsr's nearly
// always show the same value, which then is rdmsr's too. When an update came between, the reads are repeated.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/host_root.h"
#include "base/posix.h"
#include "base/topology.h"
#include "emulator/emulator.h"
#include "msr/rapl_model.h"
#include "msr/rapl_reader.h"
#include "tests/emulator/temp_dir.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

constexpr char kRdmsr[] = "/usr/sbin/rdmsr";
constexpr int64_t kUpdateNs = 50 * kNanosPerMilli;

// The register as rdmsr prints it; nothing when it fails, as it does for a register that is not there.
std::optional<uint64_t> Rdmsr(const std::string& host_root, int cpu, MsrAddress address) {
  int out[2];
  if (::pipe2(out, O_CLOEXEC) != 0) return std::nullopt;
  const std::string devices = host_root + "/dev";
  const std::string processor = absl::StrCat("-p", cpu);
  const std::string number = absl::StrFormat("0x%x", address);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(out[1], STDOUT_FILENO);
    ::close(STDERR_FILENO);
    // Into a namespace where /dev has nothing but the emulated CPUs: /dev/cpu need not exist outside.
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount(devices.c_str(), "/dev", nullptr, MS_BIND | MS_REC, nullptr) != 0) {
      ::_exit(126);
    }
    ::execl(kRdmsr, kRdmsr, processor.c_str(), "--c-language", number.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(out[1]);
  const UniqueFd from(out[0]);
  std::array<char, 256> text{};
  const ssize_t size = ::read(from.get(), text.data(), text.size() - 1);
  int status = 0;
  ::waitpid(pid, &status, 0);
  uint64_t value = 0;
  if (status != 0 || size <= 0 ||
      !absl::SimpleHexAtoi(absl::string_view(text.data(), static_cast<size_t>(size)), &value)) {
    return std::nullopt;
  }
  return value;
}

class RdmsrTest : public testing::TestWithParam<const RaplModel*> {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("fuse");
    if (::access(kRdmsr, X_OK) != 0) {
      if (Required("fuse")) FAIL() << kRdmsr << " is missing (package msr-tools; scripts/setup installs it)";
      GTEST_SKIP() << kRdmsr << " is missing (package msr-tools)";
    }
  }
};

// The manuals' numbers, not those of vrapl's table: reading a wrong register must show.
MsrAddress Register(bool amd, RaplDomain domain) {
  switch (domain) {
    case RaplDomain::kPackage:
      return amd ? 0xC001029B : 0x611;
    case RaplDomain::kCores:
      return 0x639;
    case RaplDomain::kUncore:
      return 0x641;
    case RaplDomain::kDram:
      return 0x619;
    case RaplDomain::kPsys:
      return 0x64D;
    case RaplDomain::kCore:
      return 0xC001029A;
  }
  return 0;
}

struct Both {
  uint64_t vrapl = 0;  // ticks since the source was opened
  uint64_t rdmsr = 0;  // the register
};

// Domain `d` of `source` and its register by rdmsr, at one instant: no update came between vrapl's reads around
// rdmsr's.
void ReadBoth(EnergySource& source, size_t d, const std::string& host_root, int cpu, MsrAddress address, Both& both) {
  const std::string name = DomainName(source.package().domains[d].id);
  for (int tries = 0; tries < 50; ++tries) {
    EnergySample before;
    EnergySample after;
    source.Read(before);
    const std::optional<uint64_t> shown = Rdmsr(host_root, cpu, address);
    source.Read(after);
    ASSERT_TRUE(shown.has_value()) << name;
    ASSERT_EQ(before.error[d], 0) << name;
    ASSERT_EQ(after.error[d], 0) << name;
    if (before.ticks[d] != after.ticks[d]) continue;
    both = {.vrapl = after.ticks[d], .rdmsr = *shown};
    return;
  }
  FAIL() << "in 50 tries, always an update came while rdmsr ran";
}

TEST_P(RdmsrTest, AgreesWithVraplToTheTick) {
  const RaplModel& row = *GetParam();
  const char* vendor = row.vendor == CpuVendor::kIntel ? "intel" : row.vendor == CpuVendor::kAmd ? "amd" : "hygon";
  const absl::StatusOr<CpuProfile> cpu = ParseCpu(absl::StrCat(vendor, ":", RowName(row)));
  ASSERT_THAT(cpu, IsOk());
  EmulatorOptions options;
  options.host.cpu = &*cpu;
  options.host.power = {*PowerSpec::Parse("const:80W")};
  options.host.dram = *DramPower::Parse("const:7W");
  options.host.period_ns = kUpdateNs;
  options.host.jitter_ns = 0;
  const TempDir dir;
  absl::StatusOr<std::unique_ptr<Emulator>> emulator = Emulator::Start(dir.path(), options);
  ASSERT_THAT(emulator, IsOk());
  absl::StatusOr<std::vector<std::unique_ptr<EnergySource>>> sources =
      OpenMsrSources(HostRoot(dir.path()), {.per_core = true});
  ASSERT_THAT(sources, IsOk());
  EnergySource& source = *sources->front();
  const PackageInfo package = source.package();
  const int reader = package.reader_cpu;
  const absl::StatusOr<std::vector<PackageTopology>> topology = ReadTopology(HostRoot(dir.path()), row.vendor);
  ASSERT_THAT(topology, IsOk());
  const auto cpu_of = [&](const DomainId& id) {
    for (const PhysicalCore& core : topology->front().cores) {
      if (id.domain == RaplDomain::kCore && core.core_id == id.core) return core.cpus.front();
    }
    return reader;
  };

  EXPECT_EQ(Rdmsr(dir.path(), reader, cpu->amd() ? 0xC0010299 : 0x606), cpu->power_unit);
  EXPECT_EQ(Rdmsr(dir.path(), reader, 0x10A), std::nullopt) << "a register that is not emulated";

  // Every domain once, and again after an update of each.
  std::vector<Both> first(package.domains.size());
  std::vector<Both> last(package.domains.size());
  for (std::vector<Both>* both : {&first, &last}) {
    for (size_t d = 0; d < package.domains.size(); ++d) {
      const MsrAddress address = Register(cpu->amd(), package.domains[d].id.domain);
      ASSERT_NO_FATAL_FAILURE(ReadBoth(source, d, dir.path(), cpu_of(package.domains[d].id), address, (*both)[d]));
    }
    // The first update comes after 1 to 2.1 periods.
    if (both == &first) RealClock().SleepUntil(MonotonicNs() + kUpdateNs * 22 / 10);
  }
  for (size_t d = 0; d < package.domains.size(); ++d) {
    const std::string name = DomainName(package.domains[d].id);
    EXPECT_EQ(last[d].vrapl - first[d].vrapl, static_cast<uint32_t>(last[d].rdmsr - first[d].rdmsr)) << name;
    // Half a watt for 50 ms at least; psys of Sapphire Rapids counts in whole joules.
    EXPECT_GT(last[d].vrapl, first[d].vrapl) << name;
  }
}

std::vector<const RaplModel*> Rows() {
  std::vector<const RaplModel*> rows;
  for (const RaplModel& row : RaplModels()) rows.push_back(&row);
  return rows;
}
INSTANTIATE_TEST_SUITE_P(Rows, RdmsrTest, testing::ValuesIn(Rows()),
                         [](const testing::TestParamInfo<const RaplModel*>& row) {
                           const std::string name = RowName(*row.param);
                           return absl::StrCat(row.param->vendor == CpuVendor::kIntel ? "intel_" : "amd_",
                                               name.ends_with('*') ? name.substr(0, 3) + "any" : name);
                         });

}  // namespace
}  // namespace vrapl
