// `vrapl run -o`: what becomes of the file, whatever becomes of the run.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/cli/run_program.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class RunFilesTest : public RunTest {
 protected:
  // FILE.part-XXXXXX of `name`.
  std::vector<std::string> Parts(const std::string& name) const {
    std::vector<std::string> parts;
    for (const auto& entry : std::filesystem::directory_iterator(dir_)) {
      const std::string path = entry.path().string();
      if (absl::StartsWith(path, File(name) + ".part-")) parts.push_back(path);
    }
    return parts;
  }
  // A file that somebody has.
  std::string Mine(const std::string& name) const {
    EXPECT_EQ(Shell("echo mine >" + File(name)).code, 0);
    return File(name);
  }
  Ended Replay(const std::string& file) const {
    return Program({VRAPL, "replay", "--format=jsonl", file}, {.temp_dir = dir_}).Wait();
  }
};

TEST_F(RunFilesTest, AFileIsReplacedOnlyWhenForced) {
  const std::string file = Mine("runs.csv");
  Ended ended = Run({"-o", file}, {"true"});
  EXPECT_EQ(ended.code, 125);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("exists; --force replaces it"), HasSubstr("-o")));
  EXPECT_EQ(ReadSmallFile(file).value_or(""), "mine");
  // What cannot be measured costs nobody a file.
  EXPECT_EQ(Run({"-o", file, "--force", "--prepare=false"}, {"true"}).code, 125);
  EXPECT_EQ(ReadSmallFile(file).value_or(""), "mine");
  EXPECT_EQ(Run({"-o", file, "--force"}, {"no-such-command"}).code, 127);
  EXPECT_EQ(ReadSmallFile(file).value_or(""), "mine");
  EXPECT_THAT(Parts("runs.csv"), IsEmpty());
  EXPECT_EQ(Run({"-o", file, "--force"}, {"true"}).code, 0);
  const std::string text = ReadSmallFile(file).value_or("");
  EXPECT_TRUE(absl::StartsWith(text, "command,command_index,repetition,t_ns,wall_ns,"));
  EXPECT_THAT(text, HasSubstr(",command,"));
  EXPECT_THAT(text, Not(HasSubstr("mine")));
  EXPECT_EQ(Run({"-o", "/proc/none.csv"}, {"true"}).code, 125);
  EXPECT_EQ(Run({"-o", File("sub/none.csv")}, {"true"}).code, 125);
  EXPECT_EQ(Run({"-o", File("later.json"), "--prepare=false"}, {"true"}).code, 125);
  EXPECT_FALSE(std::filesystem::exists(File("later.json"))) << "no empty file is left";
}

TEST_F(RunFilesTest, ARecordingHasTheCommandAndItsPhases) {
  const std::string file = File("run.vrapl");
  const Ended ended = Run({"-o", file, "--mark-regex=^now"}, {"/bin/sh", "-c", "sleep 0.1; echo now; sleep 0.1"});
  ASSERT_EQ(ended.code, 0) << ended.err;
  const Ended replay = Shell(absl::StrCat(VRAPL, " replay --format=jsonl ", file));
  ASSERT_EQ(replay.code, 0) << replay.err;
  int marks = 0;
  int64_t command_ns = 0;
  for (const absl::string_view line : absl::StrSplit(replay.out, '\n', absl::SkipEmpty())) {
    const Json flush = Json::parse(std::string(line));
    if (flush.contains("marks")) marks += static_cast<int>(flush["marks"].size());
    command_ns += RunTimeOf(flush, "command");
  }
  EXPECT_EQ(marks, 1);
  EXPECT_GT(command_ns, 0);
}

TEST_F(RunFilesTest, ARecordingTellsWhichRunAStretchBelongsTo) {
  const std::string file = File("runs.vrapl");
  const Ended ended = Run(
      {"-o", file, "-r", "2", "--warmup=1", "--pause=20ms", "--ignore-failure", "--mark-regex=^now"},
      {"/bin/sh", "-c", "work() { i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; }; work; echo now; work; exit 3"});
  ASSERT_EQ(ended.code, 3) << ended.err;
  const std::string data = absl::StrCat(VRAPL, " export ", file, " --phases --format=jsonl --by=part");
  std::map<std::string, int64_t> run_time_ns;  // of the command, by phase
  for (const absl::string_view line : absl::StrSplit(Shell(data).out, '\n', absl::SkipEmpty())) {
    const Json row = Json::parse(std::string(line));
    if (row["kind"] == "command" && row["domain"] == "package")
      run_time_ns[row["phase"].is_null() ? "" : row["phase"].get<std::string>()] += row["run_time_ns"].get<int64_t>();
  }
  for (const char* phase : {"warm-up 0", "run 0", "run 1"}) {
    EXPECT_GT(run_time_ns[phase], 4 * run_time_ns[""]) << phase << ": the command runs in its runs, not between them";
  }
  EXPECT_EQ(run_time_ns.count("now (run 1)"), 1u);
  EXPECT_EQ(run_time_ns.size(), 7u);
  const Ended text = Shell(absl::StrCat(VRAPL, " replay --phases ", file));
  EXPECT_THAT(text.out,
              AllOf(HasSubstr("phase: outside the runs"), HasSubstr("phase: warm-up 0"), HasSubstr("phase: run 1")));
  EXPECT_EQ(Shell(absl::StrCat(VRAPL, " replay --by=phase ", file)).out, text.out) << "what it was called before";
  EXPECT_THAT(Shell(absl::StrCat(VRAPL, " replay --phases --format=jsonl ", file)).out,
              HasSubstr("\"phase\":\"run 0\""));
  ASSERT_EQ(Shell(absl::StrCat(VRAPL, " export ", file, " -o ", File("meta.csv"))).code, 0);
  int ends = 0;
  const Json meta = Json::parse(Shell("cat " + File("meta.csv.meta.json")).out);
  for (const Json& event : meta["events"]) {
    if (event["type"] == "run-end" && event["event"]["exit_code"] == 3) ++ends;
  }
  EXPECT_EQ(ends, 3);
}

