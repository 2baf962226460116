#include "vm/halt_polling.h"

#include <gtest/gtest.h>

#include "tests/vm/fake_proc.h"

namespace vrapl {
namespace {

class HaltPollingTest : public testing::Test {
 protected:
  void Write(const std::string& vm, const std::string& success, const std::string& fail) {
    WriteFile(absl::StrCat(dir_.path(), "/", vm, "/halt_poll_success_ns"), success + "\n");
    WriteFile(absl::StrCat(dir_.path(), "/", vm, "/halt_poll_fail_ns"), fail + "\n");
  }

  TempDir dir_;
  HaltPolling polling_{dir_.path()};
};

TEST_F(HaltPollingTest, SumsBothKindsOfPollsOverTheProcessesVms) {
  Write("4711-9", "1000", "200");
  Write("4711-12", "30", "4");
  Write("47-9", "5000000000", "6");
  WriteFile(dir_.path() + "/halt_poll_success_ns", "5000001030\n");  // of all VMs
  polling_.Look();
  EXPECT_EQ(polling_.TotalNs(4711), 1234);
  EXPECT_EQ(polling_.TotalNs(47), 5'000'000'006);
  EXPECT_EQ(polling_.TotalNs(471), std::nullopt) << "another's number begins so";
  Write("4711-9", "1001", "200");
  EXPECT_EQ(polling_.TotalNs(4711), 1234) << "as of the last look";
  polling_.Look();
  EXPECT_EQ(polling_.TotalNs(4711), 1235);
}

TEST_F(HaltPollingTest, AVmThatIsGoneHasNoFigure) {
  Write("4711-9", "1000", "200");
  polling_.Look();
  std::filesystem::remove_all(dir_.path() + "/4711-9");
  polling_.Look();
  EXPECT_EQ(polling_.TotalNs(4711), std::nullopt);
}

TEST_F(HaltPollingTest, WhatTheKernelDoesNotTellIsNoZero) {
  WriteFile(dir_.path() + "/4711-9/halt_successful_poll", "7\n");  // before Linux 5.8
  WriteFile(dir_.path() + "/4712-9/halt_poll_success_ns", "7\n");
  Write("4713-9", "x", "1");
  Write("x-9", "1", "1");
  Write("4714", "1", "1");
  polling_.Look();
  for (const pid_t pid : {4711, 4712, 4713, 4714}) EXPECT_EQ(polling_.TotalNs(pid), std::nullopt) << pid;
  HaltPolling nowhere(dir_.path() + "/none");
  nowhere.Look();
  EXPECT_EQ(nowhere.TotalNs(4711), std::nullopt);
}

}  // namespace
}  // namespace vrapl
