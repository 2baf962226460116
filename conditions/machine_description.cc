#include "conditions/machine_description.h"

#include <sys/utsname.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace vrapl {
namespace {

using nlohmann::json;

constexpr char kCpus[] = "/sys/devices/system/cpu";

// Into `out`, where the file is there and not empty.
void Add(json& out, const char* key, const HostRoot& root, const std::string& path) {
  const absl::StatusOr<std::string> text = ReadSmallFile(root.Path(path));
  if (text.ok() && !text->empty()) out[key] = *text;
}

// The first value of a field of /proc/cpuinfo, and the machine's idea of itself as a guest.
void AddCpuInfo(json& out, const HostRoot& hardware) {
  const absl::StatusOr<std::string> text = ReadSmallFile(hardware.Path("/proc/cpuinfo"));
  if (!text.ok()) return;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    const std::pair<absl::string_view, absl::string_view> field = absl::StrSplit(line, absl::MaxSplits(':', 1));
    const absl::string_view name = absl::StripAsciiWhitespace(field.first);
    const absl::string_view value = absl::StripAsciiWhitespace(field.second);
    if (name == "microcode" && !out.contains("microcode")) out["microcode"] = std::string(value);
    if (name == "flags") {
      out["virtual_machine"] = absl::StrContains(absl::StrCat(" ", value, " "), " hypervisor ");
      return;
    }
  }
}

// Those that decide on power, scheduling and clocks. Others are nobody's business: a command line may hold secrets.
void AddKernelParameters(json& out, const HostRoot& kernel) {
  static constexpr absl::string_view kTold[] = {"amd_pstate",
                                                "clocksource",
                                                "cpufreq",
                                                "cpuidle",
                                                "hpet",
                                                "hugepages",
                                                "idle",
                                                "init_on",
                                                "intel_idle",
                                                "intel_pstate",
                                                "irqaffinity",
                                                "isolcpus",
                                                "kvm",
                                                "maxcpus",
                                                "mitigations",
                                                "nohz",
                                                "nosmt",
                                                "nosoftlockup",
                                                "nmi_watchdog",
                                                "nr_cpus",
                                                "numa",
                                                "preempt",
                                                "processor",
                                                "rcu_nocb",
                                                "skew_tick",
                                                "spec",
                                                "threadirqs",
                                                "tsc",
                                                "transparent_hugepage"};
  const absl::StatusOr<std::string> text = ReadSmallFile(kernel.Path("/proc/cmdline"));
  std::vector<std::string> told;
  for (absl::string_view word : absl::StrSplit(text.value_or(""), ' ', absl::SkipEmpty())) {
    const auto begins = [&](absl::string_view name) { return absl::StartsWith(word, name); };
    if (std::any_of(std::begin(kTold), std::end(kTold), begins)) told.emplace_back(word);
  }
  if (!told.empty()) out["kernel_parameters"] = told;
}

// Values of a file of each CPU with the CPUs that have it: {"performance": "0-3"}.
json ByValue(const HostRoot& hardware, const char* file) {
  std::map<std::string, std::vector<int>> cpus;
  for (const std::string& name : ListDirectory(hardware.Path(kCpus)).value_or(std::vector<std::string>())) {
    int cpu = 0;
    if (!absl::StartsWith(name, "cpu") || !absl::SimpleAtoi(name.substr(3), &cpu)) continue;
    const absl::StatusOr<std::string> text = ReadSmallFile(hardware.Path(absl::StrCat(kCpus, "/", name, "/", file)));
    if (text.ok() && !text->empty()) cpus[*text].push_back(cpu);
  }
  json out = json::object();
  for (auto& [value, list] : cpus) {
    std::sort(list.begin(), list.end());
    out[value] = FormatCpuList(list);
  }
  return out;
}

json IdleStates(const HostRoot& hardware) {
  json states = json::array();
  const std::string base = absl::StrCat(kCpus, "/cpu0/cpuidle");
  for (const std::string& name : ListDirectory(hardware.Path(base)).value_or(std::vector<std::string>())) {
    if (!absl::StartsWith(name, "state")) continue;
    json state = json::object();
    Add(state, "name", hardware, absl::StrCat(base, "/", name, "/name"));
    const absl::StatusOr<int64_t> latency = ReadNumberFile(hardware.Path(absl::StrCat(base, "/", name, "/latency")));
    if (latency.ok()) state["latency_us"] = *latency;
    const json disabled = ByValue(hardware, absl::StrCat("cpuidle/", name, "/disable").c_str());
    if (disabled.contains("1")) state["disabled_on_cpus"] = disabled["1"];
    states.push_back(std::move(state));
  }
  return states;
}

}  // namespace

std::string DescribeMachine(const HostRoot& hardware, const HostRoot& kernel) {
  json out = json::object();
  if (hardware.emulated()) out["hardware"] = "emulated";
  utsname name{};
  if (!kernel.emulated() && ::uname(&name) == 0) {
    out["hostname"] = name.nodename;
    out["kernel"] = name.release;
    out["kernel_version"] = name.version;
  }
  AddKernelParameters(out, kernel);
  Add(out, "clocksource", kernel, "/sys/devices/system/clocksource/clocksource0/current_clocksource");
  Add(out, "product", kernel, "/sys/class/dmi/id/product_name");
  Add(out, "bios_version", kernel, "/sys/class/dmi/id/bios_version");
  Add(out, "kvm_halt_poll_ns", kernel, "/sys/module/kvm/parameters/halt_poll_ns");
  AddCpuInfo(out, hardware);

  Add(out, "online_cpus", hardware, absl::StrCat(kCpus, "/online"));
  Add(out, "isolated_cpus", hardware, absl::StrCat(kCpus, "/isolated"));
  Add(out, "nohz_full_cpus", hardware, absl::StrCat(kCpus, "/nohz_full"));
  Add(out, "smt", hardware, absl::StrCat(kCpus, "/smt/control"));
  Add(out, "no_turbo", hardware, absl::StrCat(kCpus, "/intel_pstate/no_turbo"));
  Add(out, "boost", hardware, absl::StrCat(kCpus, "/cpufreq/boost"));
  Add(out, "pstate_status", hardware, absl::StrCat(kCpus, "/intel_pstate/status"));
  Add(out, "idle_driver", hardware, absl::StrCat(kCpus, "/cpuidle/current_driver"));
  Add(out, "max_cstate", kernel, "/sys/module/intel_idle/parameters/max_cstate");
  const std::pair<const char*, const char*> by_value[] = {
      {"frequency_driver", "cpufreq/scaling_driver"},
      {"governor", "cpufreq/scaling_governor"},
      {"frequency_min_khz", "cpufreq/scaling_min_freq"},
      {"frequency_max_khz", "cpufreq/scaling_max_freq"},
      {"energy_preference", "cpufreq/energy_performance_preference"}};
  for (const auto& [key, file] : by_value) {
    if (json values = ByValue(hardware, file); !values.empty()) out[key] = std::move(values);
  }
  if (json states = IdleStates(hardware); !states.empty()) out["idle_states"] = std::move(states);

  const std::string vulnerabilities = absl::StrCat(kCpus, "/vulnerabilities");
  json mitigations = json::object();
  for (const std::string& one : ListDirectory(kernel.Path(vulnerabilities)).value_or(std::vector<std::string>())) {
    Add(mitigations, one.c_str(), kernel, absl::StrCat(vulnerabilities, "/", one));
  }
  if (!mitigations.empty()) out["mitigations"] = std::move(mitigations);
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace vrapl
