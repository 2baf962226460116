#include "cli/arguments.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "base/closest_word.h"
#include "spdlog/sinks/stdout_color_sinks.h"
#include "spdlog/spdlog.h"

namespace vrapl {
namespace {

// The emulator that serves a host root says so in a file there.
std::optional<pid_t> EmulatorOf(const HostRoot& root) {
  absl::StatusOr<std::string> text = ReadSmallFile(root.Path("/vrapl-emulator.json"));
  if (!text.ok()) return std::nullopt;
  const nlohmann::json about = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!about.is_object() || !about.contains("pid") || !about["pid"].is_number_integer()) return std::nullopt;
  return about["pid"].get<pid_t>();
}

}  // namespace

absl::Status UnknownWord(absl::string_view option, absl::string_view typed, const std::vector<std::string>& words) {
  const std::optional<std::string> meant = ClosestWord(typed, words);
  return absl::InvalidArgumentError(absl::StrCat(option, "=", typed, ": unknown; it can be ",
                                                 absl::StrJoin(words, ", "),
                                                 meant ? absl::StrCat(". Did you mean ", *meant, "?") : ""));
}

void AddSourceOptions(CLI::App& app, CommonArguments& arguments) {
  app.add_option("--backend", arguments.backend, "how energy is read: auto, msr, perf, sysfs, hwmon (auto)")
      ->type_name("NAME");
  app.add_flag("--per-core", arguments.per_core,
               "AMD: read each core's own counter too, at one read and one interrupt per core and sample (--model=core "
               "turns it on)");
  app.add_option("--cpu-table", arguments.cpu_table, "rows for CPUs that msr does not know (docs/cpu-table.md)")
      ->type_name("FILE");
  app.add_option("--host-root", arguments.host_root, "read the hardware files below DIR instead of /")
      ->type_name("DIR");
  app.add_flag(
      "--emulate{default}", arguments.emulate,
      "emulate a host with RAPL for this command; --emulate=CPU chooses the CPU: skylake-sp, zen3, 06_8F, ...");
  app.add_option("--emulator-option", arguments.emulator_options,
                 "passed to vrapl-emulator, as in --emulator-option=--power=const:80W; may be repeated")
      ->type_name("OPTION")
      ->allow_extra_args(false);
}

void AddRunOptions(CLI::App& app, CommonArguments& arguments) {
  app.add_option("--connect", arguments.connect, "libvirt's URI (qemu:///system)")->type_name("URI");
  app.add_option("--vms", arguments.vms, "how VMs are found: libvirt, proc (libvirt)")->type_name("NAME");
  app.add_option("--vm", arguments.only_vms,
                 "send to and show this VM only, by name or UUID; may be repeated (data formats keep every row)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app.add_option("--model", arguments.model,
                 absl::StrCat("how energy is divided: ", ModelList(),
                              "; the first is told to guests (docs/models.md; core: AMD)"))
      ->type_name("NAME[,NAME]");
  app.add_option("--idle", arguments.idle,
                 absl::StrCat("who pays for the idle row: ", absl::StrJoin(IdlePolicyNames(), ", "),
                              "; told to guests in energy_uj, not in active_uj"))
      ->type_name("POLICY")
      ->capture_default_str();
  app.add_option(
         "--base-power", arguments.base_power,
         "idle power, given instead of learned: 20W, 19.5W+-1.3W with its 95 % interval, or package=20W,dram=3W")
      ->type_name("POWER");
  app.add_option("--run-time", arguments.run_time,
                 "how run time is known: auto, the first of these that works; bpf, every switch by the scheduler's own "
                 "clock; raw-tp, the same for kernels without BPF trampolines; bpf-ktime, raw-tp-ktime, without stolen "
                 "time; schedstat, no BPF: the kernel's accounts, every 10 ms (docs/run-time.md)")
      ->type_name("NAME");
  app.add_option("--btf", arguments.btf, "the kernel's BTF, for raw-tp where there is no /sys/kernel/btf/vmlinux")
      ->type_name("FILE");
  app.add_option("--cpu", arguments.cpu,
                 "read a package on this one of its CPUs (the first that is not kept clear for other work); one for "
                 "each package: 0,12")
      ->type_name("N[,N]");
  app.add_option(
         "--align", arguments.align,
         "samples by the clock, or at the updates of the counter: clock, edge (clock); edge polls for an eighth "
         "of the time and has the sharper samples (docs/sampling.md)")
      ->type_name("NAME");
  app.add_option("--period", arguments.period, "time between samples (1ms)")->type_name("TIME");
  app.add_option("--duration", arguments.duration, "end after this time")->type_name("TIME");
  app.add_option("--format", arguments.format, "text, csv or jsonl (text)")->type_name("NAME");
}

