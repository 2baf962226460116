// Which CPU the host has: what the first entry of /proc/cpuinfo says.
//
// On x86 that is vendor, family and model. On ARM there is no vendor: the implementer's code stands for it, the
// architecture for the family and the part for the model. No table of RAPL registers has such a row.
//
// Threads: any.
// Source: Linux arch/x86/kernel/cpu/proc.c, show_cpuinfo(); family and model are display values, in decimal.
// arch/arm64/kernel/cpuinfo.c, c_show().
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/host_root.h"

namespace vrapl {

enum class CpuVendor : uint8_t { kIntel, kAmd, kHygon, kOther };

struct CpuModel {
  CpuVendor vendor = CpuVendor::kOther;
  std::string vendor_id;  // "GenuineIntel", "AuthenticAMD", "HygonGenuine"; "ARM implementer 0x50"
  int family = 0;         // display family: extended family added
  int model = 0;          // display model: extended model added
  int stepping = 0;
  std::string microcode;    // "0x1000065", or "" when the kernel does not say
  std::string name;         // "Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz"
  bool hypervisor = false;  // CPUID says that this is a virtual machine
  bool rapl = false;        // CPUID 0x80000007 EDX bit 14: AMD and Hygon only, and only kernels since 5.8 show it
  bool sgx = false;         // enclaves are enabled, by BIOS and kernel
  bool arch_capabilities = false;  // IA32_ARCH_CAPABILITIES (0x10A) is there: CPUID 7.0 EDX bit 29
};

// INVALID_ARGUMENT when the text lacks vendor, family or model, and is not ARM's.
absl::StatusOr<CpuModel> ParseCpuModel(absl::string_view cpuinfo);

// The same from the host's /proc/cpuinfo.
absl::StatusOr<CpuModel> ReadCpuModel(const HostRoot& host_root);

// "GenuineIntel family 6 model 0x55 stepping 4 (Intel(R) Xeon(R) ...)", for messages.
std::string DescribeCpu(const CpuModel& cpu);

}  // namespace vrapl
