// What goes wrong before the first sample: one line that says what failed and what to do, the right exit code, and
// never a reading instead.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/clock.h"
#include "tests/fakes/host_builder.h"
#include "tests/program.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr int kFailed = 1;
constexpr int kUsage = 2;

Ended Vrapl(std::vector<std::string> words, const ProgramOptions& options = {}) {
  words.insert(words.begin(), VRAPL);
  return Program(std::move(words), options).Wait();
}

template <typename M>
void ExpectOneLine(const Ended& ended, int code, M message) {
  EXPECT_EQ(ended.code, code) << ended.err;
  EXPECT_THAT(ended.err, AllOf(StartsWith("vrapl: "), message));
  EXPECT_EQ(ended.err.find('\n'), ended.err.size() - 1) << ended.err;
  EXPECT_THAT(ended.out, IsEmpty());
}

// What did not arrive was not printed: a full disk is no success, a reader that has seen enough is.
TEST(OutputTest, AFullDiskIsNoSuccess) {
  const auto run = [](const std::string& command) { return Program({"/bin/sh", "-c", command}).Wait(); };
  for (const char* words : {" --help", " --version", " sample --help"}) {
    const Ended full = run(std::string("exec " VRAPL) + words + " >/dev/full");
    EXPECT_EQ(full.code, 1) << words;
    EXPECT_THAT(full.err, HasSubstr("write the output: No space left on device")) << words;
  }
  EXPECT_EQ(run("{ " VRAPL " --help; echo $? >&2; } | head -n 1").err, "0\n");
}

TEST(UsageTest, WrongWordsAreOneLineAndTwo) {
  struct Row {
    std::vector<std::string> words;
    const char* message;
    const char* remedy = "";
  };
  for (const Row& row : {
           Row{{}, "a verb is missing", "vrapl --help"},
           Row{{"sampel"}, "unknown verb sampel", "did you mean sample?"},
           Row{{"web"}, "unknown verb web", "VM_NAME SERIAL_PATH"},
           Row{{"serve", "web", "/dev/pts/1"}, "not expected", "vrapl serve --help"},
           Row{{"web", "/dev/pts/1", "more"}, "unknown verb web"},
           Row{{"sample", "--perid=1ms"}, "unknown option --perid", "did you mean --period?"},
           Row{{"probe", "--period=1ms"}, "unknown option --period", "vrapl probe --help"},
           Row{{"sample", "-x"}, "-x", "--help"},
           Row{{"sample", "--period=0"}, "--period=0", "between 100us and 1s"},
           Row{{"sample", "--period=0ms"}, "--period=0ms", "between 100us and 1s"},
           Row{{"sample", "--period=10us"}, "--period=10us", "between 100us and 1s"},
           Row{{"sample", "--period=1"}, "--period=1", "1ms or 1s"},
           Row{{"sample", "--period=fast"}, "--period=fast", "1ms, 2s or 1m30s"},
           Row{{"sample", "--period"}, "--period"},
           Row{{"sample", "--period="}, "--period=", "a value is missing"},
           Row{{"sample", "--vm=", "--emulate"}, "--vm=", "a value is missing"},
           Row{{"sample", "--duration=0s"}, "--duration=0s", "between"},
           Row{{"sample", "--window=10us"}, "--window=10us", "between"},
           Row{{"sample", "--cpu=first"}, "--cpu=first", "0,12"},
           Row{{"sample", "--cpu=-1"}, "--cpu=-1", "0,12"},
           Row{{"sample", "--cpu=0,0"}, "--cpu=0,0", "twice"},
           Row{{"sample", "-o", "x.vrapl", "--format=csv"}, "--format", "vrapl export"},
           Row{{"sample", "-o", "x.vrapl", "--format=text"}, "--format", "vrapl export"},
           Row{{"sample", "--align=egde"}, "--align=egde", "Did you mean edge?"},
           Row{{"serve", "--align=edge"}, "--align=edge", "vrapl sample"},
           Row{{"calibrate", "--emulate", "--duration=100ms"}, "--duration=100ms", "the shortest is 2s"},
           Row{{"serve", "--flush=0"}, "--flush=0", "between"},
           Row{{"serve", "--flush=5ms"}, "--flush=5ms", "between 10ms"},
           Row{{"sample", "--backend=rapl"}, "--backend=rapl", "auto, msr, perf, sysfs, hwmon"},
           Row{{"probe", "--backend=mrs"}, "--backend=mrs", "Did you mean msr?"},
           Row{{"sample", "--model=fair"}, "--model=fair", "base-share, share, capacity"},
           Row{{"serve", "--format=json"}, "--format=json", "Did you mean jsonl?"},
           Row{{"serve", "--vms=all"}, "--vms=all", "libvirt, proc"},
           Row{{"serve", "--base-power=20"}, "--base-power=20", "20W"},
           Row{{"serve", "--serial-port=0"}, "--serial-port=0", "--force-port"},
           Row{{"serve", "--serial-port=one"}, "--serial-port=one", "/dev/ttySN"},
           Row{{"serve", "--serial-port=-1"}, "--serial-port=-1", "/dev/ttySN"},
           Row{{"sample", "--emulate", "--host-root=/tmp"}, "--emulate", "leave out --host-root"},
           Row{{"sample", "--emulator-option=--power=const:80W"}, "--emulator-option", "--emulate"},
       }) {
    SCOPED_TRACE(absl::StrJoin(row.words, " "));
    ExpectOneLine(Vrapl(row.words), kUsage, AllOf(HasSubstr(row.message), HasSubstr(row.remedy)));
  }
}

