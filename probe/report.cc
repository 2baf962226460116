#include "probe/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/topology.h"
#include "msr/msr_device.h"
#include "msr/registers.h"
#include "probe/json.h"

namespace vrapl {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kBetweenReadingsNs = 100 * kNanosPerMilli;

constexpr char kReadme[] = R"(What `vrapl probe --report` saw of one host's energy counters.

It holds the hardware files that vrapl reads, the registers it reads, and what it made of them. It holds no host name, no
user, no virtual machine, no serial number: look for yourself, it is all text.

To make it a test of vrapl: unpack it as tests/hosts/NAME/ of the source tree and run `ctest -R hosts_test`. See
CONTRIBUTING.md.
)";

// Allow-lists: what is not named here does not go in.
constexpr const char* kCpuinfoFields[] = {"processor", "vendor_id",   "cpu family", "model",   "model name", "stepping",
                                          "microcode", "physical id", "siblings",   "core id", "cpu cores",  "flags"};
constexpr const char* kCpuFiles[] = {"online", "possible", "present"};
constexpr const char* kTopologyFiles[] = {"physical_package_id", "die_id", "core_id", "core_cpus_list",
                                          "thread_siblings_list"};
constexpr const char* kZoneFiles[] = {
    "name", "enabled", "energy_uj", "max_energy_range_uj", "constraint_0_name", "constraint_0_max_power_uw"};
constexpr const char* kDmiFiles[] = {"sys_vendor", "product_name"};

struct NamedRegister {
  MsrAddress address;
  const char* name;
};
constexpr NamedRegister kIntelRegisters[] = {
    {kMsrRaplPowerUnit, "MSR_RAPL_POWER_UNIT"},        {kMsrPkgEnergyStatus, "MSR_PKG_ENERGY_STATUS"},
    {kMsrPkgPowerInfo, "MSR_PKG_POWER_INFO"},          {0x66E, "MSR_PKG_POWER_INFO (Silvermont-D)"},
    {kMsrDramEnergyStatus, "MSR_DRAM_ENERGY_STATUS"},  {kMsrPp0EnergyStatus, "MSR_PP0_ENERGY_STATUS"},
    {kMsrPp1EnergyStatus, "MSR_PP1_ENERGY_STATUS"},    {kMsrPlatformEnergyStatus, "MSR_PLATFORM_ENERGY_STATUS"},
    {kIa32ArchCapabilities, "IA32_ARCH_CAPABILITIES"}, {kIa32MiscPackageCtls, "IA32_MISC_PACKAGE_CTLS"},
};
constexpr NamedRegister kAmdRegisters[] = {
    {kAmdRaplPowerUnit, "AMD RAPL_PWR_UNIT"},
    {kAmdPkgEnergyStatus, "AMD PKG_ENERGY_STAT"},
    {kAmdCoreEnergyStatus, "AMD CORE_ENERGY_STAT"},
};

void AddFile(const HostRoot& root, const std::string& path, FileTree& files) {
  const absl::StatusOr<std::string> text = ReadSmallFile(root.Path(path));
  if (text.ok()) files[path.substr(1)] = *text + "\n";
}

void AddDirectoryFiles(const HostRoot& root, const std::string& path, FileTree& files) {
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(root.Path(path));
  if (!names.ok()) return;
  for (const std::string& name : *names) AddFile(root, absl::StrCat(path, "/", name), files);
}

void AddCpus(const HostRoot& root, FileTree& files) {
  if (const absl::StatusOr<std::string> cpuinfo = ReadSmallFile(root.Path("/proc/cpuinfo")); cpuinfo.ok()) {
    files["proc/cpuinfo"] = AnonymousCpuinfo(*cpuinfo);
  }
  const std::string directory = "/sys/devices/system/cpu";
  for (const char* name : kCpuFiles) AddFile(root, absl::StrCat(directory, "/", name), files);
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(root.Path(directory));
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (!absl::StartsWith(name, "cpu") || name.find_first_not_of("0123456789", 3) != std::string::npos) continue;
    AddFile(root, absl::StrCat(directory, "/", name, "/online"), files);
    for (const char* file : kTopologyFiles)
      AddFile(root, absl::StrCat(directory, "/", name, "/topology/", file), files);
  }
}

// Each zone where FindZones() finds it: in the class directory a zone may lie side by side with its parent, in it, or
// both.
void AddZones(const HostRoot& root, const std::string& path, std::set<std::string>& seen, FileTree& files) {
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(root.Path(path));
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (!absl::StartsWith(name, "intel-rapl") || !seen.insert(name).second) continue;
    const std::string zone = absl::StrCat(path, "/", name);
    for (const char* file : kZoneFiles) AddFile(root, absl::StrCat(zone, "/", file), files);
    AddZones(root, zone, seen, files);
  }
}

