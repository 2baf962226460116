// vrapl-emulator: a host with RAPL for machines that have none. See docs/vrapl-emulator.md.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/posix.h"
#include "emulator/emulator.h"

namespace vrapl {
namespace {

constexpr int kExitDone = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

constexpr char kExamples[] = R"(Power (--power, --dram), with units:
  const:80W              always 80 W
  square:60W,120W,100ms  60 W for 50 ms, then 120 W for 50 ms, repeated
  load:20W+15W/cpu       20 W, and 15 W for each CPU of the package that is busy on this machine
  curve:FILE             lines TIME,POWER like 1.5s,80W; the last line ends the curve, which is then repeated

CPUs (--cpu): a name of --list-cpus, or family and model in hex, of any CPU that vrapl knows:
  06_8F  amd:19_21       the vendor only where two have the number
  19_*                   a model that the table does not name

Faults (--fault), from the start, or @AFTER and +FOR; a register is a number or a domain:
  eio:0x619              the register does not exist         eio:dram@10s+5s  for 5 s, after 10 s
  zero:package           it reads 0, as in a virtual machine  zero:package/package1  in package 1 only
  zero-unit              the unit register reads 0
  dirty:package          bits 63:32 hold something that is no energy
  backwards:package=5J   the counter is 5 J (=500: 500 ticks) behind what it counted
  freeze@10s+2s          no counter moves for 2 s, after 10 s freeze:dram@10s  that one only
  offline:cpu1           the CPU is offline                   online:cpu1@10s  it comes (back) after 10 s

Examples:
  vrapl-emulator --mount /tmp/host &                           a Skylake server that uses power as this machine works
  vrapl --host-root=/tmp/host probe                            what vrapl sees there
  vrapl-emulator --mount /tmp/host --cpu=zen3 --packages=2 --power=const:80W --power=square:60W,120W,100ms
  vrapl-emulator --mount /tmp/host --cpu=06_55 --packages=2 --dies=2 --cores=16 --threads=2 --interleaved --power=const:80W
  vrapl-emulator --mount /tmp/host --start-ticks=0xFFFFFF00    every counter wraps around at once
  kill -INT %1                                                 unmounts and ends, as Ctrl-C does

Ends with 0 when told to end, 1 when it failed, 2 when it was called wrongly.)";

struct Arguments {
  std::string mount;
  std::string cpu = "skylake-sp";
  std::optional<int> esu;
  int packages = 1;
  int dies = 1;
  int cores = 0;
  int threads = 1;
  bool interleaved = false;
  bool sparse_ids = false;
  bool readable_powercap = false;
  std::vector<std::string> power;
  std::string dram = "10%";
  std::string update_period = "1ms";
  std::string jitter = "20us";
  uint64_t seed = 1;
  std::string start_ticks;
  std::vector<std::string> faults;
  std::string busy_time = "auto";
  std::string truth;
  std::string log_reads;
  int priority = 60;
  bool die_with_parent = false;
  bool list_cpus = false;
};

void Say(absl::string_view text) { absl::FPrintF(stderr, "vrapl-emulator: %s\n", text); }

int Fail(int code, absl::string_view text) {
  Say(text);
  return code;
}

void ListCpu(absl::string_view name, const CpuProfile& cpu) {
  std::vector<std::string> domains;
  for (const DomainProfile& domain : cpu.domains) {
    domains.push_back(absl::StrFormat("%s %g uJ", DomainName(domain.domain), domain.tick.joules() * 1e6));
  }
  absl::PrintF("%-16s %-46s %-10s %s\n", name, cpu.model_name, absl::StrFormat("0x%x", cpu.power_unit),
               absl::StrJoin(domains, ", "));
}

void ListCpus() {
  absl::PrintF("%-16s %-46s %-10s %s\n", "NAME", "CPU", "UNIT", "DOMAINS AND THEIR TICKS");
  for (const CpuProfile& cpu : CpuProfiles()) ListCpu(cpu.name, cpu);
  for (const RaplModel& row : RaplModels()) {
    const absl::StatusOr<CpuProfile> cpu = ParseCpu(RowName(row));
    if (cpu.ok()) ListCpu(RowName(row), *cpu);
  }
}

// The text of an option became a value, or the error says which option it was.
template <typename T>
absl::StatusOr<T> Named(absl::string_view option, absl::StatusOr<T> value) {
  if (value.ok()) return value;
  return absl::Status(value.status().code(), absl::StrCat(option, ": ", value.status().message()));
}

// `cpu` is what the options point at.
absl::StatusOr<EmulatorOptions> ToOptions(const Arguments& arguments, CpuProfile& cpu) {
  EmulatorOptions options;
  EmulatedHostOptions& host = options.host;
  absl::StatusOr<CpuProfile> parsed_cpu = Named("--cpu", ParseCpu(arguments.cpu, arguments.esu));
  if (!parsed_cpu.ok()) return parsed_cpu.status();
  cpu = *std::move(parsed_cpu);
  host.cpu = &cpu;
  host.packages = arguments.packages;
  host.dies = arguments.dies;
  host.interleaved = arguments.interleaved;
  host.sparse_ids = arguments.sparse_ids;
  host.readable_powercap = arguments.readable_powercap;
  if (arguments.cores > 0) host.cores = MadeUpCores(arguments.cores, arguments.threads);
  std::vector<std::string> specs = arguments.power;
  if (specs.empty()) specs = {"load:20W+15W/cpu"};
  for (const std::string& spec : specs) {
    absl::StatusOr<PowerSpec> power = Named("--power", PowerSpec::Parse(spec));
    if (!power.ok()) return power.status();
    host.power.push_back(*std::move(power));
  }
  absl::StatusOr<DramPower> dram = Named("--dram", DramPower::Parse(arguments.dram));
  if (!dram.ok()) return dram.status();
  host.dram = *std::move(dram);
  const absl::StatusOr<int64_t> period = Named("--update-period", ParseInterval(arguments.update_period));
  if (!period.ok()) return period.status();
  host.period_ns = *period;
  const absl::StatusOr<int64_t> jitter = Named("--jitter", ParseInterval(arguments.jitter));
  if (!jitter.ok()) return jitter.status();
  host.jitter_ns = *jitter;
  host.seed = arguments.seed;
  host.read_log = arguments.log_reads;
  if (!arguments.start_ticks.empty()) {
    uint64_t ticks = 0;
    absl::string_view digits = arguments.start_ticks;
    const bool parsed =
        absl::ConsumePrefix(&digits, "0x") ? absl::SimpleHexAtoi(digits, &ticks) : absl::SimpleAtoi(digits, &ticks);
    if (!parsed) {
      return absl::InvalidArgumentError(
          absl::StrCat("--start-ticks: \"", arguments.start_ticks, "\" is not a number like 4294967040 or 0xFFFFFF00"));
    }
    host.start_ticks = ticks;
  }
  for (const std::string& spec : arguments.faults) {
    const absl::StatusOr<Fault> fault = Named("--fault", Fault::Parse(spec));
    if (!fault.ok()) return fault.status();
    host.faults.push_back(*fault);
  }
  options.busy_time = arguments.busy_time == "bpf"    ? BusyTimeKind::kBpf
                      : arguments.busy_time == "proc" ? BusyTimeKind::kProcStat
                                                      : BusyTimeKind::kAuto;
  options.fs.realtime_priority = arguments.priority;
  return options;
}

// By rename, so that a reader sees the whole or the old one.
absl::Status WriteFile(const std::string& path, absl::string_view text) {
  const std::string temporary = path + ".new";
  {
    const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd.ok()) {
      const int error = errno;
      return PosixError(error, absl::StrCat("write ", temporary));
    }
    while (!text.empty()) {
      const ssize_t size = ::write(fd.get(), text.data(), text.size());
      if (size < 0) {
        const int error = errno;
        return PosixError(error, absl::StrCat("write ", temporary));
      }
      text.remove_prefix(static_cast<size_t>(size));
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    return PosixError(error, absl::StrCat("write ", path));
  }
  return absl::OkStatus();
}

// The process id of the emulator that is mounted on `directory`, or 0.
int MountedEmulator(const std::string& directory) {
  const absl::StatusOr<std::string> text = ReadSmallFile(directory + "/vrapl-emulator.json");
  if (!text.ok()) return 0;
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json.value("pid", 0) : 0;
}

// The mount point: made when it is missing, and then removed at the end. Outlives the mount.
class MountPoint {
 public:
  static absl::Status Prepare(const std::string& directory, MountPoint& point) {
    if (::mkdir(directory.c_str(), 0755) == 0) {
      point.made_ = directory;
    } else if (errno != EEXIST) {
      const int error = errno;
      return PosixError(error, absl::StrCat("make the directory ", directory));
    }
    return absl::OkStatus();
  }
  MountPoint() = default;
  MountPoint(const MountPoint&) = delete;
  MountPoint& operator=(const MountPoint&) = delete;
  ~MountPoint() {
    if (!made_.empty()) ::rmdir(made_.c_str());
  }