TEST_F(RunFilesTest, OnAFullDiskTheOldFileStaysAndTheFiguresAreTold) {
  // A small disk that this command alone sees.
  for (const std::string name : {"runs.json", "runs.csv", "runs.vrapl"}) {
    const Ended ended = Shell(absl::StrCat("exec unshare -m sh -c 'mount --make-rprivate / && mkdir -p ", File("disk"),
                                           " && mount -t tmpfs -o size=16k none ", File("disk"), " && cd ",
                                           File("disk"), " && echo mine >", name, " && head -c 16k /dev/zero >full; ",
                                           VRAPL, " run --emulate --vms=proc --force -o ", name,
                                           " -- sleep 0.1; echo exit $?; cat ", name, "; ls'"));
    EXPECT_EQ(ended.out, absl::StrCat("exit 125\nmine\nfull\n", name, "\n")) << ended.err;
    EXPECT_THAT(ended.err, testing::AnyOf(HasSubstr("disk is full"), HasSubstr("No space left on device")));
    if (name != "runs.vrapl") {
      EXPECT_THAT(ended.err, HasSubstr("sum = counter"));
    }
  }
}

TEST_F(RunFilesTest, AForcedRecordingReplacesTheOldOneOnlyWhenSomethingRan) {
  const std::string file = Mine("run.vrapl");
  EXPECT_EQ(Run({"-o", file, "--force"}, {"no-such-command"}).code, 127);
  EXPECT_EQ(ReadSmallFile(file).value_or(""), "mine");
  EXPECT_EQ(Run({"-o", file, "--force", "--prepare=false"}, {"true"}).code, 125);
  EXPECT_EQ(ReadSmallFile(file).value_or(""), "mine");
  EXPECT_THAT(Parts("run.vrapl"), IsEmpty());
  EXPECT_EQ(Run({"-o", File("none.vrapl")}, {"no-such-command"}).code, 127);
  EXPECT_FALSE(std::filesystem::exists(File("none.vrapl"))) << "where nothing ran, nothing is left";

  Program cut(Words({"-o", file, "--force"}, {"/bin/sh", "-c", "echo ready; exec sleep 60"}), {.temp_dir = dir_});
  ASSERT_EQ(cut.ReadLine(), "ready");
  EXPECT_EQ(ReadSmallFile(file).value_or(""), "mine");
  cut.Signal(SIGINT);
  const Ended ended = cut.Wait();
  EXPECT_EQ(ended.code, 128 + SIGINT) << ended.err;
  const Ended replay = Replay(file);
  EXPECT_EQ(replay.code, 0) << "what was measured until then; " << replay.err;
  EXPECT_THAT(Parts("run.vrapl"), IsEmpty());
}

TEST_F(RunFilesTest, WhatAKillLeavesIsARecordingBesideTheOldFile) {
  const std::string file = Mine("run.vrapl");
  // Two blocks of a second each are to be in the file.
  Program killed(Words({"-o", file, "--force"}, {"/bin/sh", "-c", "sleep 2.5; echo ready; kill -9 $PPID"}),
                 {.temp_dir = dir_});
  ASSERT_EQ(killed.ReadLine(), "ready");
  EXPECT_EQ(killed.Wait().code, 128 + SIGKILL);
  EXPECT_EQ(ReadSmallFile(file).value_or(""), "mine");
  ASSERT_THAT(Parts("run.vrapl"), SizeIs(1));
  const Ended replay = Replay(Parts("run.vrapl")[0]);
  EXPECT_EQ(replay.code, 3) << replay.err;
  EXPECT_THAT(replay.err, HasSubstr("its end is not in the file"));
  EXPECT_THAT(replay.out, HasSubstr("\"kind\":\"command\""));
  EXPECT_EQ(Run({}, {"true"}).code, 0) << "which takes away what the killed one left of its emulated host";
}

}  // namespace
}  // namespace vrapl