void AddEventSources(const HostRoot& root, FileTree& files) {
  const std::string directory = "/sys/bus/event_source/devices";
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(root.Path(directory));
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (!absl::StartsWith(name, "power")) continue;
    const std::string pmu = absl::StrCat(directory, "/", name);
    for (const char* file : {"type", "cpumask"}) AddFile(root, absl::StrCat(pmu, "/", file), files);
    for (const char* part : {"events", "format"}) AddDirectoryFiles(root, absl::StrCat(pmu, "/", part), files);
  }
}

// Names and labels of all sensors, and the readings of those that tell power or energy.
void AddHwmon(const HostRoot& root, FileTree& files) {
  const std::string directory = "/sys/class/hwmon";
  const absl::StatusOr<std::vector<std::string>> sensors = ListDirectory(root.Path(directory));
  if (!sensors.ok()) return;
  for (const std::string& sensor : *sensors) {
    const std::string path = absl::StrCat(directory, "/", sensor);
    const absl::StatusOr<std::vector<std::string>> names = ListDirectory(root.Path(path));
    if (!names.ok()) continue;
    for (const std::string& name : *names) {
      const bool energy = absl::StartsWith(name, "power") || absl::StartsWith(name, "energy");
      if (name != "name" && !(energy && (absl::EndsWith(name, "_label") || absl::EndsWith(name, "_input")))) continue;
      AddFile(root, absl::StrCat(path, "/", name), files);
    }
  }
}

// The CPUs whose registers are worth having: one of each package or die, and on AMD one of each core.
std::vector<int> RegisterCpus(const HostRoot& root, const CpuModel& cpu) {
  std::set<int> cpus;
  const absl::StatusOr<std::vector<PackageTopology>> topology = ReadTopology(root, cpu.vendor);
  if (!topology.ok()) return {};
  for (const PackageTopology& package : *topology) {
    cpus.insert(package.reader_cpu());
    if (cpu.vendor == CpuVendor::kIntel) continue;
    for (const PhysicalCore& core : package.cores) cpus.insert(core.cpus.front());
  }
  return {cpus.begin(), cpus.end()};
}

std::string ErrorName(const absl::Status& status) { return std::string(absl::StatusCodeToString(status.code())); }

// One CPU's registers, read a first time; `device` stays open for the second.
struct OpenCpu {
  absl::StatusOr<MsrDevice> device;
  Json json;
};

OpenCpu ReadRegisters(const HostRoot& root, const CpuModel& model, int cpu) {
  OpenCpu open{.device = MsrDevice::Open(root, cpu),
               .json = {{"cpu", cpu}, {"open_error", nullptr}, {"registers", Json::array()}}};
  if (!open.device.ok()) {
    open.json["open_error"] = ErrorName(open.device.status());
    return open;
  }
  const bool intel = model.vendor == CpuVendor::kIntel;
  for (const NamedRegister& one : intel ? absl::MakeConstSpan(kIntelRegisters) : absl::MakeConstSpan(kAmdRegisters)) {
    // 0xBC exists only where 0x10A says so, and 0x10A only where CPUID does: do not provoke a fault for nothing.
    const bool filtering = one.address == kIa32ArchCapabilities || one.address == kIa32MiscPackageCtls;
    if (filtering && !model.arch_capabilities) continue;
    const absl::StatusOr<uint64_t> value = open.device->Read(one.address);
    open.json["registers"].push_back({{"address", absl::StrFormat("0x%x", one.address)},
                                      {"name", one.name},
                                      {"value", value.ok() ? Json(absl::StrFormat("0x%x", *value)) : Json(nullptr)},
                                      {"later", nullptr},
                                      {"error", value.ok() ? Json(nullptr) : Json(ErrorName(value.status()))}});
  }
  return open;
}

void ReadRegistersAgain(OpenCpu& open) {
  for (Json& one : open.json["registers"]) {
    if (one["value"].is_null()) continue;
    const auto address = static_cast<MsrAddress>(std::stoul(one["address"].get<std::string>(), nullptr, 16));
    const absl::StatusOr<uint64_t> later = open.device->Read(address);
    if (later.ok()) one["later"] = absl::StrFormat("0x%x", *later);
  }
}