absl::StatusOr<int64_t> ParseDurationNs(absl::string_view name, absl::string_view text, int64_t least_ns,
                                        int64_t most_ns) {
  absl::Duration duration;
  const bool bare = !text.empty() && text.find_first_not_of("0123456789.") == absl::string_view::npos && text != "0";
  if (bare) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, "=", text, ": a unit is missing; write ", text, "ms or ", text, "s"));
  }
  if (!absl::ParseDuration(std::string(text), &duration)) {
    return absl::InvalidArgumentError(absl::StrCat(name, "=", text, ": not a time; write it like 1ms, 2s or 1m30s"));
  }
  if (duration < absl::Nanoseconds(least_ns) || duration > absl::Nanoseconds(most_ns)) {
    return absl::InvalidArgumentError(absl::StrCat(name, "=", text, ": must lie between ",
                                                   absl::FormatDuration(absl::Nanoseconds(least_ns)), " and ",
                                                   absl::FormatDuration(absl::Nanoseconds(most_ns))));
  }
  return absl::ToInt64Nanoseconds(duration);
}

absl::StatusOr<Backend> ParseBackend(absl::string_view text) {
  if (text == "auto") return Backend::kAuto;
  if (text == "msr") return Backend::kMsr;
  if (text == "perf") return Backend::kPerf;
  if (text == "sysfs" || text == "powercap") return Backend::kSysfs;
  if (text == "hwmon") return Backend::kHwmon;
  return UnknownWord("--backend", text, {"auto", "msr", "perf", "sysfs", "hwmon"});
}

absl::StatusOr<CpuTable> ParseCpuTable(const std::string& path) {
  return path.empty() ? CpuTable() : CpuTable::WithFile(path);
}

std::string ModelList() { return absl::StrJoin(ModelNames(), ", "); }

absl::StatusOr<std::vector<Model>> ParseModels(absl::string_view text) {
  std::vector<Model> models;
  for (absl::string_view name : absl::StrSplit(text, ',')) {
    const std::optional<Model> model = ModelByName(name);
    if (!model) return UnknownWord("--model", name, ModelNames());
    if (std::find(models.begin(), models.end(), *model) != models.end()) {
      return absl::InvalidArgumentError(absl::StrCat("--model=", text, ": ", name, " is there twice"));
    }
    models.push_back(*model);
  }
  return models;
}

absl::StatusOr<DaemonOptions::Vms> ParseVms(absl::string_view text) {
  if (text.empty() || text == "libvirt") return DaemonOptions::Vms::kLibvirt;
  if (text == "proc") return DaemonOptions::Vms::kProc;
  return UnknownWord("--vms", text, {"libvirt", "proc"});
}

absl::StatusOr<std::optional<RunTimeMethod>> ParseRunTime(absl::string_view text) {
  if (text == "auto") return std::nullopt;
  std::vector<std::string> words = {"auto"};
  for (const RunTimeMethod method : kRunTimeMethods) words.emplace_back(RunTimeMethodName(method));
  const std::optional<RunTimeMethod> method = RunTimeMethodOfName(absl::StrReplaceAll(text, {{"_", "-"}}));
  if (!method) return UnknownWord("--run-time", text, words);
  return method;
}

absl::StatusOr<bool> ParseAlign(absl::string_view text) {
  if (text == "edge") return true;
  if (text == "clock") return false;
  return UnknownWord("--align", text, {"clock", "edge"});
}

