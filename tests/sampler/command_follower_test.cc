// A command without BPF: found through this machine's own /proc.
#include "sampler/command_follower.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/host_root.h"
#include "vm/qemu_process.h"

namespace vrapl {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

ThreadRun FirstThreadOf(pid_t pid) {
  const auto number = static_cast<uint32_t>(pid);
  return {.tid = number, .tgid = number, .start_ns = ReadStartTime("/proc", pid).value_or(0) * 10'000'000};
}

// A process with a child; both sleep until they are killed.
struct Family {
  pid_t parent = 0;
  pid_t child = 0;

  Family() {
    int told[2];
    if (::pipe(told) != 0) return;
    parent = ::fork();
    if (parent == 0) {
      const pid_t grandchild = ::fork();
      if (grandchild == 0) {
        for (;;) ::pause();
      }
      if (::write(told[1], &grandchild, sizeof grandchild) < 0) ::_exit(1);
      for (;;) ::pause();
    }
    if (::read(told[0], &child, sizeof child) < 0) child = 0;
    ::close(told[0]);
    ::close(told[1]);
  }
  void EndParent() {
    ::kill(parent, SIGKILL);
    ::waitpid(parent, nullptr, 0);
    parent = 0;
  }
  ~Family() {
    if (child > 0) ::kill(child, SIGKILL);
    if (parent > 0) EndParent();
  }
};

TEST(CommandFollowerTest, WithoutBpfTheTreeIsFoundInProc) {
  Family family;
  ASSERT_GT(family.child, 0);
  CommandFollower follower(RunTimeMethod::kSchedstat, "", 0);
  EXPECT_THAT(follower.why_not_all(), HasSubstr("without BPF"));
  EXPECT_FALSE(follower.Owns(FirstThreadOf(family.parent))) << "nothing is followed yet";
  follower.Follow(family.parent);
  EXPECT_TRUE(follower.Owns(FirstThreadOf(family.parent)));
  EXPECT_TRUE(follower.Owns(FirstThreadOf(family.child)));
  EXPECT_FALSE(follower.Owns(FirstThreadOf(::getpid())));
  EXPECT_THAT(follower.processes(), UnorderedElementsAre(family.parent, family.child));
  // A daemon whose parent has gone.
  family.EndParent();
  follower.Look();
  EXPECT_THAT(follower.processes(), UnorderedElementsAre(family.child));
  EXPECT_TRUE(follower.Owns(FirstThreadOf(family.child)));
  // Another command.
  Family other;
  follower.Follow(other.parent);
  EXPECT_FALSE(follower.Owns(FirstThreadOf(family.child)));
  EXPECT_THAT(follower.processes(), Not(Contains(family.child)));
}

}  // namespace
}  // namespace vrapl