// What vrapl itself cannot do is 125 there: 1 and 2 are the command's to return.
TEST(UsageTest, RunAndOverheadSayItWith125) {
  struct Row {
    std::vector<std::string> words;
    const char* message;
    const char* remedy = "";
  };
  for (const Row& row : {
           Row{{"run"}, "a command is missing", "-- COMMAND"},
           Row{{"run", "--"}, "no command stands after --"},
           Row{{"run", "sleep", "1"}, "not expected", "vrapl run --help"},
           Row{{"run", "--repaet=3", "--", "true"}, "unknown option --repaet", "did you mean --repeat?"},
           Row{{"run", "-r", "0", "--", "true"}, "--repeat=0", "between 1 and"},
           Row{{"run", "--warmup=-1", "--", "true"}, "--warmup=-1", "between 0 and"},
           Row{{"run", "--pause=1", "--", "true"}, "--pause=1", "1ms or 1s"},
           Row{{"run", "--seed=x", "--", "true"}, "--seed=x", "number"},
           Row{{"run", "--mark-regex=(", "--", "true"}, "--mark-regex=(", "grep -E"},
           Row{{"run", "--duration=1s", "--", "true"}, "--duration", "timeout"},
           Row{{"run", "--format=csv", "--", "true"}, "--format", "-o FILE.csv"},
           Row{{"run", "-o", "x.txt", "--", "true"}, "-o x.txt", ".csv, .json or .jsonl, or in .vrapl"},
           Row{{"run", "-o", "/proc/x.csv", "--", "true"}, "/proc/x.csv"},
           Row{{"run", "--period=1", "--", "--period=1ms"}, "--period=1", "1ms or 1s"},
           Row{{"overhead"}, "a command is missing", "-- COMMAND"},
           Row{{"overhead", "-r", "0", "--", "true"}, "--repeat=0", "between 1 and"},
       }) {
    SCOPED_TRACE(absl::StrJoin(row.words, " "));
    ExpectOneLine(Vrapl(row.words), 125, AllOf(HasSubstr(row.message), HasSubstr(row.remedy)));
  }
  ExpectOneLine(Vrapl({"run", "--host-root=/does/not/exist", "--", "true"}), 125, HasSubstr("/does/not/exist"));
}

TEST(UsageTest, AMarkIsALabel) {
  ExpectOneLine(Vrapl({"mark"}), kUsage, HasSubstr("LABEL"));
  ExpectOneLine(Vrapl({"mark", ""}), kUsage, HasSubstr("empty"));
  ExpectOneLine(Vrapl({"mark", "two\nlines"}), kUsage, HasSubstr("control character"));
  ExpectOneLine(Vrapl({"mark", std::string(257, 'x')}), kUsage, HasSubstr("257 bytes"));
  ExpectOneLine(Vrapl({"mark", "--to=1", "x"}), kFailed, HasSubstr("process 1"));
  ExpectOneLine(Vrapl({"makr", "x", "y"}), kUsage, HasSubstr("did you mean mark?"));
}