absl::StatusOr<std::vector<int>> ParseCpus(absl::string_view text) {
  std::vector<int> cpus;
  if (text.empty()) return cpus;
  for (const absl::string_view word : absl::StrSplit(text, ',')) {
    int cpu = -1;
    if (!absl::SimpleAtoi(word, &cpu) || cpu < 0) {
      return absl::InvalidArgumentError(absl::StrCat("--cpu=", text, ": not a CPU; write 2, or 0,12 for two packages"));
    }
    if (std::find(cpus.begin(), cpus.end(), cpu) != cpus.end()) {
      return absl::InvalidArgumentError(absl::StrCat("--cpu=", text, ": ", cpu, " is there twice"));
    }
    cpus.push_back(cpu);
  }
  return cpus;
}

absl::StatusOr<Format> ParseFormat(absl::string_view text) {
  if (text == "text") return Format::kText;
  if (text == "csv") return Format::kCsv;
  if (text == "jsonl") return Format::kJsonl;
  return UnknownWord("--format", text, {"text", "csv", "jsonl"});
}

namespace {

// Of one counter. Packages of 500 W and more idle at some tens to 200 W.
constexpr double kMostBaseWatts = 1000;

bool ReadWatts(absl::string_view text, double& watts) {
  return absl::ConsumeSuffix(&text, "W") && absl::SimpleAtod(text, &watts) && watts >= 0 && std::isfinite(watts);
}

}  // namespace

absl::StatusOr<std::map<RaplDomain, GivenPower>> ParseBasePower(absl::string_view text) {
  std::map<RaplDomain, GivenPower> base;
  if (text.empty()) return base;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    RaplDomain domain = RaplDomain::kPackage;
    absl::string_view power = part;
    if (const size_t equals = part.find('='); equals != absl::string_view::npos) {
      const absl::string_view name = part.substr(0, equals);
      power = part.substr(equals + 1);
      bool found = false;
      for (const RaplDomain candidate : {RaplDomain::kPackage, RaplDomain::kCores, RaplDomain::kUncore,
                                         RaplDomain::kDram, RaplDomain::kPsys, RaplDomain::kCore}) {
        if (name == DomainName(candidate)) domain = candidate, found = true;
      }
      if (!found) return UnknownWord("--base-power", name, {"package", "cores", "uncore", "dram", "psys", "core"});
    }
    absl::string_view error;
    for (const absl::string_view sign : {"+-", "\u00b1"}) {
      const size_t at = power.find(sign);
      if (at == absl::string_view::npos) continue;
      error = power.substr(at + sign.size());
      power = power.substr(0, at);
      if (error.empty()) power = "";  // refused below
    }
    double watts = 0;
    double err_w = 0;
    if (!ReadWatts(power, watts) || (!error.empty() && !ReadWatts(error, err_w))) {
      return absl::InvalidArgumentError(absl::StrCat("--base-power=", text,
                                                     ": not a power; write 20W, 19.5W+-1.3W, or "
                                                     "package=20W,dram=3W; `vrapl calibrate` finds it"));
    }
    if (watts > kMostBaseWatts) {
      return absl::InvalidArgumentError(
          absl::StrCat("--base-power=", text, ": no package draws more than ", kMostBaseWatts,
                       " W while nobody runs; `vrapl calibrate` finds what this one draws"));
    }
    if (!base.insert({domain, {watts, err_w}}).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("--base-power=", text, ": ", DomainName(domain), " is there twice"));
    }
  }
  return base;
}

