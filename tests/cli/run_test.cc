// `vrapl run`, `mark` and `overhead` on an emulated host with the real scheduler: run time against the kernel's own
// account, exit codes, who gets stdout.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/clock.h"
#include "tests/cli/run_program.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Rows of a counter sum to the counter, in ticks.
void ExpectLaws(const Json& interval) {
  ASSERT_FALSE(interval["counters"].empty());
  for (const Json& counter : interval["counters"]) {
    uint64_t ticks = 0;
    int64_t run_ns = 0;
    for (const Json& row : interval["rows"]) {
      if (row["package"] != counter["package"] || row["domain"] != counter["domain"]) continue;
      ticks += row["energy_ticks"].get<uint64_t>();
      run_ns += row["run_time_ns"].get<int64_t>();
    }
    EXPECT_EQ(ticks, counter["energy_ticks"].get<uint64_t>());
    EXPECT_EQ(run_ns % interval["dt_ns"].get<int64_t>(), 0) << "a whole number of CPUs";
  }
}

// The kernel adds up what each child ran when that is waited for; vrapl, what each thread of the tree ran by the switch
// log. What a thread does in the kernel on its last switch, after its parent has been told, the account does not have.
void ExpectAgreesWithTheKernelsAccount(const Json& run, int processes) {
  const int64_t kernel_ns = run["user_ns"].get<int64_t>() + run["system_ns"].get<int64_t>();
  const int64_t ours_ns = RunTimeOf(run, "command");
  const int64_t doubtful_ns = RunTimeOf(run, "unreported") + run["late_run_time_ns"].get<int64_t>();
  const int64_t error_ns = doubtful_ns + kernel_ns / 100 + processes * 60'000 + 2 * kNanosPerMilli;
  EXPECT_NEAR(static_cast<double>(ours_ns), static_cast<double>(kernel_ns), static_cast<double>(error_ns))
      << "doubtful " << doubtful_ns << " processes " << processes;
  ::testing::Test::RecordProperty("ours_us", static_cast<int>(ours_ns / 1000));
  ::testing::Test::RecordProperty("kernel_us", static_cast<int>(kernel_ns / 1000));
}

TEST_F(RunTest, RunTimeOfAForkStormIsThatOfTheKernel) {
  const Json run = RunToJson({}, {BURNER, "storm", "500"})["runs"][0];
  ExpectLaws(run);
  ExpectAgreesWithTheKernelsAccount(run, 1001);
  EXPECT_FALSE(run.contains("missed_forks"));
}

TEST_F(RunTest, RunTimeOfAPipeOfCommandsIsThatOfTheKernel) {
  const Json run = RunToJson({}, {"/bin/sh", "-c", "seq 1 400000 | sort -r | sort -n | tail -n 1 >&2"})["runs"][0];
  ExpectLaws(run);
  ExpectAgreesWithTheKernelsAccount(run, 6);
}

TEST_F(RunTest, RunTimeOfThreadsIsThatOfTheKernel) {
  const Json run = RunToJson({}, {BURNER, "threads", "6", "150"})["runs"][0];
  ExpectLaws(run);
  ExpectAgreesWithTheKernelsAccount(run, 8);
  EXPECT_GE(RunTimeOf(run, "command") + RunTimeOf(run, "unreported") + run["late_run_time_ns"].get<int64_t>(),
            6 * 150 * kNanosPerMilli);
}

// Power is what shows it: 80 W and those of DRAM, whose energy by a shorter time would be more.
TEST_F(RunTest, WhatVraplItselfUsedIsOfTheTimeThatTheEnergyIsOf) {
  double least_w = 1e9;
  for (int i = 0; i < 5; ++i) {  // a thread that is held up for some ms at the start may spoil one
    const Json own =
        RunToJson({"--emulator-option=--power=const:80W", "--emulator-option=--dram=const:10W"}, {"true"})["own_cost"];
    least_w = std::min(least_w, own["host_energy_uj"].get<double>() * 1e3 / own["wall_ns"].get<double>());
    EXPECT_GT(own["cpu_ns"].get<int64_t>(), 0);
  }
  EXPECT_GT(least_w, 70);
  EXPECT_LT(least_w, 110);
}

