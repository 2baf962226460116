// The program on an emulated host, with the real scheduler: what it prints, how it ends, what it leaves behind.
#include "tests/cli/emulated_run.h"

#include <gmock/gmock.h>

#include <csignal>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

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
  // What it is, the columns, how sure the first line is, and the lines.
  EXPECT_THAT(LinesOf(ended.out), SizeIs(3 + 5));
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

}  // namespace
}  // namespace vrapl
