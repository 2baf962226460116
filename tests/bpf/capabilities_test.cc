// What the switch log takes of a user who is not root: CAP_BPF and CAP_PERFMON, and the word for what is missing.
#include <gmock/gmock.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bpf/switch_log.h"
#include "tests/requirements.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr uid_t kNobody = 65534;

bool BecomeNobodyWith(const std::vector<int>& capabilities) {
  if (::prctl(PR_SET_KEEPCAPS, 1) != 0 || ::setgroups(0, nullptr) != 0) return false;
  if (::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0) return false;
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  for (const int capability : capabilities) {
    data[CAP_TO_INDEX(capability)].effective |= CAP_TO_MASK(capability);
    data[CAP_TO_INDEX(capability)].permitted |= CAP_TO_MASK(capability);
  }
  return ::syscall(SYS_capset, &header, data) == 0 && ::geteuid() == kNobody;
}

// What a process of nobody's with these capabilities gets: "records", or the message of the error.
std::string AttachAsNobodyWith(const std::vector<int>& capabilities) {
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    std::string answer = "nobody could not be become";
    if (BecomeNobodyWith(capabilities)) {
      const absl::StatusOr<std::unique_ptr<SwitchLog>> log = SwitchLog::Attach();
      if (log.ok()) {
        (*log)->Prime({0});
        answer =
            absl::StrCat((*log)->Head(0) > 0 ? "records by " : "no records by ", RunTimeMethodName((*log)->method()));
      } else {
        answer = log.status().ToString();
      }
    }
    const ssize_t written = ::write(ends[1], answer.data(), answer.size());
    ::_exit(written == static_cast<ssize_t>(answer.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string answer(4096, '\0');
  const ssize_t size = ::read(ends[0], answer.data(), answer.size());
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  answer.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return answer;
}

TEST(CapabilitiesTest, TwoAreEnough) {
  VRAPL_NEEDS("kernel");
  EXPECT_EQ(AttachAsNobodyWith({CAP_BPF, CAP_PERFMON}), "records by bpf");
}

TEST(CapabilitiesTest, OneIsNotAndTheMessageNamesTheOther) {
  VRAPL_NEEDS("kernel");
  EXPECT_THAT(AttachAsNobodyWith({CAP_BPF}),
              AllOf(HasSubstr("PERMISSION_DENIED"), HasSubstr("without CAP_PERFMON ("), HasSubstr("setcap")));
  EXPECT_THAT(AttachAsNobodyWith({CAP_PERFMON}),
              AllOf(HasSubstr("PERMISSION_DENIED"), HasSubstr("without CAP_BPF ("), HasSubstr("setcap")));
  EXPECT_THAT(AttachAsNobodyWith({}),
              AllOf(HasSubstr("PERMISSION_DENIED"), HasSubstr("without CAP_BPF and CAP_PERFMON (")));
}

}  // namespace
}  // namespace vrapl
