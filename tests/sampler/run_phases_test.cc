#include "sampler/run_phases.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace vrapl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

std::vector<std::pair<int64_t, std::string>> Phases(const RecordedRun& run) {
  std::vector<std::pair<int64_t, std::string>> phases;
  for (const RecordedRun::Mark& phase : PhasesOf(run)) phases.emplace_back(phase.t_ns, phase.label);
  return phases;
}

TEST(PhasesTest, APhaseLastsFromItsMarkToTheNext) {
  const std::vector<RecordedRun::Mark> marks = {{10, "a"}, {20, "b"}, {20, "c"}};
  EXPECT_EQ(PhaseAt(marks, 9), "");
  EXPECT_EQ(PhaseAt(marks, 10), "a");
  EXPECT_EQ(PhaseAt(marks, 19), "a");
  EXPECT_EQ(PhaseAt(marks, 20), "c");
  EXPECT_EQ(PhaseAt(marks, 99), "c");
  EXPECT_EQ(PhaseAt({}, 5), "");
}

TEST(PhasesTest, ARunIsAPhaseAndWhatLiesBetweenHasNoName) {
  RecordedRun run;
  run.runs = {{.begin_ns = 10, .end_ns = 20, .warmup = true},
              {.begin_ns = 30, .end_ns = 40},
              {.begin_ns = 50, .repetition = 1}};
  EXPECT_THAT(Phases(run),
              ElementsAre(Pair(10, "warm-up 0"), Pair(20, ""), Pair(30, "run 0"), Pair(40, ""), Pair(50, "run 1")));
  EXPECT_EQ(NameOfNoPhase(run), "outside the runs");
  EXPECT_THAT(Phases({}), IsEmpty());
}

TEST(PhasesTest, OfSeveralCommandsARunSaysWhose) {
  RecordedRun run;
  run.runs = {{.begin_ns = 10, .end_ns = 20, .command = "gzip -k\nbig"},
              {.begin_ns = 20, .end_ns = 30, .command_index = 1, .command = std::string(1000, 'x')},
              {.begin_ns = 40, .end_ns = 50, .command_index = 2}};
  EXPECT_THAT(Phases(run),
              ElementsAre(Pair(10, "run 0 of gzip -k?big"), Pair(20, ""), Pair(20, "run 0 of " + std::string(60, 'x')),
                          Pair(30, ""), Pair(40, "run 0 of command 2"), Pair(50, "")));
  EXPECT_EQ(PhaseAt(PhasesOf(run), 20).substr(0, 10), "run 0 of x") << "one that begins where another ends";
}

TEST(PhasesTest, CommandsThatBeginAlikeHaveLabelsOfTheirOwn) {
  RecordedRun run;
  const std::string alike(60, 'x');
  run.runs = {{.begin_ns = 10, .end_ns = 20, .command = alike + " a"},
              {.begin_ns = 20, .end_ns = 30, .command_index = 1, .command = alike + " b"},
              {.begin_ns = 30, .end_ns = 40, .repetition = 1, .command = alike + " a"},
              {.begin_ns = 40, .end_ns = 50, .command_index = 2, .command = "other"}};
  EXPECT_THAT(Phases(run), ElementsAre(Pair(10, "run 0 of " + alike + " (command 0)"), Pair(20, ""),
                                       Pair(20, "run 0 of " + alike + " (command 1)"), Pair(30, ""),
                                       Pair(30, "run 1 of " + alike + " (command 0)"), Pair(40, ""),
                                       Pair(40, "run 0 of other"), Pair(50, "")));
}

TEST(PhasesTest, AMarkSaysInWhichOfSeveralRunsItIs) {
  RecordedRun run;
  run.runs = {{.begin_ns = 10, .end_ns = 20}};
  run.marks = {{15, "load"}};
  EXPECT_THAT(Phases(run), ElementsAre(Pair(10, "run 0"), Pair(15, "load"), Pair(20, "")));
  run.runs.push_back({.begin_ns = 30, .end_ns = 40, .repetition = 1});
  run.marks.push_back({25, "pause"});
  run.marks.push_back({35, "load"});
  EXPECT_THAT(Phases(run), ElementsAre(Pair(10, "run 0"), Pair(15, "load (run 0)"), Pair(20, ""), Pair(25, "pause"),
                                       Pair(30, "run 1"), Pair(35, "load (run 1)"), Pair(40, "")));
}

TEST(CommandRunTest, JsonComesBack) {
  const CommandRun run{
      .command_index = 3, .repetition = 7, .warmup = true, .command = "a\xff", .exit_code = 137, .signal = 9};
  const CommandRun begin = RunBeginFromJson(nlohmann::json::parse(RunBeginToJson(run)));
  const CommandRun end = RunEndFromJson(nlohmann::json::parse(RunEndToJson(run)));
  EXPECT_EQ(begin.command, "a\xEF\xBF\xBD") << "what is no text is marked";
  for (const CommandRun& back : {begin, end}) {
    EXPECT_EQ(back.command_index, 3);
    EXPECT_EQ(back.repetition, 7);
    EXPECT_TRUE(back.warmup);
  }
  EXPECT_EQ(end.exit_code, 137);
  EXPECT_EQ(end.signal, 9);
  EXPECT_ANY_THROW(RunEndFromJson(nlohmann::json::parse(R"({"command_index": 0, "repetition": 1e300})")));
}

}  // namespace
}  // namespace vrapl