TEST(UsageTest, HelpAndVersionAreNoErrors) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--help"}, {"-h"}, {"help"}}) {
    const Ended ended = Vrapl(words);
    EXPECT_EQ(ended.code, 0);
    EXPECT_THAT(ended.out, AllOf(HasSubstr("vrapl probe"), HasSubstr("vrapl sample"), HasSubstr("vrapl serve"),
                                 HasSubstr("VM_NAME SERIAL_PATH")));
    EXPECT_THAT(ended.err, IsEmpty());
  }
  for (const char* verb : {"probe", "sample", "serve", "run", "overhead"}) {
    const Ended ended = Vrapl({verb, "--help"});
    EXPECT_EQ(ended.code, 0);
    EXPECT_THAT(ended.out, AllOf(HasSubstr("Examples:"), HasSubstr("--host-root"), HasSubstr("--emulate")));
  }
  EXPECT_THAT(Vrapl({"sample", "--help"}).out, AllOf(HasSubstr("--format"), HasSubstr("--duration")));
  EXPECT_THAT(Vrapl({"run", "--help"}).out, AllOf(Not(HasSubstr("--format")), Not(HasSubstr("--duration"))))
      << "what is refused is not offered";
  for (const char* verb : {"run", "overhead"}) {
    EXPECT_THAT(Vrapl({verb, "--help"}).out,
                HasSubstr(absl::StrCat("Usage: vrapl ", verb, " [OPTIONS] -- COMMAND ARGUMENTS...\n")));
  }
  for (const char* verb : {"replay", "export"}) {
    EXPECT_THAT(Vrapl({verb, "--help"}).out,
                AllOf(HasSubstr("--window"), HasSubstr("--phases"), HasSubstr("--from"), HasSubstr("--to"),
                      HasSubstr("--model"), HasSubstr("--base-power"), HasSubstr("--by"), HasSubstr("--vm")));
  }
  EXPECT_EQ(Vrapl({"--version"}).out, std::string("vrapl ") + VRAPL_VERSION + "\n");
  EXPECT_EQ(Vrapl({"serve", "--version"}).out, std::string("vrapl ") + VRAPL_VERSION + "\n");
}

// A host of ordinary files whose package counter moves as a real one does.
class MovingHost {
 public:
  MovingHost() : host_(CpuVendor::kIntel, 6, 0x55) {
    host_.AddCpu({.cpu = 0});
    host_.AddZone({.id = "intel-rapl:0", .name = "package-0"});
    fd_ = UniqueFd(::open(host_.ZoneFile("intel-rapl:0", "energy_uj").c_str(), O_WRONLY | O_CLOEXEC));
    Put();
    mover_ = std::thread([this] {
      while (!stop_) {
        RealClock().SleepUntil(MonotonicNs() + kNanosPerMilli);
        energy_uj_ += 80'000;
        Put();
      }
    });
  }
  ~MovingHost() {
    stop_ = true;
    mover_.join();
  }
  std::string Option() const { return "--host-root=" + host_.root().prefix(); }

 private:
  // In place and always as long: a reader in between must not see half a number.
  void Put() {
    const std::string text = absl::StrFormat("%012d\n", energy_uj_);
    if (::pwrite(fd_.get(), text.data(), text.size(), 0) < 0) std::perror("energy_uj");
  }

  HostBuilder host_;
  UniqueFd fd_;
  int64_t energy_uj_ = 1'000'000;
  std::atomic<bool> stop_ = false;
  std::thread mover_;
};

TEST(HostTest, ADirectoryThatIsNotThere) {
  for (const char* verb : {"probe", "sample", "serve"}) {
    ExpectOneLine(Vrapl({verb, "--host-root=/does/not/exist"}), kFailed,
                  AllOf(HasSubstr("--host-root"), HasSubstr("/does/not/exist"), HasSubstr("No such file")));
  }
}

TEST(HostTest, AMissingDevice) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0});
  const std::string root = "--host-root=" + host.root().prefix();
  ExpectOneLine(Vrapl({"sample", root, "--backend=msr"}), kFailed,
                AllOf(HasSubstr("/dev/cpu/0/msr"), HasSubstr("modprobe msr")));
  ExpectOneLine(Vrapl({"sample", root, "--backend=sysfs"}), kFailed,
                AllOf(HasSubstr("/sys/class/powercap"), HasSubstr("modprobe intel_rapl_msr")));
  ExpectOneLine(Vrapl({"serve", root}), kFailed,
                AllOf(HasSubstr("msr: "), HasSubstr("sysfs: "), HasSubstr("vrapl probe"), HasSubstr("--emulate")));
}

TEST(HostTest, NoPermission) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0});
  host.AddZone({.id = "intel-rapl:0", .name = "package-0"});
  host.Write("/dev/cpu/0/msr", "", 0);
  ASSERT_EQ(::chmod(host.ZoneFile("intel-rapl:0", "energy_uj").c_str(), 0), 0);
  const std::string root = "--host-root=" + host.root().prefix();
  const ProgramOptions nobody{.no_privileges = true};
  ExpectOneLine(Vrapl({"sample", root, "--backend=msr"}, nobody), kFailed,
                AllOf(HasSubstr("/dev/cpu/0/msr"), HasSubstr("root"), HasSubstr("Permission denied")));
  ExpectOneLine(Vrapl({"sample", root, "--backend=sysfs"}, nobody), kFailed,
                AllOf(HasSubstr("energy_uj"), HasSubstr("root"), HasSubstr("Permission denied")));
}

