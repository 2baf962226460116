#include "cli/emulator_directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class EmulatorDirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/vrapl-base-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    base_ = name;
  }
  void TearDown() override {
    if (!base_.empty()) std::filesystem::remove_all(base_);
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(base_)) names.push_back(entry.path().filename());
    return names;
  }
  // Makes one in a process that is killed.
  void LeaveOneBehind() const {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      const auto directory = EmulatorDirectory::Create(base_);
      if (!directory.ok() || ::write(ready[1], "", 1) != 1) ::_exit(1);
      ::pause();
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
    ::close(ready[1]);
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  }

  std::string base_;
};

TEST_F(EmulatorDirectoryTest, IsThereAsLongAsItIsHeld) {
  {
    const auto directory = EmulatorDirectory::Create(base_);
    ASSERT_THAT(directory, IsOk());
    EXPECT_TRUE(std::filesystem::is_directory((*directory)->host()));
    EXPECT_TRUE(std::filesystem::is_empty((*directory)->host()));
  }
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(EmulatorDirectoryTest, WhatAKilledProgramLeftIsTakenAwayByTheNext) {
  LeaveOneBehind();
  ASSERT_THAT(Names(), SizeIs(1));
  const std::string left = Names()[0];
  const auto directory = EmulatorDirectory::Create(base_);
  ASSERT_THAT(directory, IsOk());
  ASSERT_THAT(Names(), SizeIs(1));
  EXPECT_NE(Names()[0], left);
}

TEST_F(EmulatorDirectoryTest, SeveralThatStartAtOnceGetOneEach) {
  constexpr int kPrograms = 8;
  std::vector<pid_t> pids;
  for (int i = 0; i < kPrograms; ++i) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      for (int turn = 0; turn < 200; ++turn) {
        const auto directory = EmulatorDirectory::Create(base_);
        if (!directory.ok() || !std::filesystem::is_directory((*directory)->host())) ::_exit(1);
      }
      ::_exit(0);
    }
    pids.push_back(pid);
  }
  for (const pid_t pid : pids) {
    int status = -1;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(EmulatorDirectoryTest, WhatIsInUseOrNotOursStays) {
  const auto in_use = EmulatorDirectory::Create(base_);
  ASSERT_THAT(in_use, IsOk());
  // No lock: somebody is just making it, or it is none of ours.
  std::filesystem::create_directory(base_ + "/vrapl-emulated-abc");
  std::filesystem::create_directory(base_ + "/elsewhere");
  std::filesystem::create_directory_symlink("elsewhere", base_ + "/vrapl-emulated-link");
  std::filesystem::create_directory(base_ + "/elsewhere/host");
  ASSERT_EQ(::close(::open((base_ + "/elsewhere/lock").c_str(), O_CREAT | O_WRONLY, 0600)), 0);
  const auto another = EmulatorDirectory::Create(base_);
  ASSERT_THAT(another, IsOk());
  EXPECT_TRUE(std::filesystem::exists((*in_use)->host()));
  EXPECT_TRUE(std::filesystem::exists(base_ + "/vrapl-emulated-abc"));
  EXPECT_TRUE(std::filesystem::exists(base_ + "/elsewhere/host")) << "a link is not followed";
}

}  // namespace
}  // namespace vrapl
