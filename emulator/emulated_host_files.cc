// The files of the emulated host: what the kernel shows of CPUs, their topology and powercap. What they hold when they
// are read comes from emulated_host.cc.
#include <algorithm>
#include <cerrno>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/host_root.h"
#include "emulator/emulated_host.h"

namespace vrapl {
namespace {

std::string SortedCpuList(std::vector<int> cpus) {
  std::sort(cpus.begin(), cpus.end());
  return FormatCpuList(cpus);
}

std::string Line(absl::string_view text) { return absl::StrCat(text, "\n"); }
std::string Line(int64_t value) { return absl::StrCat(value, "\n"); }

// `die_id` is -1 where packages are not told apart by die.
std::string PowercapName(RaplDomain domain, int package_id, int die_id) {
  switch (domain) {
    case RaplDomain::kPackage:
      return absl::StrCat("package-", package_id, die_id < 0 ? "" : absl::StrCat("-die-", die_id));
    case RaplDomain::kCores:
    case RaplDomain::kCore:
      return "core";
    case RaplDomain::kUncore:
      return "uncore";
    case RaplDomain::kDram:
      return "dram";
    case RaplDomain::kPsys:
      return package_id == 0 ? "psys" : absl::StrCat("psys-", package_id);
  }
  return "";
}

}  // namespace

HostFsTree EmulatedHost::Tree() {
  HostFsTree tree;
  AddCpus(tree);
  AddPowercap(tree);
  tree.AddText("/vrapl-emulator.json", Describe());
  return tree;
}

void EmulatedHost::AddCpus(HostFsTree& tree) {
  const CpuProfile& cpu_model = *options_.cpu;
  std::vector<int> all;
  for (const Package& package : packages_) all.insert(all.end(), package.cpus.begin(), package.cpus.end());
  std::sort(all.begin(), all.end());
  const std::string system = "/sys/devices/system/cpu";
  const auto list = [this, all](bool online) {
    return [this, all, online](std::string& text) {
      std::vector<int> cpus;
      std::copy_if(all.begin(), all.end(), std::back_inserter(cpus), [&](int cpu) { return Online(cpu) == online; });
      text = Line(SortedCpuList(cpus));
      return 0;
    };
  };
  tree.AddComputed(system + "/online", list(true));
  tree.AddComputed(system + "/offline", list(false));
  tree.AddText(system + "/possible", Line(SortedCpuList(all)));
  tree.AddText(system + "/present", Line(SortedCpuList(all)));
  tree.AddText(system + "/kernel_max", Line(8191));

  std::map<int, std::string> cpuinfo;
  for (const Package& package : packages_) {
    for (size_t c = 0; c < package.cores.size(); ++c) {
      for (const int cpu : package.cores[c].cpus) {
        tree.AddMsr(cpu);
        tree.ServeOn(absl::StrCat("/dev/cpu/", cpu), cpu);
        cpuinfo[cpu] = absl::StrCat(
            "processor\t: ", cpu, "\nvendor_id\t: ", cpu_model.vendor_id(), "\ncpu family\t: ", cpu_model.family,
            "\nmodel\t\t: ", cpu_model.model, "\nmodel name\t: ", cpu_model.model_name,
            " (emulated)\nstepping\t: ", cpu_model.stepping, "\nphysical id\t: ", package.package_id,
            "\nsiblings\t: ", package.cpus.size(), "\ncore id\t\t: ", package.cores[c].core_id,
            "\ncpu cores\t: ", package.cores.size(), "\nflags\t\t: fpu tsc msr cpuid constant_tsc nonstop_tsc",
            cpu_model.amd() ? " rapl" : "", "\n\n");
        AddTopology(tree, package, c, cpu);
      }
    }
  }
  tree.AddComputed("/proc/cpuinfo", [this, cpuinfo](std::string& text) {
    for (const auto& [cpu, lines] : cpuinfo) {
      if (Online(cpu)) text += lines;
    }
    return 0;
  });
}

// The kernel takes the topology of a CPU away while it is offline, and counts it to no sibling's.
void EmulatedHost::AddTopology(HostFsTree& tree, const Package& package, size_t core, int cpu) {
  const std::string directory = absl::StrCat("/sys/devices/system/cpu/cpu", cpu);
  const std::string topology = directory + "/topology";
  const auto cpus = [this, &tree](const std::string& path, const std::vector<int>& of) {
    tree.AddComputed(path, [this, of](std::string& text) {
      text = Line(SortedCpuList(OnlineOf(of)));
      return 0;
    });
  };
  tree.AddComputed(directory + "/online", [this, cpu](std::string& text) {
    text = Line(Online(cpu) ? 1 : 0);
    return 0;
  });
  const int die_id = package.core_die_ids[core];
  std::vector<int> of_die;
  std::vector<int> of_package;
  for (const Package& each : packages_) {
    if (each.package_id != package.package_id) continue;
    for (size_t c = 0; c < each.cores.size(); ++c) {
      const std::vector<int>& of_core = each.cores[c].cpus;
      of_package.insert(of_package.end(), of_core.begin(), of_core.end());
      if (each.core_die_ids[c] == die_id) of_die.insert(of_die.end(), of_core.begin(), of_core.end());
    }
  }
  tree.AddText(topology + "/physical_package_id", Line(package.package_id));
  tree.AddText(topology + "/die_id", Line(die_id));
  tree.AddText(topology + "/core_id", Line(package.cores[core].core_id));
  cpus(topology + "/core_cpus_list", package.cores[core].cpus);
  cpus(topology + "/thread_siblings_list", package.cores[core].cpus);
  cpus(topology + "/die_cpus_list", of_die);
  cpus(topology + "/package_cpus_list", of_package);
  cpus(topology + "/core_siblings_list", of_package);
  tree.ShowWhile(topology, [this, cpu] { return Online(cpu); });
}

void EmulatedHost::AddZone(HostFsTree& tree, const std::string& zone, const std::string& name, Counter& counter) {
  const int64_t tick_nj = counter.profile->powercap_tick_nj;
  tree.AddText(zone + "/name", Line(name));
  tree.AddText(zone + "/enabled", Line(1));
  tree.AddText(zone + "/max_energy_range_uj", Line(static_cast<int64_t>(PowercapMicrojoules(0xFFFF'FFFF, tick_nj))));
  tree.AddComputed(
      zone + "/energy_uj",
      [this, &counter, tick_nj](std::string& text) {
        if (OnlineOf(packages_[counter.package].cpus).empty()) return ENODEV;
        uint64_t value = Show(counter);
        if (ApplyFaults(counter.package, counter.profile->energy_status, value) != 0) {
          return EINVAL;  // the driver's answer, not EIO
        }
        text = absl::StrCat(PowercapMicrojoules(static_cast<uint32_t>(value), tick_nj), "\n");
        return 0;
      },
      options_.readable_powercap ? 0444 : 0400);                     // root only since Linux 5.10 (CVE-2020-8694)
  const auto depth = std::count(zone.begin(), zone.end(), '/') - 1;  // below /sys
  std::string up;
  for (std::ptrdiff_t i = 0; i < depth; ++i) up += "../";
  tree.AddLink(zone + "/subsystem", up + "class/powercap");
  tree.AddText(zone + "/uevent", "");
}

void EmulatedHost::AddPowercap(HostFsTree& tree) {
  if (!options_.cpu->powercap) return;
  // As the kernel has it: zones in a tree of directories, and links to all of them, flat, in the class.
  const std::string type = "/sys/devices/virtual/powercap/intel-rapl";  // AMD's too
  const std::string from_class = "../../devices/virtual/powercap/intel-rapl";
  tree.AddText(type + "/enabled", Line(1));
  tree.AddText(type + "/uevent", "");
  tree.AddLink("/sys/class/powercap/intel-rapl", from_class);
  const bool by_die = options_.dies > 1 && !options_.cpu->amd();
  int top = 0;
  for (size_t p = 0; p < packages_.size(); ++p) {
    // Numbers are given in the order of registration, so psys comes between the packages.
    std::string package_zone;
    int child = 0;
    bool core_shown = false;
    for (Counter& counter : counters_) {
      if (counter.package != p) continue;
      const RaplDomain domain = counter.profile->domain;
      // Of AMD's cores powercap shows one: that of the CPU it reads the package on.
      if (domain == RaplDomain::kCore && std::exchange(core_shown, true)) continue;
      std::string zone;
      std::string path;
      if (domain == RaplDomain::kPackage || domain == RaplDomain::kPsys) {
        zone = absl::StrFormat("intel-rapl:%x", top++);
        path = zone;
        if (domain == RaplDomain::kPackage) package_zone = zone;
      } else {
        zone = absl::StrFormat("%s:%x", package_zone, child++);
        path = absl::StrCat(package_zone, "/", zone);
      }
      AddZone(tree, absl::StrCat(type, "/", path),
              PowercapName(domain, packages_[p].package_id, by_die ? packages_[p].die_id : -1), counter);
      tree.AddLink("/sys/class/powercap/" + zone, absl::StrCat(from_class, "/", path));
      if (domain == RaplDomain::kPackage) {
        const std::string directory = absl::StrCat(type, "/", path);
        const int64_t tdp_uw = int64_t{options_.cpu->tdp_w} * 1'000'000;
        tree.AddText(directory + "/constraint_0_name", Line("long_term"));
        tree.AddText(directory + "/constraint_0_power_limit_uw", Line(tdp_uw));
        tree.AddText(directory + "/constraint_0_max_power_uw", Line(tdp_uw));
        tree.AddText(directory + "/constraint_0_time_window_us", Line(999'424));
        // The driver, too, reads the register on one CPU of the package, whoever asks.
        tree.ServeOn(directory, packages_[p].cpus.front());
      }
    }
  }
}

}  // namespace vrapl