 private:
  std::string made_;
};

// Pages are locked as they are first used. Under a limit this would make later allocations fail, so rather not at all.
void LockMemory() {
  rlimit limit{};
  const bool unlimited =
      ::geteuid() == 0 || (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY);
  errno = EPERM;
  if (unlimited && ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0) return;
  const int error = errno;
  Say(PosixError(error, "runs without its memory locked, so reads may wait for swapped-out pages (ulimit -l unlimited)")
          .message());
}

int Serve(const Arguments& arguments) {
  if (arguments.die_with_parent) {
    const pid_t parent = ::getppid();
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) return kExitDone;  // it has gone in the meantime
  }
  // Signals are blocked before the first thread starts, so that only the loop below gets them.
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) ::sigaddset(&signals, number);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  const UniqueFd signal_fd(::signalfd(-1, &signals, SFD_CLOEXEC));

  CpuProfile cpu;
  const absl::StatusOr<EmulatorOptions> options = ToOptions(arguments, cpu);
  if (!options.ok()) return Fail(kExitUsage, options.status().message());
  if (const int pid = MountedEmulator(arguments.mount); pid != 0) {
    return Fail(kExitFailed, absl::StrCat(arguments.mount, " already is an emulated host, of process ", pid,
                                          "; choose another directory or end that one: kill ", pid));
  }
  MountPoint mount_point;
  if (absl::Status status = MountPoint::Prepare(arguments.mount, mount_point); !status.ok()) {
    return Fail(kExitFailed, status.message());
  }
  absl::StatusOr<std::unique_ptr<Emulator>> emulator = Emulator::Start(arguments.mount, *options);
  if (!emulator.ok()) {
    return Fail(absl::IsInvalidArgument(emulator.status()) ? kExitUsage : kExitFailed, emulator.status().message());
  }
  Emulator& running = **emulator;
  if (arguments.priority > 0) {
    if (!running.fs().realtime_problem().empty()) {
      Say(absl::StrCat("runs without real-time priority, so reads may be slow while the machine is busy: ",
                       running.fs().realtime_problem()));
    }
    LockMemory();
  }
  if (!running.busy_time_note().empty()) Say(running.busy_time_note());
  absl::PrintF("vrapl-emulator: ready %s\n", arguments.mount);
  std::fflush(stdout);

  const auto write_truth = [&] {
    if (arguments.truth.empty()) return true;
    const absl::Status status = WriteFile(arguments.truth, running.host().Truth());
    if (!status.ok()) Say(status.message());
    return status.ok();
  };
  bool unmounted = false;
  for (;;) {
    pollfd waiting[] = {{.fd = signal_fd.get(), .events = POLLIN, .revents = 0},
                        {.fd = running.fs().ended_fd(), .events = POLLIN, .revents = 0}};
    if (::poll(waiting, 2, -1) < 0) continue;
    if (waiting[1].revents != 0) {
      Say(absl::StrCat(arguments.mount, " was unmounted by somebody else; ending"));
      unmounted = true;
      break;
    }
    signalfd_siginfo signal;
    if (::read(signal_fd.get(), &signal, sizeof signal) != sizeof signal) continue;
    if (signal.ssi_signo != SIGUSR1) break;
    (void)write_truth();
  }
  const bool written = write_truth();
  emulator->reset();
  return written && !unmounted ? kExitDone : kExitFailed;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(
      "Mounts a directory that looks like a host with RAPL energy counters: /dev/cpu/N/msr, powercap, topology.\n"
      "For vrapl and other tools, on machines that have none. Nothing in it is measured, and it says so.",
      "vrapl-emulator");
  app.set_help_flag("--help,-h", "this text");
  app.set_version_flag("--version", std::string("vrapl-emulator ") + VRAPL_VERSION);
  app.footer(kExamples);
  app.add_option("--mount", arguments.mount, "where: an empty directory, made when it is missing")->type_name("DIR");
  app.add_option("--cpu", arguments.cpu, "which CPU model (skylake-sp), by name or as 06_8F; see --list-cpus")
      ->type_name("CPU");
  app.add_option("--esu", arguments.esu, "another energy unit in its unit register: bits 12:8 (the model's usual one)")
      ->type_name("N");
  app.add_flag("--list-cpus", arguments.list_cpus, "print the CPU models, and end");
  app.add_option("--packages", arguments.packages, "packages, spread over this machine's CPUs in blocks (1)")
      ->type_name("N");
  app.add_option("--dies", arguments.dies, "dies in each package; Intel's have counters of their own (1)")
      ->type_name("N");
  app.add_option("--cores", arguments.cores, "so many cores instead of this machine's, whose CPUs nothing can run on")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  app.add_option("--threads", arguments.threads, "CPUs of each of those --cores (1)")
      ->type_name("N")
      ->check(CLI::Range(1, 8));
  app.add_flag("--interleaved", arguments.interleaved, "CPUs are numbered across the packages, not in blocks");
  app.add_flag("--sparse-ids", arguments.sparse_ids, "ids of packages, dies and cores have gaps");
  app.add_flag("--readable-powercap", arguments.readable_powercap, "energy_uj is for everybody, not for root only");
  app.add_option("--power", arguments.power, "power of a package (load:20W+15W/cpu); once for all, or once for each")
      ->type_name("SPEC")
      ->allow_extra_args(false);
  app.add_option("--dram", arguments.dram, "power of its memory: a share of the package's, or a SPEC (10%)")
      ->type_name("SPEC");
  app.add_option("--update-period", arguments.update_period, "time between counter updates (1ms)")->type_name("TIME");
  app.add_option("--jitter", arguments.jitter, "how much an update may be early or late (20us)")->type_name("TIME");
  app.add_option("--seed", arguments.seed, "of jitter, phases and start values (1)")->type_name("N");
  app.add_option("--start-ticks", arguments.start_ticks,
                 "where every counter starts (each somewhere else, by the seed)")
      ->type_name("N");
  app.add_option("--fault", arguments.faults, "something that goes wrong; may be given more than once")
      ->type_name("FAULT")
      ->allow_extra_args(false);
  app.add_option("--busy-time", arguments.busy_time, "how load: learns how busy CPUs are: auto, bpf, proc (auto)")
      ->type_name("HOW")
      ->check(CLI::IsMember({"auto", "bpf", "proc"}));
  app.add_option("--truth", arguments.truth, "at the end and on SIGUSR1, write what was emulated to FILE, as JSON")
      ->type_name("FILE");
  app.add_option("--log-reads", arguments.log_reads,
                 "write each register that is read, and what it showed, to FILE (CSV)")
      ->type_name("FILE");
  app.add_option("--priority", arguments.priority, "real-time priority, above that of who reads; 0: none (60)")
      ->type_name("N")
      ->check(CLI::Range(0, 99));
  app.add_flag("--die-with-parent", arguments.die_with_parent, "end when the process that started this one does");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return Fail(kExitUsage, absl::StrCat(error.what(), " (see vrapl-emulator --help)"));
  }
  if (arguments.list_cpus) {
    ListCpus();
    return kExitDone;
  }
  if (arguments.mount.empty()) {
    return Fail(kExitUsage,
                "--mount is missing: where to, as in vrapl-emulator --mount /tmp/host (see vrapl-emulator --help)");
  }
  return Serve(arguments);
}

}  // namespace
}  // namespace vrapl

int main(int argc, char** argv) { return vrapl::Main(argc, argv); }