TEST_F(RunTest, TheExitCodeIsTheCommands) {
  struct Row {
    std::vector<std::string> command;
    int code;
    const char* said;
  };
  for (const Row& row : {Row{{"true"}, 0, "exit code 0"}, Row{{"/bin/sh", "-c", "exit 7"}, 7, "exit code 7"},
                         Row{{"/bin/sh", "-c", "kill -9 $$"}, 137, "killed by signal 9"},
                         Row{{"/etc/passwd"}, 126, "/etc/passwd: Permission denied"},
                         Row{{"no-such-command"}, 127, "no-such-command: command not found"}}) {
    const Ended ended = Run({}, row.command);
    EXPECT_EQ(ended.code, row.code) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(row.said));
    EXPECT_THAT(ended.out, IsEmpty());
  }
}

TEST_F(RunTest, StdinAndStdoutAreTheCommandsOwnAndItInheritsNothingElse) {
  const std::string vrapl = absl::StrCat(VRAPL, " run --emulate --vms=proc -- ");
  Ended ended = Shell("printf 'a\\nb' | " + vrapl + "cat");
  EXPECT_EQ(ended.out, "a\nb");
  EXPECT_THAT(ended.err, AllOf(HasSubstr("EMULATED HARDWARE"), HasSubstr("command"), HasSubstr("sum = counter"),
                               HasSubstr("vrapl itself: ")));
  EXPECT_EQ(Shell(vrapl + "ls /proc/self/fd").out, Shell("ls /proc/self/fd").out);
  EXPECT_EQ(Shell("ulimit -l 64; ulimit -n 256; " + vrapl + "sh -c 'ulimit -l; ulimit -n'").out, "64\n256\n");
  // Its own state and not its parent's, which blocks signals while it starts a child.
  EXPECT_EQ(Shell(vrapl + "grep -E 'SigIgn|SigBlk' /proc/self/status").out,
            Shell("grep -E 'SigIgn|SigBlk' /proc/self/status").out);
  const std::string ignored = "trap '' HUP PIPE; ";
  EXPECT_EQ(Shell(ignored + vrapl + "grep SigIgn /proc/self/status").out,
            Shell(ignored + "grep SigIgn /proc/self/status").out);
  // What looks like an option of ours is the command's.
  EXPECT_EQ(Shell(vrapl + "echo --emulate -- -r 5").out, "--emulate -- -r 5\n");
  ended = Shell(vrapl + "sh -c 'exec <&- >&-; sleep 0.05'");
  EXPECT_EQ(ended.code, 0) << ended.err;
}

TEST_F(RunTest, ManyRunsOfSeveralCommandsAreInterleavedAndEachIsWritten) {
  const Json json = RunToJson({"-r", "7", "--warmup=1", "--seed=42", "--command=sleep 0.01", "--command=true",
                               absl::StrCat("--prepare=echo x >>", File("prepared"))},
                              {});
  EXPECT_EQ(json["seed"], 42);
  EXPECT_EQ(json["source"], "emulated");
  ASSERT_THAT(json["runs"], SizeIs(14));
  std::set<std::pair<int, int>> seen;
  std::vector<int> order;
  int64_t before_ns = 0;
  for (const Json& run : json["runs"]) {
    seen.emplace(run["command_index"], run["repetition"]);
    order.push_back(run["command_index"]);
    EXPECT_GT(run["t_ns"].get<int64_t>(), before_ns);
    before_ns = run["t_ns"].get<int64_t>() + run["wall_ns"].get<int64_t>();
    ExpectLaws(run);
    EXPECT_GE(run["dt_ns"].get<int64_t>(), run["wall_ns"].get<int64_t>()) << "nothing of it is missed";
  }
  EXPECT_THAT(seen, SizeIs(14));
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  ASSERT_THAT(json["summary"], SizeIs(2));
  const Json& wall = json["summary"][0]["figures"]["wall time s"];
  EXPECT_EQ(wall["runs"], 7);
  EXPECT_GE(wall["low"].get<double>(), 0.01);
  EXPECT_LE(wall["low"].get<double>(), wall["median"].get<double>());
  EXPECT_GT(wall["coverage"].get<double>(), 0.95);
  EXPECT_GT(json["own_cost"]["cpu_ns"].get<int64_t>(), 0);
  EXPECT_EQ(ReadSmallFile(File("prepared")).value_or("").size(), 2 * 16u - 1)
      << "before each run, warm-ups too; the last line end is cut off";
  const Ended text = Run({"-r", "3", "--seed=5", "--command=true", "--command=exit 0"}, {});
  EXPECT_THAT(text.err, AllOf(HasSubstr("median"), HasSubstr("order statistics"), HasSubstr("--seed=5"),
                              HasSubstr("needs 6 runs")));
}

