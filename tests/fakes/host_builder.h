// HostBuilder: a small host in a temporary directory, with the files that our code reads of a real one.
//
//   HostBuilder host(CpuVendor::kIntel, 6, 0x55);
//   host.AddCpu({.cpu = 0}).AddCpu({.cpu = 1, .package = 1});
//   host.AddZone({.id = "intel-rapl:0", .name = "package-0"});
//   ReadTopology(host.root(), CpuVendor::kIntel);
//
// It has no msr devices: those need FuseMsr. The directory is removed with the object.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/cpu_model.h"
#include "base/host_root.h"

namespace vrapl {

struct HostCpu {
  int cpu = 0;
  int package = 0;
  int die = 0;
  int core = 0;  // CPUs of one package, die and core are SMT siblings
  bool online = true;
};

struct HostZone {
  std::string id;  // "intel-rapl:0:1"; the control type and the parent follow from it
  std::string name;
  uint64_t energy_uj = 1'000'000;
  int64_t max_energy_range_uj = 262'143'328'850;  // of the unit 2^-14 J, as the kernel rounds it
  int enabled = 1;
};

class HostBuilder {
 public:
  HostBuilder(CpuVendor vendor, int family, int model, absl::string_view flags = "fpu msr");
  ~HostBuilder();
  HostBuilder(const HostBuilder&) = delete;
  HostBuilder& operator=(const HostBuilder&) = delete;

  HostBuilder& AddCpu(const HostCpu& cpu);

  // Lies below /sys/devices/virtual/powercap, nested, with a link in /sys/class/powercap, as on a real host.
  HostBuilder& AddZone(const HostZone& zone);
  std::string ZoneFile(absl::string_view zone_id, absl::string_view file) const;  // its path on this machine

  // `path` is the host's; directories on the way are made.
  HostBuilder& Write(absl::string_view path, absl::string_view text, int mode = 0644);
  HostBuilder& Remove(absl::string_view path);

  const HostRoot& root() const { return root_; }

 private:
  void WriteTopology();

  HostRoot root_;
  std::vector<HostCpu> cpus_;
};

}  // namespace vrapl