TEST(HostTest, NoPermissionForRunTime) {
  const MovingHost host;
  const std::vector<std::string> words = {"sample", host.Option(), "--backend=sysfs", "--vms=proc", "--duration=100ms"};
  std::vector<std::string> exact = words;
  exact.push_back("--run-time=bpf");
  ExpectOneLine(Vrapl(exact, {.no_privileges = true}), kFailed,
                AllOf(HasSubstr("sched_switch"), HasSubstr("CAP_BPF"), HasSubstr("root")));
  const Ended any = Vrapl(words, {.no_privileges = true});
  EXPECT_EQ(any.code, 0) << any.err;
  EXPECT_THAT(any.err, AllOf(HasSubstr("run time by schedstat"), HasSubstr("CAP_BPF")));
}

TEST(HostTest, AnUnknownCpu) {
  HostBuilder host(CpuVendor::kIntel, 6, 0xFE);
  host.AddCpu({.cpu = 0});
  ExpectOneLine(Vrapl({"sample", "--host-root=" + host.root().prefix(), "--backend=msr"}), kFailed,
                AllOf(HasSubstr("no row 06_FE"), HasSubstr("GenuineIntel family 6 model 0xfe"), HasSubstr("perf"),
                      HasSubstr("--backend=sysfs"), HasSubstr("--cpu-table=FILE")));
}

TEST(HostTest, ACpuWhoseCountersAreBehindTpmi) {
  HostBuilder host(CpuVendor::kIntel, 0x13, 0x01);
  host.AddCpu({.cpu = 0});
  ExpectOneLine(Vrapl({"sample", "--host-root=" + host.root().prefix(), "--backend=msr"}), kFailed,
                AllOf(HasSubstr("Diamond Rapids"), HasSubstr("intel_rapl_tpmi"), HasSubstr("--backend=sysfs")));
}

TEST(UsageTest, ACpuTableThatIsWrong) {
  HostBuilder host(CpuVendor::kIntel, 6, 0xFE);
  host.AddCpu({.cpu = 0});
  host.Write("/table.json", "{\"vrapl_cpu_table\": 1, \"rows\": [\n{\"vendor\": \"intel\", \"family\": \"6\"}]}\n");
  const std::string option = "--cpu-table=" + host.root().Path("/table.json");
  for (const char* verb : {"probe", "sample", "serve"}) {
    SCOPED_TRACE(verb);
    ExpectOneLine(Vrapl({verb, option}), kUsage, AllOf(HasSubstr("table.json: line 2: row 1: \"family\": \"6\"")));
    ExpectOneLine(Vrapl({verb, "--cpu-table=/does/not/exist"}), kFailed,
                  AllOf(HasSubstr("--cpu-table"), HasSubstr("/does/not/exist"), HasSubstr("No such file")));
  }
}

// No fault of the command line: not exit code 2.
TEST(HostTest, FilesThatMakeNoSense) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0});
  host.Write("/proc/cpuinfo", "what?\n");
  ExpectOneLine(Vrapl({"sample", "--host-root=" + host.root().prefix(), "--backend=msr"}), kFailed,
                HasSubstr("/proc/cpuinfo"));
}

TEST(HostTest, ACounterThatStandsStill) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0});
  host.AddZone({.id = "intel-rapl:0", .name = "package-0"});
  ExpectOneLine(Vrapl({"sample", "--host-root=" + host.root().prefix(), "--backend=sysfs"}), kFailed,
                AllOf(HasSubstr("did not move"), HasSubstr("virtual machine")));
}

TEST(HostTest, ProbeSaysWhatIsMissingAndFails) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0});
  const Ended ended = Vrapl({"probe", "--host-root=" + host.root().prefix(), "--vms=proc"});
  EXPECT_EQ(ended.code, kFailed);
  EXPECT_THAT(ended.out, AllOf(HasSubstr("EMULATED"), HasSubstr("msr     NO "), HasSubstr("sysfs   NO "),
                               HasSubstr("-> sudo modprobe msr"), HasSubstr("energy cannot be measured here")));
  const Ended json = Vrapl({"probe", "--host-root=" + host.root().prefix(), "--vms=proc", "--json"});
  EXPECT_EQ(json.code, kFailed);
  EXPECT_THAT(json.out, AllOf(HasSubstr("\"chosen\": null"), HasSubstr("\"emulated\": true")));
}

