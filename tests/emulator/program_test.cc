// The program vrapl-emulator: its command line, its signals, and what it leaves behind.
#include "tests/program.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/host_root.h"
#include "base/posix.h"
#include "tests/emulator/temp_dir.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using Json = nlohmann::json;

Program Emulator(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), VRAPL_EMULATOR);
  return Program(std::move(arguments));
}

bool Exists(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0;
}
std::string Mounts() { return ReadSmallFile("/proc/self/mounts").value_or(""); }

class ProgramTest : public testing::Test {
 protected:
  void SetUp() override { VRAPL_NEEDS("fuse"); }
  ~ProgramTest() override { ::unlink(truth_.c_str()); }

  TempDir dir_;
  const std::string mount_ = dir_.path() + "/host";
  const std::string truth_ = dir_.path() + "/truth.json";
};

TEST_F(ProgramTest, ServesUntilToldToEnd) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    Program emulator = Emulator({"--mount", mount_, "--power=const:80W", "--cpu", "zen3"});
    ASSERT_EQ(emulator.ReadLine(), "vrapl-emulator: ready " + mount_);
    EXPECT_TRUE(Exists(mount_ + "/dev/cpu/0/msr"));
    const absl::StatusOr<std::string> about = ReadSmallFile(mount_ + "/vrapl-emulator.json");
    ASSERT_THAT(about, IsOk());
    EXPECT_EQ(Json::parse(*about)["cpu"], "zen3");
    EXPECT_EQ(Json::parse(*about)["pid"], emulator.pid());
    emulator.Signal(signal);
    const Ended ended = emulator.Wait();
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_THAT(ended.err, IsEmpty());
    EXPECT_THAT(Mounts(), Not(HasSubstr(mount_)));
    EXPECT_FALSE(Exists(mount_)) << "it made the directory, it removes it";
  }
}

TEST_F(ProgramTest, AnyCpuAndAnyTopology) {
  Program emulator = Emulator({"--mount", mount_, "--power=const:80W", "--cpu=06_CF", "--cores=8", "--threads=2",
                               "--packages=2", "--dies=2", "--interleaved", "--sparse-ids"});
  ASSERT_EQ(emulator.ReadLine(), "vrapl-emulator: ready " + mount_);
  EXPECT_THAT(ReadSmallFile(mount_ + "/proc/cpuinfo"),
              IsOkAndHolds(AllOf(HasSubstr("model\t\t: 207\n"), HasSubstr("Emerald Rapids"), HasSubstr("emulated"))));
  EXPECT_THAT(ReadSmallFile(mount_ + "/sys/class/powercap/intel-rapl:0/name"), IsOkAndHolds("package-0-die-0"));
  EXPECT_TRUE(Exists(mount_ + "/dev/cpu/15/msr"));
  EXPECT_FALSE(Exists(mount_ + "/dev/cpu/16"));
}

