// What does one sample of all domains cost, above the system calls that it cannot do without?
//
// The floor: a bare loop of pread on the same files between the same two clock reads. The files lie in memory (tmpfs):
// an emulated register costs 20 us through FUSE, which would hide everything of ours. For perf it is a bare read() of
// the same group's descriptor. Software events of this kernel stand for the PMU, and the heading says so: what a read
// of the PMU's registers costs comes on top, in both columns.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/posix.h"
#include "bench/paired.h"
#include "msr/rapl_reader.h"
#include "perf/perf_reader.h"
#include "powercap/powercap_reader.h"
#include "tests/fakes/host_builder.h"
#include "tests/fakes/pmu_tree.h"
#include "tests/fakes/remembering_kernel.h"

namespace vrapl {
namespace {

struct Machine {
  const char* name;
  int model;
  // Registers that count, and the zones for them.
  std::vector<MsrAddress> registers;
  std::vector<HostZone> zones;
};

// Registers in a plain file: those of Intel that are read lie 8 bytes apart or more.
std::string MsrFile(const std::vector<MsrAddress>& registers) {
  std::string bytes(0x700, '\0');
  const auto set = [&](MsrAddress address, uint64_t value) { std::memcpy(&bytes[address], &value, sizeof value); };
  set(kMsrRaplPowerUnit, 0x000A0E03);
  for (const MsrAddress address : registers) set(address, 123'456 + address);
  return bytes;
}

struct File {
  UniqueFd fd;
  off_t offset = 0;
  size_t size = 0;
};

Way TwoClockReads() {
  return {.name = "two clock reads", .run = [](int64_t times) {
            int64_t sum = 0;
            for (int64_t i = 0; i < times; ++i) sum += MonotonicNs() + MonotonicNs();
            benchmark::DoNotOptimize(sum);
          }};
}

Way BareReads(const std::vector<File>& files) {
  return {.name = absl::StrCat(files.size(), " bare preads between two clock reads"), .run = [&files](int64_t times) {
            std::array<char, 64> buffer;
            int64_t sum = 0;
            for (int64_t i = 0; i < times; ++i) {
              sum += MonotonicNs();
              for (const File& file : files) sum += ::pread(file.fd.get(), buffer.data(), file.size, file.offset);
              sum += MonotonicNs();
            }
            benchmark::DoNotOptimize(sum);
            benchmark::DoNotOptimize(buffer);
          }};
}

Way BareGroupReads(int leader, size_t domains) {
  return {.name = absl::StrCat("a bare read() of a group of ", domains, " between two clock reads"),
          .run = [leader](int64_t times) {
            std::array<char, 256> buffer;
            int64_t sum = 0;
            for (int64_t i = 0; i < times; ++i) {
              sum += MonotonicNs();
              sum += ::read(leader, buffer.data(), buffer.size());
              sum += MonotonicNs();
            }
            benchmark::DoNotOptimize(sum);
            benchmark::DoNotOptimize(buffer);
          }};
}

// `failed` counts reads that gave an error: with them this would measure something else.
Way SourceReads(EnergySource& source, uint64_t& failed) {
  return {.name = absl::StrCat(std::string(source.backend()), " source, ", source.package().domains.size(), " domains"),
          .run = [&source, &failed, sample = std::make_shared<EnergySample>()](int64_t times) {
            for (int64_t i = 0; i < times; ++i) {
              source.Read(*sample);
              for (size_t k = 0; k < source.package().domains.size(); ++k) failed += sample->error[k] != 0 ? 1 : 0;
            }
          }};
}

UniqueFd OpenForReading(const std::string& path) { return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); }

bool CompareWithFloor(const absl::StatusOr<std::vector<std::unique_ptr<EnergySource>>>& sources, const Way& floor,
                      size_t domains) {
  if (!sources.ok()) return std::fprintf(stderr, "%s\n", sources.status().ToString().c_str()), false;
  EnergySource& source = *sources->front();
  if (source.package().domains.size() != domains) return std::fprintf(stderr, "not all domains\n"), false;
  uint64_t failed = 0;
  const std::string table = Describe(Compare({floor, SourceReads(source, failed), TwoClockReads()}));
  std::printf("%s\n", failed == 0 ? table.c_str() : absl::StrCat("No figures: ", failed, " reads failed.\n").c_str());
  return true;
}

bool Measure(const Machine& machine) {
  HostBuilder host(CpuVendor::kIntel, 6, machine.model);
  host.AddCpu({.cpu = 0});
  host.Write("/dev/cpu/0/msr", MsrFile(machine.registers));
  for (const HostZone& zone : machine.zones) host.AddZone(zone);

  std::vector<File> registers;
  for (const MsrAddress address : machine.registers) {
    registers.push_back({.fd = OpenForReading(host.root().Path("/dev/cpu/0/msr")), .offset = address, .size = 8});
  }
  std::vector<File> zones;
  for (const HostZone& zone : machine.zones) {
    zones.push_back({.fd = OpenForReading(host.ZoneFile(zone.id, "energy_uj")), .offset = 0, .size = 32});
  }
  std::printf("%s, msr:\n\n", machine.name);
  if (!CompareWithFloor(OpenMsrSources(host.root()), BareReads(registers), registers.size())) return false;
  std::printf("%s, sysfs:\n\n", machine.name);
  return CompareWithFloor(OpenPowercapSources(host.root()), BareReads(zones), zones.size());
}

// A tree whose "energy" is counted by this kernel's software: time, but for graphics, which are page faults.
PmuTree SoftwarePmu(bool desktop) {
  PmuTree tree{.name = "power",
               .type = PERF_TYPE_SOFTWARE,
               .events = {{.name = "energy-pkg", .terms = "event=0", .scale = "1e-9"},
                          {.name = "energy-ram", .terms = "event=1", .scale = "1e-9"}},
               .format = "config:0-63"};
  if (desktop) {
    tree.events.push_back({.name = "energy-cores", .terms = "event=1", .scale = "1e-9"});
    tree.events.push_back({.name = "energy-gpu", .terms = "event=2", .scale = "1e-9"});
    tree.events.push_back({.name = "energy-psys", .terms = "event=1", .scale = "1e-9"});
  }
  return tree;
}

bool MeasureSoftwarePmu(const char* machine, bool desktop) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = ::sched_getcpu()});
  const PmuTree tree = SoftwarePmu(desktop);
  AddPmu(host, tree);
  RememberingKernel kernel;
  auto sources = OpenPerfSources(host.root(), {.events = &kernel});
  std::printf("%s, perf (SOFTWARE EVENTS STAND FOR THE PMU):\n\n", machine);
  return CompareWithFloor(sources, BareGroupReads(kernel.leader, tree.events.size()), tree.events.size());
}

