// The directory that the kernel makes for a PMU, in a HostBuilder's host.
//
//   AddPmu(host, {.name = "power", .type = 23, .cpumask = "0", .events = {{.name = "energy-pkg", .terms =
//   "event=0x02"}}});
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/fakes/host_builder.h"

namespace vrapl {

struct PmuEvent {
  std::string name;
  std::string terms;
  std::string scale = "2.3283064365386962890625e-10";
  std::string unit = "Joules";
};

struct PmuTree {
  std::string name;
  int type = 0;
  std::string cpumask;  // "": no such file
  std::vector<PmuEvent> events;
  std::string format = "config:0-7";  // of the term "event"
};

inline std::string PmuPath(const std::string& pmu, const std::string& file) {
  return absl::StrCat("/sys/bus/event_source/devices/", pmu, "/", file);
}

inline void AddPmu(HostBuilder& host, const PmuTree& pmu) {
  host.Write(PmuPath(pmu.name, "type"), absl::StrCat(pmu.type, "\n"));
  host.Write(PmuPath(pmu.name, "format/event"), pmu.format + "\n");
  if (!pmu.cpumask.empty()) host.Write(PmuPath(pmu.name, "cpumask"), pmu.cpumask + "\n");
  for (const PmuEvent& event : pmu.events) {
    const std::string path = PmuPath(pmu.name, "events/" + event.name);
    host.Write(path, event.terms + "\n");
    host.Write(path + ".scale", event.scale + "\n");
    host.Write(path + ".unit", event.unit + "\n");
  }
}

inline const PmuEvent kEnergyCores{.name = "energy-cores", .terms = "event=0x01"};
inline const PmuEvent kEnergyPkg{.name = "energy-pkg", .terms = "event=0x02"};
inline const PmuEvent kEnergyRam{.name = "energy-ram", .terms = "event=0x03"};
inline const PmuEvent kEnergyGpu{.name = "energy-gpu", .terms = "event=0x04"};
inline const PmuEvent kEnergyPsys{.name = "energy-psys", .terms = "event=0x05"};
inline const PmuEvent kEnergyCore{.name = "energy-core", .terms = "event=0x01"};

}  // namespace vrapl