// `files` holds the zones as they were read first.
Json CountersJson(const HostRoot& root, const ProbeFindings& found, const FileTree& files) {
  const int64_t first_ns = MonotonicNs();
  std::vector<OpenCpu> cpus;
  if (found.cpu.ok()) {
    for (const int cpu : RegisterCpus(root, *found.cpu)) cpus.push_back(ReadRegisters(root, *found.cpu, cpu));
  }
  Json zones = Json::array();
  for (const auto& [path, text] : files) {
    if (!absl::EndsWith(path, "/energy_uj")) continue;
    const absl::StatusOr<int64_t> energy_uj = ReadNumberFile(root.Path("/" + path));
    if (energy_uj.ok()) zones.push_back({{"path", path}, {"energy_uj", *energy_uj}});
  }
  RealClock().SleepUntil(MonotonicNs() + kBetweenReadingsNs);
  Json json = {{"seconds", static_cast<double>(MonotonicNs() - first_ns) * 1e-9},
               {"cpus", Json::array()},
               {"zones", std::move(zones)}};
  for (OpenCpu& cpu : cpus) {
    if (cpu.device.ok()) ReadRegistersAgain(cpu);
    json["cpus"].push_back(std::move(cpu.json));
  }
  for (Json& zone : json["zones"]) {
    const absl::StatusOr<int64_t> later = ReadNumberFile(root.Path("/" + zone["path"].get<std::string>()));
    zone["later_uj"] = later.ok() ? Json(*later) : Json(nullptr);
  }
  return json;
}

// Without VMs, and with remedies that do not name where vrapl is installed.
ProbeFindings Anonymous(ProbeFindings found, SystemState system) {
  found.vms.clear();
  found.vms_status = absl::OkStatus();
  found.vms_by = "none";
  const std::string path = std::exchange(system.program, "vrapl");
  for (Check& check : found.checks) check.remedy = absl::StrReplaceAll(check.remedy, {{path, "vrapl"}});
  for (RunTimeFindings& method : found.run_time) method.remedy = absl::StrReplaceAll(method.remedy, {{path, "vrapl"}});
  for (SourceFindings& source : found.sources) source.remedy = absl::StrReplaceAll(source.remedy, {{path, "vrapl"}});
  return found;
}

}  // namespace

std::string AnonymousCpuinfo(absl::string_view cpuinfo) {
  std::string kept;
  for (absl::string_view line : absl::StrSplit(cpuinfo, '\n')) {
    const absl::string_view field = absl::StripAsciiWhitespace(line.substr(0, line.find(':')));
    const bool wanted = std::any_of(std::begin(kCpuinfoFields), std::end(kCpuinfoFields),
                                    [&](absl::string_view name) { return name == field; });
    if (field.empty() || wanted) absl::StrAppend(&kept, line, "\n");
  }
  return kept;
}

std::string ReportFileName(const ProbeFindings& found) {
  if (!found.cpu.ok()) return "vrapl-report.tar.gz";
  const char* vendor = found.cpu->vendor == CpuVendor::kIntel   ? "intel"
                       : found.cpu->vendor == CpuVendor::kAmd   ? "amd"
                       : found.cpu->vendor == CpuVendor::kHygon ? "hygon"
                                                                : "other";
  return absl::StrFormat("vrapl-report-%s-%x-%x%s.tar.gz", vendor, found.cpu->family, found.cpu->model,
                         found.emulated ? "-emulated" : "");
}

FileTree MakeReport(const HostRoot& root, const ProbeFindings& found, const CrossCheck& check,
                    const SystemState& system) {
  FileTree files;
  files["README"] = absl::StrCat(found.emulated ? "EMULATED: this is no real hardware.\n\n" : "", kReadme);
  AddCpus(root, files);
  std::set<std::string> zones;
  AddZones(root, "/sys/class/powercap", zones, files);
  AddEventSources(root, files);
  AddHwmon(root, files);
  for (const char* name : kDmiFiles) AddFile(root, absl::StrCat("/sys/class/dmi/id/", name), files);
  AddFile(root, "/sys/hypervisor/type", files);
  files["counters.json"] = CountersJson(root, found, files).dump(1) + "\n";
  files["probe.json"] = ToJson(Anonymous(found, system), &check);
  // An operator's own CPU table may lie in a home directory; the row is what matters.
  const std::string table = found.cpu_table.substr(0, found.cpu_table.find(" row "));
  if (!table.empty()) files["probe.json"] = absl::StrReplaceAll(files["probe.json"], {{table, "FILE"}});
  // Where an emulated host is mounted, or which directory was given, is nobody's business.
  if (root.emulated()) {
    for (auto& [path, text] : files) text = absl::StrReplaceAll(text, {{root.prefix(), ""}});
  }
  return files;
}

}  // namespace vrapl