TEST_F(ProgramTest, UnmountsWhileAFileIsOpen) {
  ASSERT_EQ(::mkdir(mount_.c_str(), 0755), 0);
  Program emulator = Emulator({"--mount", mount_, "--power=const:80W"});
  ASSERT_THAT(emulator.ReadLine(), StartsWith("vrapl-emulator: ready"));
  const UniqueFd open(::open((mount_ + "/dev/cpu/0/msr").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(open.ok());
  emulator.Signal(SIGINT);
  EXPECT_EQ(emulator.Wait().code, 0);
  EXPECT_THAT(Mounts(), Not(HasSubstr(mount_)));
  EXPECT_TRUE(Exists(mount_)) << "it was there before";
  EXPECT_EQ(::rmdir(mount_.c_str()), 0);
}

TEST_F(ProgramTest, EndsWhenSomebodyElseUnmounts) {
  Program emulator = Emulator({"--mount", mount_, "--power=const:80W"});
  ASSERT_THAT(emulator.ReadLine(), StartsWith("vrapl-emulator: ready"));
  ASSERT_EQ(::system(("umount -l " + mount_).c_str()), 0);
  const Ended ended = emulator.Wait();
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("unmounted by somebody else"));
  EXPECT_FALSE(Exists(mount_));
}

TEST_F(ProgramTest, DiesWithItsParent) {
  // The shell starts the emulator and waits for it; killed, it leaves an orphan. Its stdout ends when that has gone.
  Program shell({"/bin/sh", "-c",
                 std::string(VRAPL_EMULATOR) + " --die-with-parent --power=const:80W --mount " + mount_ + " & wait"});
  ASSERT_THAT(shell.ReadLine(), StartsWith("vrapl-emulator: ready"));
  shell.Signal(SIGKILL);
  EXPECT_EQ(shell.Wait().code, 128 + SIGKILL);
  EXPECT_THAT(Mounts(), Not(HasSubstr(mount_)));
  EXPECT_FALSE(Exists(mount_));
}

TEST_F(ProgramTest, TellsHowToTakeADeadMountAway) {
  Program killed = Emulator({"--mount", mount_, "--power=const:80W"});
  ASSERT_THAT(killed.ReadLine(), StartsWith("vrapl-emulator: ready"));
  killed.Signal(SIGKILL);
  EXPECT_EQ(killed.Wait().code, 128 + SIGKILL);
  const Ended next = Emulator({"--mount", mount_, "--power=const:80W"}).Wait();
  EXPECT_EQ(next.code, 1);
  const std::string remedy = "umount -l " + mount_;
  EXPECT_THAT(next.err, AllOf(HasSubstr("has died"), HasSubstr(remedy)));
  EXPECT_EQ(::system(remedy.c_str()), 0);
  EXPECT_THAT(Mounts(), Not(HasSubstr(mount_)));
  EXPECT_EQ(::rmdir(mount_.c_str()), 0);
}

TEST_F(ProgramTest, RefusesADirectoryInUse) {
  Program emulator = Emulator({"--mount", mount_, "--power=const:80W"});
  ASSERT_THAT(emulator.ReadLine(), StartsWith("vrapl-emulator: ready"));
  const Ended second = Emulator({"--mount", mount_, "--power=const:80W"}).Wait();
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err,
              AllOf(HasSubstr("already is an emulated host"), HasSubstr("kill " + std::to_string(emulator.pid()))));
  EXPECT_TRUE(Exists(mount_ + "/dev/cpu/0/msr")) << "the first one goes on";
}

TEST_F(ProgramTest, TruthIsWrittenOnDemandAndAtTheEnd) {
  Program emulator = Emulator({"--mount", mount_, "--power=const:80W", "--truth", truth_});
  ASSERT_THAT(emulator.ReadLine(), StartsWith("vrapl-emulator: ready"));
  EXPECT_FALSE(Exists(truth_));
  emulator.Signal(SIGUSR1);
  while (!Exists(truth_)) ::sched_yield();
  const uint64_t first = Json::parse(ReadSmallFile(truth_).value_or(""))["packages"][0]["domains"][0]["ticks"];
  emulator.Signal(SIGINT);
  EXPECT_EQ(emulator.Wait().code, 0);
  const uint64_t last = Json::parse(ReadSmallFile(truth_).value_or(""))["packages"][0]["domains"][0]["ticks"];
  EXPECT_GE(last, first);
}

