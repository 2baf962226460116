// The helper that starts programs under test.
#include "tests/program.h"

#include <gmock/gmock.h>

namespace vrapl {
namespace {

TEST(ProgramTest, HearsSignalsThatTheTestsDoNot) {
  sigset_t some;
  ::sigemptyset(&some);
  ::sigaddset(&some, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &some, nullptr);
  for (const int number : {SIGINT, SIGHUP, SIGTERM}) {
    ::signal(number, SIG_IGN);
    Program program({"/bin/sh", "-c", "echo ready; while :; do sleep 0.01; done"});
    EXPECT_EQ(program.ReadLine(), "ready");
    program.Signal(number);
    // One that does not hear it is not waited for.
    for (int i = 0; i < 500 && ::kill(program.pid(), 0) == 0; ++i) {
      siginfo_t info{};
      if (::waitid(P_PID, static_cast<id_t>(program.pid()), &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
          info.si_pid > 0) {
        break;
      }
      ::usleep(10'000);
    }
    program.Signal(SIGKILL);
    EXPECT_EQ(program.Wait().code, 128 + number);
    ::signal(number, SIG_DFL);
  }
  ::sigprocmask(SIG_UNBLOCK, &some, nullptr);
}

}  // namespace
}  // namespace vrapl
