// The program on an emulated host, with the real scheduler: what it prints, how it ends, what it leaves behind.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/host_root.h"
#include "tests/program.h"
#include "tests/requirements.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Json = nlohmann::json;

class EmulatedRunTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("fuse");
    VRAPL_NEEDS("kernel");
    std::string name = testing::TempDir() + "/vrapl-cli-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override {
    if (dir_.empty()) return;
    EXPECT_THAT(ReadSmallFile("/proc/self/mounts").value_or(""), Not(HasSubstr(dir_)));
    EXPECT_THAT(EmulatorsOf(dir_), IsEmpty());
    EXPECT_EQ(::rmdir(dir_.c_str()), 0) << dir_ << " is not empty";
  }

  // Processes whose command line names the directory.
  static std::vector<std::string> EmulatorsOf(const std::string& dir) {
    std::vector<std::string> found;
    for (const std::string& entry : ListDirectory("/proc").value_or(std::vector<std::string>())) {
      if (entry.find_first_not_of("0123456789") != std::string::npos) continue;
      const std::string cmdline = ReadSmallFile(absl::StrCat("/proc/", entry, "/cmdline")).value_or("");
      if (cmdline.find(dir) != std::string::npos) found.push_back(entry);
    }
    return found;
  }

  std::unique_ptr<Program> Start(std::vector<std::string> words) const {
    words.insert(words.begin(), VRAPL);
    if (words[1] != "probe") words.push_back("--vms=proc");
    return std::make_unique<Program>(words, ProgramOptions{.temp_dir = dir_});
  }
  Ended Run(std::vector<std::string> words) const { return Start(std::move(words))->Wait(); }

  std::string dir_;
};

std::vector<std::string> LinesOf(const std::string& text) { return absl::StrSplit(text, '\n', absl::SkipEmpty()); }

// The two laws of docs/output.md, on what was printed.
void ExpectLaws(const Json& counters, const Json& rows) {
  for (const Json& counter : counters) {
    uint64_t ticks = 0;
    int64_t run_ns = 0;
    for (const Json& row : rows) {
      if (row["package"] != counter["package"] || row["domain"] != counter["domain"]) continue;
      ticks += row["energy_ticks"].get<uint64_t>();
      run_ns += row["run_time_ns"].get<int64_t>();
    }
    EXPECT_EQ(ticks, counter["energy_ticks"].get<uint64_t>());
    const int64_t dt_ns = counter["dt_ns"];
    EXPECT_EQ(run_ns % dt_ns, 0) << "a whole number of CPUs";
    EXPECT_GE(run_ns / dt_ns, 1);
  }
}

// A core with two threads: who runs has a neighbour now and then, and the rows say for how long.
TEST_F(EmulatedRunTest, RowsOfAHostWithSmtSayHowLongTheyHadTheirCoreAlone) {
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

TEST_F(EmulatedRunTest, SampleAsJsonLinesClosesInEveryLine) {
  const Ended ended = Run({"sample", "--emulate", "--duration=3s", "--format=jsonl", "--model=base-share,share",
                           "--emulator-option=--power=const:80W"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const std::vector<std::string> lines = LinesOf(ended.out);
  ASSERT_THAT(lines, SizeIs(3)) << "--window is 1 s";
  double joules = 0;
  int64_t dt_ns = 0;
  int64_t emulator_ns = 0;
  uint64_t seq = 0;
  Json last;
  for (const std::string& line : lines) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    ASSERT_FALSE(json.is_discarded()) << line;
    EXPECT_EQ(json["seq"], ++seq);
    EXPECT_EQ(json["source"], "emulated");
    EXPECT_EQ(json["backend"], "msr");
    ExpectLaws(json["counters"], json["rows"]);
    ASSERT_THAT(json["other_models"], SizeIs(1));
    ExpectLaws(json["other_models"][0]["counters"], json["other_models"][0]["rows"]);
    for (const Json& counter : json["counters"]) {
      if (counter["domain"] == "package") joules += counter["energy_uj"].get<double>() * 1e-6;
      EXPECT_FALSE(counter.contains("read_errors"));
    }
    for (const Json& row : json["rows"]) {
      if (row["kind"] == "emulator") emulator_ns += row["run_time_ns"].get<int64_t>();
    }
    dt_ns += json["dt_ns"].get<int64_t>();
    EXPECT_EQ(json["t_ns"], dt_ns);
    last = json;
  }
  EXPECT_EQ(last["last"], true);
  EXPECT_NEAR(joules, 80 * static_cast<double>(dt_ns) * 1e-9, 80 * 0.005) << "80 W, to 5 ms";
  EXPECT_GT(emulator_ns, 0) << "what the emulator itself uses has a row of its own";
  const Json& sampler = last["samplers"][0];
  const int64_t ticks = sampler["samples"].get<int64_t>() + sampler["missed"].get<int64_t>();
  EXPECT_GE(ticks, 2990);
  EXPECT_LE(ticks, 3200);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("EMULATED HARDWARE"), HasSubstr("samples in 3.0")));
}

