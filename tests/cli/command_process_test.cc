#include "cli/command_process.h"

#include <gmock/gmock.h>

#include <atomic>
#include <csignal>
#include <string>
#include <vector>

#include "tests/status_matchers.h"

namespace vrapl {
namespace {

std::atomic<int> heard = 0;

// As `vrapl run` has it: what was inherited is known, and then signals are heard.
class CommandProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    struct sigaction action = {};
    action.sa_handler = [](int) { heard = heard + 1; };
    action.sa_flags = SA_RESTART;
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(number, &action, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
  }
  void TearDown() override {
    for (const int number : Inherited::kHeard) ::signal(number, SIG_DFL);
  }
  std::unique_ptr<CommandProcess> Start(const std::vector<std::string>& words) {
    absl::StatusOr<std::unique_ptr<CommandProcess>> process = CommandProcess::Start(words, {.inherited = &inherited_});
    EXPECT_THAT(process, IsOk());
    return process.ok() ? *std::move(process) : nullptr;
  }

  const Inherited inherited_;
};

TEST_F(CommandProcessTest, ASignalBeforeItIsLetGoIsNotSwallowed) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    // Many times: the signal is to meet it at once after the fork too.
    for (int i = 0; i < 50; ++i) {
      const std::unique_ptr<CommandProcess> process = Start({"true"});
      ASSERT_NE(process, nullptr);
      process->Signal(number);
      process->Release();
      ASSERT_EQ(process->Wait().signal, number);
    }
  }
}

TEST_F(CommandProcessTest, ASignalToUsWhileItIsMadeIsHeard) {
  heard = 0;
  const std::unique_ptr<CommandProcess> process = Start({"true"});
  ASSERT_NE(process, nullptr);
  ::raise(SIGTERM);
  EXPECT_EQ(heard, 1) << "signals are not blocked afterwards";
  process->Release();
  EXPECT_EQ(process->Wait().exit_code, 0);
}

TEST_F(CommandProcessTest, TheCommandBlocksAndIgnoresWhatWeInherited) {
  const std::unique_ptr<CommandProcess> process =
      Start({"/bin/sh", "-c", "test $(grep SigBlk /proc/self/status | tr -d 'SigBlk:\\t0' | wc -c) -eq 1"});
  ASSERT_NE(process, nullptr);
  process->Release();
  EXPECT_EQ(process->Wait().exit_code, 0) << "nothing is blocked";
}

}  // namespace
}  // namespace vrapl
