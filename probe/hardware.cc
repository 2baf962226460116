#include "probe/hardware.h"

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "msr/msr_device.h"
#include "msr/registers.h"
#include "powercap/zones.h"

namespace vrapl {
namespace {

constexpr MsrAddress kAvotonPkgPowerInfo = 0x66E;
constexpr int kAvoton = 0x4D;
constexpr double kLeastThermalWatts = 1;
constexpr double kMostThermalWatts = 2000;

absl::StatusOr<uint64_t> ReadRegister(const HostRoot& root, int cpu, MsrAddress address) {
  const absl::StatusOr<MsrDevice> device = MsrDevice::Open(root, cpu);
  if (!device.ok()) return device.status();
  return device->Read(address);
}

bool Plausible(double watts) { return watts >= kLeastThermalWatts && watts <= kMostThermalWatts; }

std::optional<ThermalPower> FromRegisters(const HostRoot& root, int reader_cpu, const CpuModel& cpu,
                                          const RaplModel& model) {
  if (cpu.vendor != CpuVendor::kIntel) return std::nullopt;
  const absl::StatusOr<uint64_t> unit = ReadRegister(root, reader_cpu, kMsrRaplPowerUnit);
  const MsrAddress address = cpu.family == 6 && cpu.model == kAvoton ? kAvotonPkgPowerInfo : kMsrPkgPowerInfo;
  const absl::StatusOr<uint64_t> info = ReadRegister(root, reader_cpu, address);
  if (!unit.ok() || !info.ok() || *unit == 0) return std::nullopt;  // 0: no RAPL, so no unit of power either
  const auto power_unit = static_cast<int>(*unit & 0xF);
  const bool milliwatts = model.unit_rule != EnergyUnitRule::kPowerOfTwo;
  const double watts_per_unit = milliwatts ? std::ldexp(1e-3, power_unit) : std::ldexp(1.0, -power_unit);
  const double watts = static_cast<double>(*info & 0x7FFF) * watts_per_unit;
  if (!Plausible(watts)) return std::nullopt;
  return ThermalPower{.watts = watts,
                      .origin = absl::StrFormat("MSR_PKG_POWER_INFO (0x%x) of CPU %d", address, reader_cpu)};
}

std::optional<ThermalPower> FromPowercap(const std::vector<Zone>& zones, int package_id) {
  for (const Zone& zone : zones) {
    if (zone.domain != RaplDomain::kPackage || zone.package_id != package_id) continue;
    const std::string file = absl::StrCat(zone.path, "/constraint_0_max_power_uw");
    const absl::StatusOr<int64_t> microwatts = ReadNumberFile(file);
    if (!microwatts.ok() || !Plausible(static_cast<double>(*microwatts) * 1e-6)) continue;
    return ThermalPower{.watts = static_cast<double>(*microwatts) * 1e-6, .origin = file};
  }
  return std::nullopt;
}

Check Filtering(Verdict verdict, std::string finding, std::string remedy = "") {
  return {.id = "energy_filtering",
          .title = "energy filtering",
          .verdict = verdict,
          .finding = std::move(finding),
          .remedy = std::move(remedy)};
}

constexpr char kNoise[] =
    "the CPU adds noise to each reading; energy over 100 ms and more stays right, that of single milliseconds not";

}  // namespace

std::map<int, ThermalPower> ReadThermalPower(const HostRoot& root, const CpuModel& cpu, const RaplModel* model) {
  std::map<int, ThermalPower> power;
  const absl::StatusOr<std::vector<PackageTopology>> topology = ReadTopology(root, cpu.vendor);
  if (!topology.ok()) return power;
  const absl::StatusOr<std::vector<Zone>> zones = FindZones(root);
  for (const PackageTopology& package : *topology) {
    if (power.contains(package.package_id)) continue;  // another die of it
    std::optional<ThermalPower> found;
    if (model != nullptr) found = FromRegisters(root, package.reader_cpu(), cpu, *model);
    if (!found && zones.ok()) found = FromPowercap(*zones, package.package_id);
    if (found) power[package.package_id] = *std::move(found);
  }
  return power;
}

Check CheckEnergyFiltering(const HostRoot& root, const CpuModel& cpu) {
  if (cpu.vendor == CpuVendor::kAmd || cpu.vendor == CpuVendor::kHygon) {
    return Filtering(Verdict::kGood, "none: AMD documents none for its counters");
  }
  if (cpu.vendor != CpuVendor::kIntel) return Filtering(Verdict::kUnknown, "nothing is known of this vendor's CPUs");
  if (cpu.sgx) {
    return Filtering(Verdict::kLimits, absl::StrCat("on, as SGX is enabled: ", kNoise), "disable SGX in the BIOS");
  }
  if (!cpu.arch_capabilities) return Filtering(Verdict::kGood, "off: SGX is not enabled, and there is no other switch");
  const absl::StatusOr<std::vector<PackageTopology>> topology = ReadTopology(root, cpu.vendor);
  if (!topology.ok()) return Filtering(Verdict::kUnknown, std::string(topology.status().message()));
  for (const PackageTopology& package : *topology) {
    const absl::StatusOr<uint64_t> capabilities = ReadRegister(root, package.reader_cpu(), kIa32ArchCapabilities);
    if (!capabilities.ok()) {
      return Filtering(Verdict::kUnknown,
                       absl::StrCat("SGX is not enabled; whether the BIOS turned filtering on is in a "
                                    "register that cannot be read: ",
                                    capabilities.status().message()));
    }
    // Bit 10: MISC_PACKAGE_CTLS exists; bit 11: its bit 0 is ENERGY_FILTERING_ENABLE.
    if ((*capabilities >> 10 & 3) != 3) continue;
    const absl::StatusOr<uint64_t> controls = ReadRegister(root, package.reader_cpu(), kIa32MiscPackageCtls);
    if (!controls.ok()) {
      return Filtering(Verdict::kUnknown, absl::StrCat("SGX is not enabled; ", controls.status().message()));
    }
    if ((*controls & 1) != 0) {
      return Filtering(Verdict::kLimits, absl::StrCat("on, set in IA32_MISC_PACKAGE_CTLS (0xBC) bit 0: ", kNoise),
                       "turn it off in the BIOS; once set it stays until the next reset");
    }
  }
  return Filtering(Verdict::kGood, "off: SGX is not enabled, and nobody has switched it on");
}

Check CheckVirtualMachine(const HostRoot& root, const CpuModel& cpu) {
  Check check{
      .id = "virtual_machine", .title = "virtual machine", .verdict = Verdict::kGood, .finding = "", .remedy = ""};
  std::vector<std::string> names;
  const absl::StatusOr<std::string> hypervisor = ReadSmallFile(root.Path("/sys/hypervisor/type"));
  if (hypervisor.ok() && !hypervisor->empty()) names.push_back(*hypervisor);
  for (const char* file : {"sys_vendor", "product_name"}) {
    const absl::StatusOr<std::string> text = ReadSmallFile(root.Path(absl::StrCat("/sys/class/dmi/id/", file)));
    if (text.ok() && !text->empty()) names.push_back(*text);
  }
  // As these products call themselves in DMI. CPUID's bit says nothing in a VM whose hypervisor hides.
  bool product_is_virtual = hypervisor.ok() && !hypervisor->empty();
  for (const std::string& name : names) {
    for (const char* known : {"QEMU", "KVM", "VMware", "VirtualBox", "Virtual Machine", "Bochs", "Xen", "HVM domU",
                              "OpenStack", "Google Compute Engine"}) {
      product_is_virtual |= absl::StrContains(name, known);
    }
  }
  if (!cpu.hypervisor && !product_is_virtual) {
    check.finding = "no";
    return check;
  }
  check.verdict = Verdict::kLimits;
  check.finding = absl::StrCat("yes", names.empty() ? "" : " (" + names.back() + ")",
                               ": it has energy counters only where its hypervisor emulates them");
  check.remedy = "run vrapl on the host of this virtual machine";
  return check;
}

bool InVirtualMachine(const Check& virtual_machine) { return virtual_machine.verdict != Verdict::kGood; }

}  // namespace vrapl