// How punctual it is depends on the machine; that all is told does not.
TEST_F(EmulatedRunTest, EveryTickOfTenKilohertzAndOfOneHertzIsTakenOrMissed) {
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
TEST_F(EmulatedRunTest, ACpuThatGoesOfflineCostsNoEnergyAndNoTime) {
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

TEST_F(EmulatedRunTest, AmdCoresAreCountersOfTheirOwn) {
  const Ended ended = Run({"sample", "--emulate=zen3", "--per-core", "--duration=2s", "--format=jsonl",
                           "--emulator-option=--power=const:80W"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  for (const std::string& line : LinesOf(ended.out)) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    ASSERT_FALSE(json.is_discarded()) << line;
    int cores = 0;
    for (const Json& counter : json["counters"]) cores += counter["domain"].get<std::string>().starts_with("core:");
    EXPECT_GT(cores, 0) << line;
    for (const Json& row : json["rows"]) EXPECT_EQ(row["domain"], "package") << "a core's joules are in the package's";
  }
  const Ended probe = Run({"probe", "--emulate=zen3", "--per-core", "--vms=proc"});
  EXPECT_EQ(probe.code, 0) << probe.err;
  EXPECT_THAT(probe.out, HasSubstr("core"));
}

// Every CPU of one package goes: it is marked, and the other package does not notice.
TEST_F(EmulatedRunTest, APackageThatGoesDisturbsNoOther) {
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

TEST_F(EmulatedRunTest, ACounterThatStopsIsToldAsSuch) {
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

TEST_F(EmulatedRunTest, SampleAsCsvHasNothingButTheTable) {
  const Ended ended = Run({"sample", "--emulate", "--duration=1s", "--window=250ms", "--format=csv"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const std::vector<std::string> lines = LinesOf(ended.out);
  ASSERT_GT(lines.size(), 20u);
  const std::vector<std::string> header = absl::StrSplit(lines[0], ',');
  EXPECT_EQ(header.front(), "t_ns");
  std::map<std::string, std::vector<std::string>> columns;
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string> fields = absl::StrSplit(lines[i], ',');
    ASSERT_EQ(fields.size(), header.size()) << lines[i];
    for (size_t column = 0; column < fields.size(); ++column) columns[header[column]].push_back(fields[column]);
  }
  EXPECT_THAT(columns["source"], Each(std::string("emulated")));
  EXPECT_THAT(columns["kind"], AllOf(Contains("idle"), Contains("vrapl"), Contains("emulator"), Contains("other")));
  for (const char* column : {"t_ns", "dt_ns", "energy_ticks", "energy_uj", "run_time_ns"}) {
    for (const std::string& field : columns[column]) {
      int64_t number = -1;
      EXPECT_TRUE(absl::SimpleAtoi(field, &number)) << column << " " << field;
      EXPECT_GE(number, 0);
    }
  }
  std::vector<std::string> times = columns["t_ns"];
  times.erase(std::unique(times.begin(), times.end()), times.end());
  EXPECT_THAT(times, SizeIs(4));
}

TEST_F(EmulatedRunTest, SampleAsTextSaysThatItIsEmulated) {
  const Ended ended = Run({"sample", "--emulate=zen3", "--duration=1s", "--window=200ms"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("emulated"), HasSubstr("package-0"), HasSubstr("idle")));
  EXPECT_THAT(ended.err, HasSubstr("EMULATED HARDWARE"));
  EXPECT_THAT(LinesOf(ended.out), SizeIs(2 + 5));
}

// The operator's row replaces the built-in one of the emulated CPU: DRAM by the unit register, four times too much.
TEST_F(EmulatedRunTest, ARowOfACpuTableIsReadByAndFlaggedInEveryOutput) {
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

TEST_F(EmulatedRunTest, AnyCpuOfTheTableByItsNumbers) {
  const Ended ended = Run({"sample", "--emulate=amd:19_61", "--emulator-option=--power=const:80W", "--duration=300ms",
                           "--window=100ms", "--format=jsonl"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const Json counter = Json::parse(LinesOf(ended.out).front())["counters"][0];
  EXPECT_EQ(counter["unit_uj"], 1e6 / (1 << 16)) << "AMD's usual unit";
}

TEST_F(EmulatedRunTest, SignalsEndWithTheLastIntervalAndASummary) {
  for (const int signal : {SIGINT, SIGTERM}) {
    for (const char* verb : {"sample", "serve"}) {
      SCOPED_TRACE(absl::StrCat(verb, " ", strsignal(signal)));
      const bool sample = std::string(verb) == "sample";
      const auto program = Start({verb, "--emulate", "--format=jsonl", sample ? "--window=300ms" : "--flush=300ms"});
      uint64_t lines = 0;
      for (int i = 0; i < 2; ++i) lines += program->ReadLine().empty() ? 0 : 1;
      ASSERT_EQ(lines, 2u);
      EXPECT_THAT(EmulatorsOf(dir_), Not(IsEmpty()));
      program->Signal(signal);
      const Ended ended = program->Wait();
      EXPECT_EQ(ended.code, 0) << ended.err;
      ASSERT_THAT(LinesOf(ended.out), Not(IsEmpty()));
      const Json last = Json::parse(LinesOf(ended.out).back(), nullptr, /*allow_exceptions=*/false);
      ASSERT_FALSE(last.is_discarded());
      EXPECT_EQ(last.value("last", false), true) << "the interval under way is settled";
      ExpectLaws(last["counters"], last["rows"]);
      EXPECT_THAT(ended.err, HasSubstr("EMULATED HARDWARE"));
      if (sample) {
        EXPECT_THAT(ended.err, HasSubstr("samples in"));
      }
      EXPECT_THAT(EmulatorsOf(dir_), IsEmpty());
    }
  }
}

TEST_F(EmulatedRunTest, WhatAKilledProgramLeavesTheNextTakesAway) {
  // In use all the time: the others must leave it alone.
  const std::unique_ptr<Program> other = Start({"sample", "--emulate", "--format=csv", "--window=100ms"});
  ASSERT_NE(other->ReadLine(), "");
  const std::unique_ptr<Program> killed = Start({"sample", "--emulate", "--format=csv"});
  ASSERT_NE(killed->ReadLine(), "");
  ASSERT_EQ(ListDirectory(dir_).value_or(std::vector<std::string>{}).size(), 2u);
  killed->Signal(SIGKILL);
  EXPECT_EQ(killed->Wait().code, 128 + SIGKILL);
  EXPECT_EQ(ListDirectory(dir_).value_or(std::vector<std::string>{}).size(), 2u) << "nobody was left to do it";
  EXPECT_EQ(Run({"sample", "--emulate", "--duration=100ms"}).code, 0);
  EXPECT_EQ(ListDirectory(dir_).value_or(std::vector<std::string>{}).size(), 1u);
  ASSERT_NE(other->ReadLine(), "") << "it goes on";
  other->Signal(SIGINT);
  EXPECT_EQ(other->Wait().code, 0);
}

TEST_F(EmulatedRunTest, SampleEndsWhenItsReaderHasSeenEnough) {
  const auto program = Start({"sample", "--emulate", "--window=50ms"});
  EXPECT_THAT(program->ReadLine(), HasSubstr("emulated"));
  program->CloseOutput();  // as `| head -1` does
  const Ended ended = program->Wait();
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("samples in"));
}

TEST_F(EmulatedRunTest, ServeAsTextShowsTheSum) {
  const Ended ended =
      Run({"serve", "--emulate=haswell", "--duration=2s", "--flush=1s", "--emulator-option=--packages=1"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("EMULATED HARDWARE"), HasSubstr("sum = counter, difference 0 ticks"),
                               HasSubstr("source emulated"), HasSubstr("flush 2")));
  EXPECT_THAT(ended.err, HasSubstr("--flush is below 2s"));
}

TEST_F(EmulatedRunTest, BothBackendsReadAnEmulatorThatSomebodyElseStarted) {
  const std::string root = dir_ + "/host";
  {
    Program emulator({VRAPL_EMULATOR, "--mount", root, "--power=const:50W"});
    ASSERT_THAT(emulator.ReadLine(), HasSubstr("ready"));
    for (const char* backend : {"msr", "sysfs"}) {
      const Ended ended = Run({"sample", "--host-root=" + root, absl::StrCat("--backend=", backend), "--duration=600ms",
                               "--window=200ms", "--format=jsonl"});
      ASSERT_EQ(ended.code, 0) << ended.err;
      const std::vector<std::string> lines = LinesOf(ended.out);
      ASSERT_THAT(lines, SizeIs(3));
      int64_t emulator_ns = 0;
      for (const std::string& line : lines) {
        const Json json = Json::parse(line);
        EXPECT_EQ(json["source"], "emulated");
        EXPECT_EQ(json["backend"], backend);
        ExpectLaws(json["counters"], json["rows"]);
        for (const Json& row : json["rows"]) {
          if (row["kind"] == "emulator") emulator_ns += row["run_time_ns"].get<int64_t>();
        }
      }
      EXPECT_GT(emulator_ns, 0) << "known by what it says of itself";
    }
    const Ended probe = Run({"probe", "--host-root=" + root, "--vms=proc"});
    EXPECT_EQ(probe.code, 0);
    EXPECT_THAT(probe.out, AllOf(HasSubstr("EMULATED"), HasSubstr("energy can be measured, by msr")));
    const Json json = Json::parse(Run({"probe", "--host-root=" + root, "--vms=proc", "--json"}).out);
    EXPECT_EQ(json["chosen"], "msr");
    EXPECT_EQ(json["emulated"], true);
  }
}

// Reads that fail for a while end no run and are no zeros: they are counted, and what was used meanwhile comes after
// them.
TEST_F(EmulatedRunTest, ReadsThatFailForAWhileAreCountedAndLoseNothing) {
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

TEST_F(EmulatedRunTest, WraparoundChangesNoFigure) {
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