absl::StatusOr<Host> OpenHost(const CommonArguments& arguments) {
  Host host;
  if (arguments.emulate.empty()) {
    if (!arguments.emulator_options.empty()) {
      return absl::InvalidArgumentError("--emulator-option without --emulate says nothing to anybody");
    }
    host.root = HostRoot(arguments.host_root);
    if (host.root.emulated()) {
      if (absl::StatusOr<std::vector<std::string>> listed = ListDirectory(host.root.prefix()); !listed.ok()) {
        return absl::NotFoundError(absl::StrCat("--host-root: ", listed.status().message()));
      }
      if (const std::optional<pid_t> pid = EmulatorOf(host.root)) host.emulators.insert(*pid);
    }
    return host;
  }
  if (!arguments.host_root.empty()) {
    return absl::InvalidArgumentError("--emulate makes a host root of its own; leave out --host-root");
  }
  std::vector<std::string> words = arguments.emulator_options;
  if (arguments.emulate != "default") words.push_back("--cpu=" + arguments.emulate);
  absl::StatusOr<std::unique_ptr<EmulatorProcess>> process = EmulatorProcess::Start(words);
  if (!process.ok()) return process.status();
  host.process = *std::move(process);
  host.root = HostRoot(host.process->host_root());
  host.emulators.insert(host.process->pid());
  return host;
}

absl::StatusOr<DaemonOptions> ToDaemonOptions(const CommonArguments& arguments) {
  DaemonOptions options;
  absl::StatusOr<Backend> backend = ParseBackend(arguments.backend);
  if (!backend.ok()) return backend.status();
  options.backend = *backend;
  absl::StatusOr<CpuTable> cpu_table = ParseCpuTable(arguments.cpu_table);
  if (!cpu_table.ok()) return cpu_table.status();
  options.cpu_table = *std::move(cpu_table);
  options.per_core = arguments.per_core;
  absl::StatusOr<std::vector<Model>> models = ParseModels(arguments.model);
  if (!models.ok()) return models.status();
  options.models = *models;
  // Without the cores' own counters it has nothing to go by.
  options.per_core |= std::find(models->begin(), models->end(), Model::kCore) != models->end();
  const std::optional<IdlePolicy> idle = IdlePolicyByName(arguments.idle);
  if (!idle) return UnknownWord("--idle", arguments.idle, IdlePolicyNames());
  options.idle = *idle;
  absl::StatusOr<std::map<RaplDomain, GivenPower>> base = ParseBasePower(arguments.base_power);
  if (!base.ok()) return base.status();
  options.base_power_w = *base;
  absl::StatusOr<std::optional<RunTimeMethod>> run_time = ParseRunTime(arguments.run_time);
  if (!run_time.ok()) return run_time.status();
  options.run_time = *run_time;
  if (!arguments.btf.empty() && ::access(arguments.btf.c_str(), R_OK) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("--btf=", arguments.btf, ": ", std::strerror(errno)));
  }
  options.btf = arguments.btf;
  absl::StatusOr<std::vector<int>> cpus = ParseCpus(arguments.cpu);
  if (!cpus.ok()) return cpus.status();
  options.reader_cpus = *std::move(cpus);
  absl::StatusOr<bool> align = ParseAlign(arguments.align);
  if (!align.ok()) return align.status();
  options.align_to_edges = *align;
  absl::StatusOr<int64_t> period = ParseDurationNs("--period", arguments.period, 100'000, kNanosPerSecond);
  if (!period.ok()) return period.status();
  options.period_ns = *period;
  if (!arguments.duration.empty()) {
    absl::StatusOr<int64_t> duration =
        ParseDurationNs("--duration", arguments.duration, *period, int64_t{366} * 86400 * kNanosPerSecond);
    if (!duration.ok()) return duration.status();
    options.duration_ns = *duration;
  }
  absl::StatusOr<DaemonOptions::Vms> vms = ParseVms(arguments.vms);
  if (!vms.ok()) return vms.status();
  options.vms = *vms;
  options.connect = arguments.connect;
  options.delivery.only_vms = arguments.only_vms;
  return options;
}

int Fail(int code, absl::string_view message) {
  absl::FPrintF(stderr, "vrapl: %s\n", message);
  return code;
}

int Fail(const absl::Status& status) {
  return Fail(absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed, status.message());
}

void Notice(absl::string_view message) {
  static const std::shared_ptr<spdlog::logger> log = [] {
    auto logger = spdlog::stderr_color_st("vrapl");  // colour on a terminal only
    logger->set_pattern("%n: %^%v%$");
    return logger;
  }();
  log->warn("{}", std::string_view(message.data(), message.size()));
}

}  // namespace vrapl