TEST_F(RunTest, AFailureEndsItUnlessItIsIgnored) {
  const std::string third = absl::StrCat("echo x >>", File("count"), "; test $(wc -l <", File("count"), ") -ne 3");
  Ended ended = Run({"-r", "5", "--command=" + third}, {});
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("3 runs, 1 failed"), HasSubstr("left out"), HasSubstr("--ignore-failure")));
  std::filesystem::remove(File("count"));
  ended = Run({"-r", "5", "--ignore-failure", "--command=" + third}, {});
  EXPECT_EQ(ended.code, 1) << "the first that is not 0";
  EXPECT_THAT(ended.err, HasSubstr("5 runs, 1 failed"));
  ended = Run({"--prepare=exit 3"}, {"true"});
  EXPECT_EQ(ended.code, 125);
  EXPECT_THAT(ended.err, HasSubstr("--prepare failed with 3"));
}

TEST_F(RunTest, LinesThatMatchArePhasesAndStdoutPassesUnchanged) {
  const std::string program =
      "echo 'PHASE one'; sleep 0.1; printf 'no line end, \\001\\377 and a zero: \\000 here\\n'; echo 'PHASE two'; "
      "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; head -c 300000 /dev/zero; echo; printf 'PHASE three'";
  const std::string direct = Shell(program).out;
  ASSERT_GT(direct.size(), 300'000u);
  const Ended ended = Run({"--mark-regex=^PHASE ([a-z]+)", "-o", File("phases.json")}, {"/bin/sh", "-c", program});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, direct);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("phase before the first mark"), HasSubstr("phase two")));
  const Json run = Json::parse(ReadSmallFile(File("phases.json")).value_or(""))["runs"][0];
  std::vector<std::string> labels;
  int64_t dt_ns = 0;
  uint64_t ticks = 0;
  for (const Json& phase : run["phases"]) {
    labels.push_back(phase["label"]);
    dt_ns += phase["dt_ns"].get<int64_t>();
    for (const Json& counter : phase["counters"]) ticks += counter["energy_ticks"].get<uint64_t>();
    if (phase["label"] != "one") continue;
    EXPECT_GE(phase["dt_ns"].get<int64_t>(), 95 * kNanosPerMilli);
  }
  EXPECT_THAT(labels, ElementsAre("", "one", "two", "three"));
  EXPECT_EQ(dt_ns, run["dt_ns"].get<int64_t>()) << "phases make up the run";
  uint64_t whole = 0;
  for (const Json& counter : run["counters"]) whole += counter["energy_ticks"].get<uint64_t>();
  EXPECT_EQ(ticks, whole) << "to the tick";
}

TEST_F(RunTest, MarksFromOutsideArePhases) {
  const std::string mark = absl::StrCat(VRAPL, " mark ");
  const Json run =
      RunToJson({}, {"/bin/sh", "-c", "sleep 0.1; " + mark + "--to=$PPID 'work: größe'; sleep 0.1"})["runs"][0];
  ASSERT_THAT(run["phases"], SizeIs(2));
  EXPECT_EQ(run["phases"][1]["label"], "work: größe");
  EXPECT_GE(run["phases"][1]["dt_ns"].get<int64_t>(), 95 * kNanosPerMilli);
  EXPECT_THAT(Shell(mark + "--to=1 x").err, HasSubstr("process 1 does not listen"));
  EXPECT_EQ(Shell(mark + "--to=1 x").code, 1);
}