TEST(HostTest, AReportReplacesNothingUnlessForced) {
  HostBuilder host(CpuVendor::kIntel, 6, 0x55);
  host.AddCpu({.cpu = 0});
  const std::string file = host.root().Path("/report.tar.gz");
  const std::vector<std::string> words = {"probe", "--host-root=" + host.root().prefix(), "--report=" + file};
  const Ended first = Vrapl(words);
  EXPECT_EQ(first.code, kFailed) << "no energy can be measured there";
  EXPECT_THAT(first.out, AllOf(HasSubstr(file), HasSubstr("look through them")));
  ExpectOneLine(Vrapl(words), kFailed, AllOf(HasSubstr(file), HasSubstr("exists already"), HasSubstr("--force")));
  std::vector<std::string> forced = words;
  forced.push_back("--force");
  EXPECT_THAT(Vrapl(forced).out, HasSubstr(file));
}

TEST(VmTest, APortThatDoesNotExist) {
  ExpectOneLine(Vrapl({"web", "/dev/pts/does-not-exist"}), kFailed,
                AllOf(HasSubstr("/dev/pts/does-not-exist"), HasSubstr("virsh dumpxml web")));
}

TEST(VmTest, LibvirtIsDown) {
  const MovingHost host;
  const std::string connect = "--connect=qemu:///system?socket=/nonexistent/libvirt-sock";
  ExpectOneLine(
      Vrapl({"serve", host.Option(), "--backend=sysfs", connect}), kFailed,
      AllOf(HasSubstr("libvirt"), HasSubstr("/nonexistent/libvirt-sock"), HasSubstr("start"), HasSubstr("--vms=proc")));
  ExpectOneLine(Vrapl({"sample", host.Option(), "--backend=sysfs", "--vm=web", connect}), kFailed,
                HasSubstr("libvirt"));
  ExpectOneLine(Vrapl({"web", "/dev/null", host.Option(), "--backend=sysfs", connect}), kFailed, HasSubstr("libvirt"));
}

TEST(VmTest, AVmThatIsNotThere) {
  const MovingHost host;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"serve", "--vm=no-such-vm"},
                                                {"sample", "--vm=no-such-vm"},
                                                {"no-such-vm", "/dev/null"}}) {
    for (const char* lister : {"--vms=proc", "--connect=test:///default"}) {
      std::vector<std::string> all = words;
      all.insert(all.end(), {host.Option(), "--backend=sysfs", lister});
      SCOPED_TRACE(absl::StrJoin(all, " "));
      ExpectOneLine(Vrapl(all), kFailed, AllOf(HasSubstr("no running VM named 'no-such-vm'")));
    }
  }
}

TEST(VmTest, ARunOfAVmThatIsNotThereIs125AndRunsNothing) {
  const MovingHost host;
  ExpectOneLine(Vrapl({"run", "--vm=no-such-vm", host.Option(), "--backend=sysfs", "--vms=proc", "--", "echo", "ran"}),
                125, HasSubstr("no running VM named 'no-such-vm'"));
}

TEST(EmulateTest, ACpuThatTheEmulatorDoesNotKnow) {
  const Ended ended = Vrapl({"sample", "--emulate=z80"});
  if (ended.code == kFailed) {
    ExpectOneLine(ended, kFailed, HasSubstr("vrapl-emulator"));  // a build without it
  } else {
    ExpectOneLine(ended, kUsage,
                  AllOf(StartsWith("vrapl: --emulate: "), HasSubstr("z80"), HasSubstr("skylake-sp"),
                        Not(HasSubstr("vrapl-emulator"))));
  }
}

TEST(EmulateTest, ACpuByItsNumbersIsTheEmulatorsToKnow) {
  const Ended ended = Vrapl({"sample", "--emulate=06_1A"});
  if (ended.code == kFailed) {
    ExpectOneLine(ended, kFailed, HasSubstr("vrapl-emulator"));  // a build without it
  } else {
    ExpectOneLine(ended, kUsage, AllOf(StartsWith("vrapl: --emulate: "), HasSubstr("06_1A"), HasSubstr("no row")));
  }
}

TEST(EmulateTest, ADirectoryThatCannotBeMade) {
  ExpectOneLine(Vrapl({"sample", "--emulate"}, {.temp_dir = "/does/not/exist"}), kFailed,
                AllOf(HasSubstr("/does/not/exist"), HasSubstr("No such file")));
}

}  // namespace
}  // namespace vrapl
