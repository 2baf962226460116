// What does one sample of all domains cost, above the system calls that it cannot do without?
//
// A: a bare loop of pread on the same open files between the same two clock reads. B: EnergySource::Read. The files
// lie in memory (tmpfs): an emulated register costs 20 us through FUSE, which would hide everything of ours.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/posix.h"
#include "bench/paired.h"
#include "msr/rapl_reader.h"
#include "powercap/powercap_reader.h"
#include "tests/fakes/host_builder.h"

namespace vrapl {
namespace {

// Registers of a Skylake server that counts package, cores and DRAM, in a plain file: Intel's lie 8 bytes apart or
// more.
std::string MsrFile() {
  std::string bytes(0x700, '\0');
  const auto set = [&](MsrAddress address, uint64_t value) { std::memcpy(&bytes[address], &value, sizeof value); };
  set(kMsrRaplPowerUnit, 0x000A0E03);
  set(kMsrPkgEnergyStatus, 123456);
  set(kMsrPp0EnergyStatus, 23456);
  set(kMsrDramEnergyStatus, 34567);
  return bytes;
}

struct File {
  UniqueFd fd;
  off_t offset;
  size_t size;
};

Way BareReads(const std::vector<File>& files) {
  return {.name = absl::StrCat(files.size(), " bare preads"), .run = [&files](int64_t times) {
            std::array<char, 64> buffer;
            int64_t sum = 0;
            for (int64_t i = 0; i < times; ++i) {
              sum += MonotonicNs();
              for (const File& file : files) sum += ::pread(file.fd.get(), buffer.data(), file.size, file.offset);
              sum += MonotonicNs();
            }
            benchmark::DoNotOptimize(sum);
          }};
}

Way SourceReads(EnergySource& source) {
  return {.name = absl::StrCat(std::string(source.backend()), " source, ", source.package().domains.size(), " domains"),
          .run = [&source](int64_t times) {
            static EnergySample sample;
            for (int64_t i = 0; i < times; ++i) source.Read(sample);
          }};
}

int Main() {
  ::setenv("TMPDIR", "/dev/shm", /*overwrite=*/1);
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0});
  host.Write("/dev/cpu/0/msr", MsrFile());
  host.AddZone({.id = "intel-rapl:0", .name = "package-0"});
  host.AddZone({.id = "intel-rapl:0:0", .name = "core"});
  host.AddZone({.id = "intel-rapl:0:1", .name = "dram"});

  std::printf("| A | B | B/A | 95 %% | control A/A |\n| --- | --- | --- | --- | --- |\n");
  const auto open = [](const std::string& path) { return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); };

  auto msr = OpenMsrSources(host.root());
  if (!msr.ok()) return std::fprintf(stderr, "%s\n", msr.status().ToString().c_str()), 1;
  std::vector<File> registers;
  for (const MsrAddress address : {kMsrPkgEnergyStatus, kMsrPp0EnergyStatus, kMsrDramEnergyStatus}) {
    registers.push_back({.fd = open(host.root().Path("/dev/cpu/0/msr")), .offset = address, .size = 8});
  }
  const Way bare_msr = BareReads(registers);
  const Way our_msr = SourceReads(*msr->front());
  std::fputs(Describe(bare_msr, our_msr, Compare(bare_msr, our_msr)).c_str(), stdout);

  auto sysfs = OpenPowercapSources(host.root());
  if (!sysfs.ok()) return std::fprintf(stderr, "%s\n", sysfs.status().ToString().c_str()), 1;
  std::vector<File> zones;
  for (const char* zone : {"intel-rapl:0", "intel-rapl:0:0", "intel-rapl:0:1"}) {
    zones.push_back({.fd = open(host.ZoneFile(zone, "energy_uj")), .offset = 0, .size = 32});
  }
  const Way bare_sysfs = BareReads(zones);
  const Way our_sysfs = SourceReads(*sysfs->front());
  std::fputs(Describe(bare_sysfs, our_sysfs, Compare(bare_sysfs, our_sysfs)).c_str(), stdout);
  return 0;
}

}  // namespace
}  // namespace vrapl

int main() { return vrapl::Main(); }