TEST_F(ProgramTest, LogsWhatReadersWereShown) {
  const std::string log = dir_.path() + "/reads.csv";
  Program emulator = Emulator({"--mount", mount_, "--power=const:80W", "--cpu=06_37", "--log-reads", log});
  ASSERT_THAT(emulator.ReadLine(), StartsWith("vrapl-emulator: ready"));
  uint64_t unit = 0;
  uint64_t energy = 0;
  uint64_t nothing = 0;
  {
    const UniqueFd msr(::open((mount_ + "/dev/cpu/0/msr").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(msr.ok());
    EXPECT_EQ(::pread(msr.get(), &unit, sizeof unit, 0x606), 8);
    EXPECT_EQ(::pread(msr.get(), &energy, sizeof energy, 0x611), 8);
    EXPECT_EQ(::pread(msr.get(), &nothing, sizeof nothing, 0xCE), 8) << "what turbostat wants to know";
    EXPECT_EQ(::pread(msr.get(), &nothing, sizeof nothing, 0xCD), 8);
    for (const off_t absent : {0x619, 0x1A0, 0x10A}) EXPECT_EQ(::pread(msr.get(), &nothing, 8, absent), -1);
  }
  emulator.Signal(SIGINT);
  EXPECT_EQ(emulator.Wait().code, 0);
  char expected[64];
  std::snprintf(expected, sizeof expected, ",0,0x611,0x%lx,0\n", energy);
  EXPECT_THAT(ReadSmallFile(log), IsOkAndHolds(AllOf(StartsWith("t_ns,cpu,register,value,error\n"), HasSubstr(expected),
                                                     HasSubstr(",0,0x606,0x505,0\n"), HasSubstr(",0,0x619,0x0,5"))));
  ::unlink(log.c_str());
}

TEST_F(ProgramTest, WrongUsageIsOneLineAndTwo) {
  struct Row {
    std::vector<std::string> arguments;
    const char* message;
  };
  for (const Row& row : {
           Row{{}, "--mount is missing"},
           Row{{"--mount"}, "--mount"},
           Row{{"--powr=80W"}, "--powr"},
           Row{{"--mount", mount_, "--power=80"}, "const:80W"},
           Row{{"--mount", mount_, "--cpu=z80"}, "skylake-sp"},
           Row{{"--mount", mount_, "--cpu=06_1A"}, "no row"},
           Row{{"--mount", mount_, "--cpu=06_8F", "--esu=3"}, "ESU 3"},
           Row{{"--mount", mount_, "--cores=4", "--dies=5", "--power=const:1W"}, "--dies"},
           Row{{"--mount", mount_, "--cores=4"}, "--cores"},
           Row{{"--mount", mount_, "--fault=eio:psys"}, "does not count psys"},
           Row{{"--mount", mount_, "--dram=much"}, "--dram"},
           Row{{"--mount", mount_, "--fault=fire"}, "offline:cpu1"},
           Row{{"--mount", mount_, "--packages=0"}, "--packages"},
           Row{{"--mount", mount_, "--packages=100000"}, "--packages"},
           Row{{"--mount", mount_, "--jitter=1ms"}, "--jitter"},
           Row{{"--mount", mount_, "--jitter=20"}, "unit"},
           Row{{"--mount", mount_, "--start-ticks=0xXY"}, "--start-ticks"},
           Row{{"--mount", mount_, "--busy-time=guess"}, "--busy-time"},
       }) {
    const Ended ended = Emulator(row.arguments).Wait();
    EXPECT_EQ(ended.code, 2) << row.message << ": " << ended.err;
    EXPECT_THAT(ended.err, AllOf(StartsWith("vrapl-emulator: "), HasSubstr(row.message)));
    EXPECT_EQ(ended.err.find('\n'), ended.err.size() - 1) << ended.err;
    EXPECT_THAT(ended.out, IsEmpty());
    EXPECT_FALSE(Exists(mount_));
  }
}

TEST_F(ProgramTest, FailureIsOneLineAndOne) {
  const Ended ended = Emulator({"--mount", "/nowhere/at/all"}).Wait();
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("/nowhere/at/all"), HasSubstr("No such file")));
}

TEST_F(ProgramTest, HelpTeaches) {
  const Ended help = Emulator({"--help"}).Wait();
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, AllOf(HasSubstr("Examples:"), HasSubstr("load:20W+15W/cpu"), HasSubstr("--start-ticks")));
  const Ended cpus = Emulator({"--list-cpus"}).Wait();
  EXPECT_EQ(cpus.code, 0);
  EXPECT_THAT(cpus.out, AllOf(HasSubstr("skylake-sp"), HasSubstr("zen3"), HasSubstr("\n06_8F "), HasSubstr("\n19_* ")));
  const Ended version = Emulator({"--version"}).Wait();
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(version.out, std::string("vrapl-emulator ") + VRAPL_VERSION + "\n");
}

}  // namespace
}  // namespace vrapl
