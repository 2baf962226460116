// The file of `run -o FILE.csv|json|jsonl`: what was there stays until there is something better.
#include "cli/run_export.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/run_json.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class RunExportFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/vrapl-export-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override {
    if (!dir_.empty()) std::filesystem::remove_all(dir_);
  }
  static std::string Read(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string Old(const std::string& name) const {
    const std::string path = absl::StrCat(dir_, "/", name);
    std::ofstream(path) << "old";
    return path;
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir_)) names.push_back(entry.path().filename());
    return names;
  }
  static RunResult Result(int repetition) {
    RunResult result{.plan = {.repetition = repetition}, .wall_ns = 900'000};
    FlushReport report{.t_ns = 2'000'000, .dt_ns = 1'000'000};
    report.models.resize(1);
    report.models[0].rows.push_back({.kind = RowKind::kCommand, .energy_uj = 5});
    result.whole.Add(report);
    return result;
  }

  const RunsInfo info_ = {.commands = {"true"}, .models = {Model::kBaseShare}};
  std::string dir_;
};

TEST_F(RunExportFileTest, TheOldFileStaysUntilTheNewOneIsWhole) {
  for (const std::string name : {"a.csv", "a.jsonl", "a.json"}) {
    const std::string path = Old(name);
    absl::StatusOr<std::unique_ptr<RunExport>> output = RunExport::Create(path, /*force=*/true);
    ASSERT_THAT(output, IsOk());
    ASSERT_THAT((*output)->Add(info_, Result(0)), IsOk());
    EXPECT_EQ(Read(path), "old");
    ASSERT_THAT((*output)->Finish(info_, std::nullopt), IsOk());
    output->reset();
    EXPECT_THAT(Read(path), AllOf(HasSubstr("command"), Not(HasSubstr("old"))));
    std::filesystem::remove(path);
    EXPECT_THAT(Names(), SizeIs(0)) << "nothing is left beside it";
  }
}

TEST_F(RunExportFileTest, WhereNothingCouldStartTheOldFileStays) {
  for (const std::string name : {"a.csv", "a.jsonl", "a.json"}) {
    const std::string path = Old(name);
    absl::StatusOr<std::unique_ptr<RunExport>> output = RunExport::Create(path, /*force=*/true);
    ASSERT_THAT(output, IsOk());
    RunResult none = Result(0);
    none.end = {.exit_code = 127, .error = "x: command not found"};
    ASSERT_THAT((*output)->Add(info_, none), IsOk());
    ASSERT_THAT((*output)->Finish(info_, std::nullopt), IsOk());
    output->reset();
    EXPECT_EQ(Read(path), "old");
    std::filesystem::remove(path);
    EXPECT_THAT(Names(), SizeIs(0));
  }
}

// A disk without space, played by a limit on the size of files.
TEST_F(RunExportFileTest, OnAFullDiskTheOldFileStaysAndTheRunsBeforeAreNamed) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const std::string path = Old("a.jsonl");
  absl::StatusOr<std::unique_ptr<RunExport>> output = RunExport::Create(path, /*force=*/true);
  ASSERT_THAT(output, IsOk());
  ASSERT_THAT((*output)->Add(info_, Result(0)), IsOk());
  const rlimit little = {.rlim_cur = RunToJson(info_, Result(0)).size() + 9, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &little);
  const absl::Status full = (*output)->Add(info_, Result(1));
  ::setrlimit(RLIMIT_FSIZE, &before);
  output->reset();
  EXPECT_EQ(Read(path), "old");
  ASSERT_THAT(Names(), SizeIs(2));
  const std::string part = Names()[0] == "a.jsonl" ? Names()[1] : Names()[0];
  EXPECT_THAT(std::string(full.message()), AllOf(HasSubstr("the runs before are in"), HasSubstr(part)));
  EXPECT_EQ(Read(absl::StrCat(dir_, "/", part)), RunToJson(info_, Result(0)) + "\n") << "whole runs only";
}

}  // namespace
}  // namespace vrapl