int Main() {
  ::setenv("TMPDIR", "/dev/shm", /*overwrite=*/1);
  // As the sampling thread is: a migration or another thread is no cost of a read.
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(::sched_getcpu()), &one);
  ::sched_setaffinity(0, sizeof one, &one);
  const sched_param priority{.sched_priority = 50};
  (void)::sched_setscheduler(0, SCHED_FIFO, &priority);
  const std::vector<Machine> machines = {
      {.name = "A server that counts package and DRAM",
       .model = 0x55,
       .registers = {kMsrPkgEnergyStatus, kMsrDramEnergyStatus},
       .zones = {{.id = "intel-rapl:0", .name = "package-0"}, {.id = "intel-rapl:0:0", .name = "dram"}}},
      {.name = "A desktop that counts all five domains",
       .model = 0x5E,
       .registers = {kMsrPkgEnergyStatus, kMsrPp0EnergyStatus, kMsrPp1EnergyStatus, kMsrDramEnergyStatus,
                     kMsrPlatformEnergyStatus},
       .zones = {{.id = "intel-rapl:0", .name = "package-0"},
                 {.id = "intel-rapl:0:0", .name = "core"},
                 {.id = "intel-rapl:0:1", .name = "uncore"},
                 {.id = "intel-rapl:0:2", .name = "dram"},
                 {.id = "intel-rapl:1", .name = "psys"}}}};
  for (const Machine& machine : machines) {
    if (!Measure(machine)) return 1;
    if (!MeasureSoftwarePmu(machine.name, machine.registers.size() > 2)) return 1;
  }
  return 0;
}

}  // namespace
}  // namespace vrapl

int main() { return vrapl::Main(); }
