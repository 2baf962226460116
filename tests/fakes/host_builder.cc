#include "tests/fakes/host_builder.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace vrapl {
namespace {

// A fake that cannot be built is no test failure but a broken machine.
void Check(bool ok, absl::string_view what) {
  if (ok) return;
  std::perror(std::string(what).c_str());
  std::abort();
}

std::string MakeTempDirectory() {
  std::string path = (std::filesystem::temp_directory_path() / "vrapl-host-XXXXXX").string();
  Check(::mkdtemp(path.data()) != nullptr, path);
  Check(::chmod(path.c_str(), 0755) == 0, path);  // so that a test can look at it as somebody else
  return path;
}

const char* VendorId(CpuVendor vendor) {
  switch (vendor) {
    case CpuVendor::kIntel:
      return "GenuineIntel";
    case CpuVendor::kAmd:
      return "AuthenticAMD";
    case CpuVendor::kHygon:
      return "HygonGenuine";
    case CpuVendor::kOther:
      return "CentaurHauls";
  }
  return "";
}

// Where a zone's directory is: "intel-rapl:0:1" lies in "intel-rapl:0", and that in "intel-rapl".
std::string ZoneDirectory(absl::string_view id) {
  std::string path = "/sys/devices/virtual/powercap";
  for (size_t end = id.find(':'); end != absl::string_view::npos; end = id.find(':', end + 1)) {
    absl::StrAppend(&path, "/", id.substr(0, end));
  }
  return absl::StrCat(path, "/", id);
}

}  // namespace

HostBuilder::HostBuilder(CpuVendor vendor, int family, int model, absl::string_view flags)
    : root_(MakeTempDirectory()) {
  Write("/proc/cpuinfo", absl::StrCat("processor\t: 0\nvendor_id\t: ", VendorId(vendor), "\ncpu family\t: ", family,
                                      "\nmodel\t\t: ", model, "\nmodel name\t: A CPU for tests\nstepping\t: 4\n",
                                      "microcode\t: 0x2006e05\nflags\t\t: ", flags, "\n\n"));
}

HostBuilder::~HostBuilder() {
  std::error_code ignored;
  std::filesystem::remove_all(root_.prefix(), ignored);
}

HostBuilder& HostBuilder::AddCpu(const HostCpu& cpu) {
  cpus_.push_back(cpu);
  WriteTopology();
  return *this;
}

void HostBuilder::WriteTopology() {
  std::vector<int> online;
  for (const HostCpu& cpu : cpus_) {
    const std::string directory = absl::StrCat("/sys/devices/system/cpu/cpu", cpu.cpu);
    if (!cpu.online) {
      Write(absl::StrCat(directory, "/online"), "0\n");  // an offline CPU has no topology
      continue;
    }
    online.push_back(cpu.cpu);
    std::vector<int> siblings;
    for (const HostCpu& other : cpus_) {
      if (other.online && other.package == cpu.package && other.die == cpu.die && other.core == cpu.core) {
        siblings.push_back(other.cpu);
      }
    }
    Write(absl::StrCat(directory, "/topology/physical_package_id"), absl::StrCat(cpu.package, "\n"));
    Write(absl::StrCat(directory, "/topology/die_id"), absl::StrCat(cpu.die, "\n"));
    Write(absl::StrCat(directory, "/topology/core_id"), absl::StrCat(cpu.core, "\n"));
    Write(absl::StrCat(directory, "/topology/core_cpus_list"), absl::StrCat(absl::StrJoin(siblings, ","), "\n"));
  }
  Write("/sys/devices/system/cpu/online", absl::StrCat(absl::StrJoin(online, ","), "\n"));
}

HostBuilder& HostBuilder::AddZone(const HostZone& zone) {
  const std::string directory = ZoneDirectory(zone.id);
  Write(absl::StrCat(directory, "/name"), absl::StrCat(zone.name, "\n"));
  Write(absl::StrCat(directory, "/energy_uj"), absl::StrCat(zone.energy_uj, "\n"), 0400);
  Write(absl::StrCat(directory, "/max_energy_range_uj"), absl::StrCat(zone.max_energy_range_uj, "\n"));
  Write(absl::StrCat(directory, "/enabled"), absl::StrCat(zone.enabled, "\n"));

  const std::string links = root_.Path("/sys/class/powercap");
  std::filesystem::create_directories(links);
  const std::string type = zone.id.substr(0, zone.id.find(':'));
  for (const auto& [name, target] :
       {std::pair(type, "/sys/devices/virtual/powercap/" + type), std::pair(zone.id, directory)}) {
    const std::string link = absl::StrCat(links, "/", name);
    if (!std::filesystem::exists(link)) {
      std::filesystem::create_directory_symlink(absl::StrCat("../..", target.substr(sizeof "/sys" - 1)), link);
    }
  }
  return *this;
}

std::string HostBuilder::ZoneFile(absl::string_view zone_id, absl::string_view file) const {
  return root_.Path(absl::StrCat(ZoneDirectory(zone_id), "/", file));
}

HostBuilder& HostBuilder::Write(absl::string_view path, absl::string_view text, int mode) {
  const std::filesystem::path file(root_.Path(path));
  std::filesystem::create_directories(file.parent_path());
  if (!std::filesystem::exists(file)) {
    std::ofstream(file).close();
    Check(::chmod(file.c_str(), static_cast<mode_t>(mode)) == 0, file.string());
  }
  std::ofstream stream(file);
  stream << text;
  stream.close();
  Check(stream.good(), file.string());
  return *this;
}

HostBuilder& HostBuilder::Remove(absl::string_view path) {
  std::filesystem::remove_all(root_.Path(path));
  return *this;
}

}  // namespace vrapl
