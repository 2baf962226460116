// hwmon devices in a HostBuilder's host, and a host as APM X-Gene shows itself: an ARM /proc/cpuinfo and its sensor.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/fakes/host_builder.h"

namespace vrapl {

inline std::string HwmonPath(int device, const std::string& file) {
  return absl::StrCat("/sys/class/hwmon/hwmon", device, "/", file);
}

inline void AddXGene(HostBuilder& host, int device, const std::string& cpu_uw, const std::string& io_uw) {
  host.Write(HwmonPath(device, "name"), "apm_xgene\n");
  host.Write(HwmonPath(device, "temp1_label"), "SoC Temperature\n").Write(HwmonPath(device, "temp1_input"), "45000\n");
  host.Write(HwmonPath(device, "power1_label"), "CPU power\n").Write(HwmonPath(device, "power1_input"), cpu_uw + "\n");
  host.Write(HwmonPath(device, "power2_label"), "IO power\n").Write(HwmonPath(device, "power2_input"), io_uw + "\n");
}

// What arm64 kernels write for each CPU (arch/arm64/kernel/cpuinfo.c); 0x50 is Applied Micro's implementer code.
inline constexpr char kXGeneCpuinfo[] =
    "processor\t: 0\n"
    "BogoMIPS\t: 100.00\n"
    "Features\t: fp asimd evtstrm cpuid\n"
    "CPU implementer\t: 0x50\n"
    "CPU architecture: 8\n"
    "CPU variant\t: 0x0\n"
    "CPU part\t: 0x000\n"
    "CPU revision\t: 1\n"
    "\n"
    "processor\t: 1\n"
    "CPU implementer\t: 0x41\n";

}  // namespace vrapl
