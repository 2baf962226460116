// The counters of emulated hosts of many kinds, read by the program with the real scheduler: none of their ways costs
// energy or time.
#include <gmock/gmock.h>

#include <map>

#include "tests/cli/emulated_run.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using EmulatedCountersTest = EmulatedRunTest;

// A core with two threads: who runs has a neighbour now and then, and the rows say for how long.
TEST_F(EmulatedCountersTest, RowsOfAHostWithSmtSayHowLongTheyHadTheirCoreAlone) {
  if (::sysconf(_SC_NPROCESSORS_ONLN) < 2) GTEST_SKIP() << "one CPU has no sibling";
  const Ended ended = Run({"sample", "--emulate=skylake-sp", "--duration=1s", "--format=jsonl",
                           "--emulator-option=--cores=1", "--emulator-option=--threads=2",
                           "--emulator-option=--power=const:80W", "--emulator-option=--dram=const:5W"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const Json json = Json::parse(LinesOf(ended.out).at(0));
  ExpectLaws(json["counters"], json["rows"]);
  int64_t run_ns = 0;
  int64_t shared_ns = 0;
  int64_t unreported_ns = 0;
  for (const Json& row : json["rows"]) {
    if (row["domain"] != "package") continue;
    if (row["kind"] == "unreported" || row["kind"] == "stolen") unreported_ns += row["run_time_ns"].get<int64_t>();
    if (!row.contains("solo_time_ns")) continue;
    const int64_t on_core_ns = row["solo_time_ns"].get<int64_t>() + row["shared_time_ns"].get<int64_t>();
    EXPECT_LE(on_core_ns, row["run_time_ns"].get<int64_t>());
    run_ns += row["run_time_ns"].get<int64_t>();
    run_ns -= on_core_ns;
    shared_ns += row["shared_time_ns"].get<int64_t>();
  }
  EXPECT_LE(run_ns, unreported_ns) << "unknown only beside what was not reported, or stolen from that";
  EXPECT_GT(shared_ns, 0) << "the sampler and the emulator run at the same time now and then";
}

// How punctual it is depends on the machine; that all is told does not.
TEST_F(EmulatedCountersTest, EveryTickOfTenKilohertzAndOfOneHertzIsTakenOrMissed) {
  struct Row {
    const char* period;
    int64_t least;
    int64_t most;
  };
  for (const Row& row : {Row{"100us", 19'000, 30'000}, Row{"1s", 2, 20}}) {
    SCOPED_TRACE(row.period);
    const Ended ended = Run({"sample", "--emulate", std::string("--period=") + row.period, "--duration=2s",
                             "--format=jsonl", "--cpu=1", "--emulator-option=--power=const:80W"});
    ASSERT_EQ(ended.code, 0) << ended.err;
    double joules = 0;
    int64_t dt_ns = 0;
    Json last;
    for (const std::string& line : LinesOf(ended.out)) {
      last = Json::parse(line, nullptr, /*allow_exceptions=*/false);
      ASSERT_FALSE(last.is_discarded()) << line;
      ExpectLaws(last["counters"], last["rows"]);
      joules += last["counters"][0]["energy_uj"].get<double>() * 1e-6;
      dt_ns += last["dt_ns"].get<int64_t>();
    }
    EXPECT_NEAR(joules, 80 * static_cast<double>(dt_ns) * 1e-9, 80 * 0.005) << "80 W, to 5 ms";
    const Json& sampler = last["samplers"][0];
    EXPECT_EQ(sampler["cpu"], 1);
    EXPECT_EQ(sampler["lost_records"], 0);
    const int64_t ticks = sampler["samples"].get<int64_t>() + sampler["missed"].get<int64_t>();
    EXPECT_GE(ticks, row.least);
    EXPECT_LE(ticks, row.most);
    EXPECT_LE(sampler["missed_stolen"].get<int64_t>(), sampler["missed"].get<int64_t>());
  }
}

// The CPU that is read goes offline for a second and comes back: the other one of the package takes over, the total
// goes on, and the CPU's time is counted while it is there.
TEST_F(EmulatedCountersTest, ACpuThatGoesOfflineCostsNoEnergyAndNoTime) {
  const Ended ended = Run({"sample", "--emulate", "--duration=8s", "--format=jsonl",
                           "--emulator-option=--power=const:80W", "--emulator-option=--fault=offline:cpu0@4s+2s"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  double joules = 0;
  double seconds = 0;
  std::vector<int64_t> cpus;
  uint64_t failed = 0;
  Json last;
  for (const std::string& line : LinesOf(ended.out)) {
    last = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    ASSERT_FALSE(last.is_discarded()) << line;
    const Json& counter = last["counters"][0];
    ASSERT_EQ(counter["domain"], "package");
    joules += counter["energy_uj"].get<double>() * 1e-6;
    seconds += counter["dt_ns"].get<double>() * 1e-9;
    failed += counter.value("read_errors", uint64_t{0});
    EXPECT_EQ(counter.value("unknown_ns", 0), 0);
    cpus.push_back(last["samplers"][0]["cpus"]);
    int64_t run_ns = 0;
    for (const Json& row : last["rows"]) {
      if (row["domain"] == "package") run_ns += row["run_time_ns"].get<int64_t>();
    }
    EXPECT_EQ(run_ns, last["samplers"][0]["capacity_ns"].get<int64_t>());
  }
  EXPECT_NEAR(joules, 80 * seconds, 80 * 0.01) << "80 W, to 10 ms";
  EXPECT_LE(failed, 4u) << "each CPU has its turn";
  EXPECT_THAT(cpus, Contains(1));
  EXPECT_EQ(cpus.back(), 2);
  EXPECT_EQ(last["samplers"][0]["cpu"], 0) << "the first reads again once it is back";
  EXPECT_THAT(ended.err,
              AllOf(HasSubstr("package 0: CPUs 1 are online now"), HasSubstr("package 0: CPUs 0,1 are online now")));
}

TEST_F(EmulatedCountersTest, AmdCoresAreCountersOfTheirOwn) {
  const Ended ended = Run({"sample", "--emulate=zen3", "--per-core", "--duration=2s", "--format=jsonl",
                           "--emulator-option=--power=const:80W"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  for (const std::string& line : LinesOf(ended.out)) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    ASSERT_FALSE(json.is_discarded()) << line;
    std::map<std::string, int64_t> left;  // of each counter
    for (const Json& counter : json["counters"]) left[counter["domain"]] = counter["energy_ticks"].get<int64_t>();
    EXPECT_TRUE(left.contains("core:0")) << line;
    for (const Json& row : json["rows"]) left[row["domain"]] -= row["energy_ticks"].get<int64_t>();
    for (const auto& [domain, ticks] : left) EXPECT_EQ(ticks, 0) << domain << ": rows sum to their counter";
  }
  const Ended probe = Run({"probe", "--emulate=zen3", "--per-core", "--vms=proc"});
  EXPECT_EQ(probe.code, 0) << probe.err;
  EXPECT_THAT(probe.out, HasSubstr("core"));
}

// Every CPU of one package goes: it is marked, and the other package does not notice.
TEST_F(EmulatedCountersTest, APackageThatGoesDisturbsNoOther) {
  const Ended ended = Run({"sample", "--emulate", "--duration=8s", "--format=jsonl", "--emulator-option=--packages=2",
                           "--emulator-option=--power=const:80W", "--emulator-option=--power=const:40W",
                           "--emulator-option=--fault=offline:cpu1@4s+2s"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  double joules[2] = {};
  double seconds = 0;
  bool failed = false;
  for (const std::string& line : LinesOf(ended.out)) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    ASSERT_FALSE(json.is_discarded()) << line;
    for (const Json& counter : json["counters"]) {
      if (counter["domain"] != "package") continue;
      const int package = counter["package"];
      joules[package] += counter["energy_uj"].get<double>() * 1e-6;
      if (package == 0) {
        seconds += counter["dt_ns"].get<double>() * 1e-9;
        EXPECT_FALSE(counter.contains("read_errors"));
      } else {
        failed = failed || counter.contains("read_errors");
      }
    }
  }
  EXPECT_NEAR(joules[0], 80 * seconds, 80 * 0.01);
  EXPECT_TRUE(failed) << "the package that went is marked";
  EXPECT_NEAR(joules[1], 40 * seconds, 40 * 0.05) << "its counter went on, and so does the total";
  EXPECT_THAT(ended.err, HasSubstr("package 1: no CPU is online any more"));
}

TEST_F(EmulatedCountersTest, ACounterThatStopsIsToldAsSuch) {
  const Ended ended = Run({"sample", "--emulate", "--duration=11s", "--window=1s", "--format=jsonl",
                           "--emulator-option=--power=const:80W", "--emulator-option=--fault=freeze:5s+5s"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  std::vector<bool> frozen;
  for (const std::string& line : LinesOf(ended.out)) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    ASSERT_FALSE(json.is_discarded()) << line;
    frozen.push_back(json["counters"][0].value("frozen", false));
  }
  EXPECT_THAT(frozen, Contains(true));
  EXPECT_FALSE(frozen.front());
  EXPECT_FALSE(frozen.back());
}

// The operator's row replaces the built-in one of the emulated CPU: DRAM by the unit register, four times too much.
TEST_F(EmulatedCountersTest, ARowOfACpuTableIsReadByAndFlaggedInEveryOutput) {
  std::string file = testing::TempDir() + "/vrapl-cpu-table-XXXXXX";
  const UniqueFd fd(::mkstemp(file.data()));
  ASSERT_TRUE(fd.ok());
  const std::string text =
      R"({"vrapl_cpu_table": 1, "rows": [{"vendor": "intel", "family": 6, "model": "0x55", "name": "Mine",
          "domains": ["package", "dram"], "unit_rule": "power-of-two", "source": "this test", "override": true}]})";
  ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  const std::string option = "--cpu-table=" + file;
  const std::string label = file + " row 06_55";

  const Ended json = Run({"sample", "--emulate=skylake-sp", option, "--duration=1s", "--format=jsonl"});
  ASSERT_EQ(json.code, 0) << json.err;
  const Json line = Json::parse(LinesOf(json.out).front());
  EXPECT_EQ(line["cpu_table"], label);
  EXPECT_EQ(line["source"], "emulated") << "that label stays";
  ASSERT_THAT(line["counters"], Not(IsEmpty()));
  EXPECT_EQ(line["counters"].back()["domain"], "dram");
  EXPECT_EQ(line["counters"].back()["unit_uj"], 61.03515625) << "as the row says";
  const Ended csv = Run({"sample", "--emulate=skylake-sp", option, "--duration=1s", "--format=csv"});
  ASSERT_EQ(csv.code, 0) << csv.err;
  ASSERT_THAT(LinesOf(csv.out), Not(IsEmpty()));
  EXPECT_THAT(LinesOf(csv.out).back(), testing::EndsWith(",emulated," + label));
  const Ended sample = Run({"sample", "--emulate=skylake-sp", option, "--duration=1s"});
  EXPECT_THAT(sample.out, AllOf(HasSubstr("source emulated"), HasSubstr("cpu_table=" + label)));
  EXPECT_THAT(sample.err, AllOf(HasSubstr("EMULATED HARDWARE"), HasSubstr("cpu_table=" + label)));
  const Ended serve = Run({"serve", "--emulate=skylake-sp", option, "--duration=1s", "--flush=1s"});
  EXPECT_THAT(serve.out, AllOf(HasSubstr("source emulated"), HasSubstr("cpu_table=" + label)));
  EXPECT_THAT(Run({"probe", "--emulate=skylake-sp", option, "--vms=proc"}).out,
              AllOf(HasSubstr("EMULATED HARDWARE"), HasSubstr("cpu_table=" + label)));
  EXPECT_EQ(Json::parse(Run({"probe", "--emulate=skylake-sp", option, "--vms=proc", "--json"}).out)["cpu_table"],
            label);

  // Another CPU, another backend: the row has no part in the figures, and that is said.
  const Ended other = Run({"sample", "--emulate=haswell", option, "--duration=1s", "--format=jsonl"});
  EXPECT_THAT(other.out, Not(HasSubstr("cpu_table")));
  EXPECT_THAT(other.err, HasSubstr("--cpu-table is not used"));
  const Ended sysfs =
      Run({"sample", "--emulate=skylake-sp", option, "--backend=sysfs", "--duration=1s", "--format=jsonl"});
  EXPECT_THAT(sysfs.out, Not(HasSubstr("cpu_table")));
  EXPECT_THAT(sysfs.err, HasSubstr("--cpu-table is not used"));
  ASSERT_EQ(::unlink(file.c_str()), 0);
}

TEST_F(EmulatedCountersTest, AnyCpuOfTheTableByItsNumbers) {
  const Ended ended = Run({"sample", "--emulate=amd:19_61", "--emulator-option=--power=const:80W", "--duration=300ms",
                           "--window=100ms", "--format=jsonl"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const Json counter = Json::parse(LinesOf(ended.out).front())["counters"][0];
  EXPECT_EQ(counter["unit_uj"], 1e6 / (1 << 16)) << "AMD's usual unit";
}

// Reads that fail for a while end no run and are no zeros: they are counted, and what was used meanwhile comes after
// them.
TEST_F(EmulatedCountersTest, ReadsThatFailForAWhileAreCountedAndLoseNothing) {
  const Ended ended = Run({"sample", "--emulate", "--duration=6s", "--window=500ms", "--format=jsonl",
                           "--emulator-option=--power=const:80W", "--emulator-option=--fault=eio:0x611@4s+700ms"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  double joules = 0;
  int64_t dt_ns = 0;
  uint64_t errors = 0;
  for (const std::string& line : LinesOf(ended.out)) {
    const Json json = Json::parse(line);
    ExpectLaws(json["counters"], json["rows"]);
    const Json& counter = json["counters"][0];
    ASSERT_EQ(counter["domain"], "package");
    joules += counter["energy_uj"].get<double>() * 1e-6;
    dt_ns += json["dt_ns"].get<int64_t>();
    errors += counter.value("read_errors", uint64_t{0});
  }
  EXPECT_GT(errors, 0u);
  EXPECT_NEAR(joules, 80 * static_cast<double>(dt_ns) * 1e-9, 80 * 0.005);
  EXPECT_THAT(ended.err, Not(HasSubstr(", 0 reads failed")));
}

TEST_F(EmulatedCountersTest, WraparoundChangesNoFigure) {
  const Ended ended = Run({"sample", "--emulate", "--duration=2s", "--window=200ms", "--format=jsonl",
                           "--emulator-option=--power=const:80W", "--emulator-option=--start-ticks=0xFFFFF000"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  double joules = 0;
  int64_t dt_ns = 0;
  for (const std::string& line : LinesOf(ended.out)) {
    const Json json = Json::parse(line);
    ExpectLaws(json["counters"], json["rows"]);
    joules += json["counters"][0]["energy_uj"].get<double>() * 1e-6;
    dt_ns += json["dt_ns"].get<int64_t>();
  }
  EXPECT_NEAR(joules, 80 * static_cast<double>(dt_ns) * 1e-9, 80 * 0.005);
}

}  // namespace
}  // namespace vrapl
