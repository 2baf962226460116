// The turns of `vrapl run` with a flush loop that has no packages: reports are made up, commands are real.
#include "cli/run_session.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"

namespace vrapl {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class RunSessionTest : public testing::Test {
 protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    std::string name = testing::TempDir() + "/vrapl-session-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override {
    ::signal(SIGPIPE, SIG_DFL);
    if (!dir_.empty()) std::filesystem::remove_all(dir_);
  }

  RunSession::Options Options(const std::string& text) {
    return {.commands = {{"/bin/sh", "-c", text}},
            .names = {text},
            .plan = PlanRuns(1, 2, 0, 1),
            .inherited = &inherited_,
            .on_result = [this](const RunResult& result) { results_.push_back(result); }};
  }
  void Report(RunSession& session) {
    FlushReport report{.t_ns = MonotonicNs() - flush_.start_ns(), .dt_ns = kNanosPerMilli};
    report.models.resize(1);
    session.OnReport(report);
  }
  // Turns until `state` is true; each with a report where `reports`.
  template <typename Until>
  void Turn(RunSession& session, bool reports, Until until) {
    for (const int64_t end_ns = MonotonicNs() + 60 * kNanosPerSecond; !until() && MonotonicNs() < end_ns;) {
      session.OnTurn(control_);
      if (reports) Report(session);
      ::usleep(200);
    }
  }
  std::string File(const std::string& name) const { return absl::StrCat(dir_, "/", name); }

  const Inherited inherited_;
  RowTable rows_{-1, {}, {}};
  FlushLoop flush_{{}, rows_, nullptr, RealClock(), {}, [](FlushReport&) {}};
  RunControl control_{flush_, rows_, nullptr, nullptr};
  std::vector<RunResult> results_;
  std::string dir_;
};

TEST_F(RunSessionTest, EveryRunIsToldAndEndsItAtItsEnd) {
  RunSession session(Options("echo x >>" + File("ran")));
  Turn(session, /*reports=*/true, [&] { return session.done().load(); });
  ASSERT_TRUE(session.done());
  EXPECT_THAT(results_, SizeIs(2));
  EXPECT_EQ(session.exit_code(), 0);
  EXPECT_EQ(std::filesystem::file_size(File("ran")), 4u);
}

TEST_F(RunSessionTest, WhatIsWrittenLastIsAMarkOfItsRun) {
  const std::unique_ptr<LinePattern> pattern = *LinePattern::Create("^now");
  MarkQueue marks;
  RunSession::Options options = Options("echo now");
  options.marks_in_stdout = pattern.get();
  options.marks = &marks;
  RunSession session(std::move(options));
  Turn(session, /*reports=*/true, [&] { return session.done().load(); });
  ASSERT_THAT(results_, SizeIs(2));
  const std::vector<Mark> found = marks.Take();
  ASSERT_THAT(found, SizeIs(2));
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_LT(found[i].t_ns, results_[i].end.t_ns);
    EXPECT_GE(found[i].t_ns, results_[i].end.t_ns - results_[i].wall_ns);
  }
}

TEST_F(RunSessionTest, ASignalInTheBaselineKillsACommandThatHasNotBegun) {
  for (const bool pass_on : {true, false}) {
    RunSession session(Options("echo x >>" + File("ran")));
    // No report comes, so the baseline never ends: the command waits to be let go.
    for (int i = 0; i < 10; ++i) session.OnTurn(control_);
    session.OnSignal(SIGTERM, pass_on);
    Turn(session, /*reports=*/true, [&] { return session.done().load(); });
    ASSERT_TRUE(session.done());
    EXPECT_THAT(results_, IsEmpty()) << "it did not run";
    EXPECT_EQ(session.runs_left_out(), 2);
    EXPECT_EQ(session.interrupted_by(), SIGTERM);
    EXPECT_EQ(session.error(), "");
    EXPECT_FALSE(std::filesystem::exists(File("ran")));
  }
}

TEST_F(RunSessionTest, ASignalInThePauseStartsNothingAnyMore) {
  RunSession::Options options = Options("true");
  options.prepare = "echo x >" + File("prepares");
  RunSession session(options);
  session.OnTurn(control_);  // there is no pause before the first run: it is over now
  session.OnSignal(SIGTERM, /*pass_on=*/true);
  Turn(session, /*reports=*/true, [&] { return session.done().load(); });
  ASSERT_TRUE(session.done());
  EXPECT_FALSE(std::filesystem::exists(File("prepares")));
}

TEST_F(RunSessionTest, ASignalWhileItPreparesIsNoFailureOfThePreparation) {
  RunSession::Options options = Options("true");
  options.prepare = "echo x >" + File("prepares") + "; exec sleep 60";
  RunSession session(options);
  Turn(session, /*reports=*/true, [&] { return std::filesystem::exists(File("prepares")); });
  session.OnSignal(SIGINT, /*pass_on=*/true);
  Turn(session, /*reports=*/true, [&] { return session.done().load(); });
  ASSERT_TRUE(session.done());
  EXPECT_EQ(session.error(), "");
  EXPECT_EQ(session.runs_left_out(), 2);
}

}  // namespace
}  // namespace vrapl
