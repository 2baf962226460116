// The screen of `vrapl probe` on several hosts, word by word: tests/probe/golden/NAME.txt. VRAPL_UPDATE_GOLDEN=1 in the
// environment writes them anew; then read them, and ask whether somebody who sees them for the first time understands.
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "emulator/emulator.h"
#include "probe/look.h"
#include "probe/text.h"
#include "tests/emulator/temp_dir.h"
#include "tests/fakes/host_builder.h"
#include "tests/probe/findings_examples.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

// What differs from run to run is put right before lines are broken: the path where the host is mounted, and what was
// measured of the updates, where that there was something to measure is enough.
ProbeFindings Settled(ProbeFindings found, const HostRoot& root) {
  const auto strip = [&root](std::string& text) { text = absl::StrReplaceAll(text, {{root.prefix(), ""}}); };
  const auto strip_status = [&strip](absl::Status& status) {
    std::string message(status.message());
    strip(message);
    status = absl::Status(status.code(), message);
  };
  for (SourceFindings& source : found.sources) {
    strip_status(source.usable);
    for (PackageFindings& package : source.packages) {
      strip_status(package.probe.usable);
      for (DomainProbe& domain : package.probe.domains) strip(domain.why);
      for (auto& [id, updates] : package.updates) {
        EXPECT_GT(updates.summary.reads, 0u);
        updates = {.summary = {.reads = 30'000, .edges = 300, .period_ns = 1'000'000, .jitter_ns = 20'000},
                   .polled_ns = 300'000'000};
      }
    }
  }
  for (Check& check : found.checks) strip(check.finding);
  return found;
}

void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string path = absl::StrCat(VRAPL_SOURCE, "/tests/probe/golden/", name, ".txt");
  if (std::getenv("VRAPL_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << text;
    return;
  }
  const absl::StatusOr<std::string> golden = ReadSmallFile(path);
  ASSERT_THAT(golden, IsOk());
  EXPECT_EQ(text, *golden + "\n") << "if this is as it should be: VRAPL_UPDATE_GOLDEN=1";
}

// Shorter than a person would be given: goldens do not hold what was measured.
const LookOptions kQuick{.updates = {.poll = absl::Milliseconds(20), .patience = absl::Milliseconds(20)},
                         .on_step = nullptr};

void ExpectScreen(const std::string& name, const HostRoot& root, const SystemState& system, std::vector<Vm> vms = {}) {
  ProbeFindings found = Look(root, system, kQuick);
  found.vms_by = "libvirt";
  found.vms = std::move(vms);
  ExpectGolden(name, ToText(Settled(std::move(found), root)));
}

struct EmulatedCase {
  std::string name;
  std::string cpu;
  int packages = 1;
  int dies = 1;     // of each package
  int cores = 4;    // of each package
  int threads = 2;  // of each core
  std::vector<Fault> faults;
  std::vector<Vm> vms;
};

void PrintTo(const EmulatedCase& host, std::ostream* out) { *out << host.name; }

class EmulatedGoldenTest : public testing::TestWithParam<EmulatedCase> {};

TEST_P(EmulatedGoldenTest, Screen) {
  VRAPL_NEEDS("fuse");
  const EmulatedCase& host = GetParam();
  EmulatorOptions options;
  const absl::StatusOr<CpuProfile> cpu = ParseCpu(host.cpu);
  ASSERT_THAT(cpu, IsOk());
  options.host.cpu = &*cpu;
  options.host.packages = host.packages;
  options.host.dies = host.dies;
  options.host.faults = host.faults;
  options.host.power = {PowerSpec::Parse("const:60W").value()};
  options.host.start_ticks = 1'000'000;
  // SMT siblings are numbered as Linux does: all cores first, then their second threads.
  const int cores = host.cores * host.packages;
  for (int core = 0; core < cores; ++core) {
    PhysicalCore made{.core_id = core % host.cores, .cpus = {}};
    for (int thread = 0; thread < host.threads; ++thread) made.cpus.push_back(core + thread * cores);
    options.host.cores.push_back(made);
  }
  const TempDir directory;
  const absl::StatusOr<std::unique_ptr<Emulator>> emulator = Emulator::Start(directory.path(), options);
  ASSERT_THAT(emulator, IsOk());
  ExpectScreen(host.name, HostRoot(directory.path()), FreeSystem(), host.vms);
}

INSTANTIATE_TEST_SUITE_P(
    Hosts, EmulatedGoldenTest,
    testing::Values(
        EmulatedCase{.name = "intel_client", .cpu = "skylake"},
        EmulatedCase{
            .name = "intel_server_2_packages", .cpu = "skylake-sp", .packages = 2, .cores = 8, .vms = TwoVms()},
        EmulatedCase{.name = "cascade_lake_ap_2_dies", .cpu = "skylake-sp", .packages = 2, .dies = 2, .cores = 8},
        EmulatedCase{.name = "airmont", .cpu = "06_4C", .cores = 2, .threads = 1},
        EmulatedCase{.name = "silvermont", .cpu = "silvermont", .cores = 2, .threads = 1},
        EmulatedCase{.name = "sapphire_rapids_psys", .cpu = "sapphire-rapids", .packages = 2, .cores = 8},
        EmulatedCase{.name = "amd_zen3", .cpu = "zen3", .cores = 8},
        EmulatedCase{.name = "amd_zen4_2_sockets", .cpu = "zen4", .packages = 2, .cores = 8}),
    [](const testing::TestParamInfo<EmulatedCase>& test) { return test.param.name; });

// As most cloud machines, and CI, are.
TEST(GoldenTest, AVirtualMachineWithoutRapl) {
  HostBuilder host(CpuVendor::kAmd, 0x1A, 0x02, "fpu msr hypervisor");
  host.AddCpu({.cpu = 0}).AddCpu({.cpu = 1, .core = 1});
  ExpectScreen("no_rapl_virtual_machine", host.root(), FreeSystem());
}

// A desktop on which nobody has loaded a module, looked at by a user.
TEST(GoldenTest, NoModulesAndNoPrivileges) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x9E);
  host.AddCpu({.cpu = 0}).AddCpu({.cpu = 1, .core = 1});
  ExpectScreen("no_modules_no_privileges", host.root(), BoundSystem());
}

TEST(GoldenTest, ACpuThatIsNotInTheTable) {
  HostBuilder host(CpuVendor::kIntel, 6, 0xEE);
  host.AddCpu({.cpu = 0});
  ExpectScreen("unknown_cpu", host.root(), FreeSystem());
}

}  // namespace
}  // namespace vrapl