TEST_F(RunTest, WhatADaemonDoesCountsUntilTheCommandEnds) {
  const int64_t start_ns = MonotonicNs();
  const Ended ended = Shell(
      absl::StrCat(VRAPL, " run --emulate --vms=proc --mark-regex=x -- sh -c 'setsid sleep 30 2>/dev/null & echo $!'"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_LT(MonotonicNs() - start_ns, 25 * kNanosPerSecond) << "nobody waits for what is left behind";
  const int daemon = std::atoi(ended.out.c_str());
  ASSERT_GT(daemon, 1);
  EXPECT_EQ(::kill(daemon, SIGKILL), 0) << "it goes on";
}

TEST_F(RunTest, ASignalGoesToTheCommandAndWhatWasMeasuredIsTold) {
  Program program(Words({"-r", "5", "--mark-regex=^never$"}, {"/bin/sh", "-c", "echo ready; exec sleep 60"}),
                  {.temp_dir = dir_});
  ASSERT_EQ(program.ReadLine(), "ready");
  program.Signal(SIGTERM);
  const Ended ended = program.Wait();
  EXPECT_EQ(ended.code, 128 + SIGTERM);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("1 run, 1 failed (the first: killed by signal 15)"),
                               HasSubstr("4 runs were left out, because a signal came")));
}

TEST_F(RunTest, AReaderThatDoesNotReadDoesNotHoldUpASignal) {
  const int64_t start_ns = MonotonicNs();
  const std::string err = dir_ + "/err";
  const Ended ended = Shell(absl::StrCat(
      "cd ", dir_, "; mkfifo out; sleep 100 <out & reader=$!; ", VRAPL,
      " run --emulate --vms=proc --mark-regex=x -- sh -c 'echo begun >&2; exec yes x' >out 2>err & vrapl=$!; ",
      "until grep -q begun err; do sleep 0.05; done; sleep 0.3; kill -TERM $vrapl; wait $vrapl; echo $?; kill "
      "$reader"));
  EXPECT_EQ(ended.out, "143\n");
  EXPECT_LT(MonotonicNs() - start_ns, 60 * kNanosPerSecond) << "not when the reader ends";
  const std::string said = Shell("cat " + err).out;
  EXPECT_THAT(said,
              AllOf(HasSubstr("killed by signal 15"), HasSubstr("sum = counter"), HasSubstr("were not passed on")));
}

TEST_F(RunTest, WithoutBpfItSaysThatShortChildrenMayBeMissed) {
  const Ended ended = Run({"--run-time=schedstat"}, {BURNER, "threads", "2", "300"});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, AllOf(HasSubstr("less than 50 ms may be missed"), HasSubstr("run time by schedstat")));
}

TEST_F(RunTest, OverheadPassesASignalOnAndTellsNoZeros) {
  Program program({VRAPL, "overhead", "--emulate", "--vms=proc", "--", "/bin/sh", "-c", "echo ready; exec sleep 60"},
                  {.temp_dir = dir_});
  ASSERT_EQ(program.ReadLine(), "ready");
  program.Signal(SIGTERM);
  const Ended ended = program.Wait();
  EXPECT_EQ(ended.code, 128 + SIGTERM);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("there is nothing to tell"), testing::Not(HasSubstr("0.000"))));
}

TEST_F(RunTest, OverheadTellsHowSureItIs) {
  const Ended ended =
      Program({VRAPL, "overhead", "--emulate", "--vms=proc", "-r", "2", "--", BURNER, "threads", "1", "20"},
              {.temp_dir = dir_})
          .Wait();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, AllOf(HasSubstr("with / without"), HasSubstr("(A/A)"), HasSubstr("extra energy"),
                               HasSubstr("EMULATED HARDWARE"), HasSubstr("too few runs to tell")));
  EXPECT_EQ(Program({VRAPL, "overhead", "--emulate", "--vms=proc", "--", "/bin/sh", "-c", "exit 9"}, {.temp_dir = dir_})
                .Wait()
                .code,
            9);
}

}  // namespace
}  // namespace vrapl
