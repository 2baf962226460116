// What KVM polled for halted vCPUs, as the flushes tell it.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/sampler/made_host.h"
#include "tests/vm/fake_proc.h"

namespace vrapl {
namespace {

using testing::SizeIs;

class HaltPollingFlushTest : public testing::Test {
 protected:
  void SetTotal(pid_t pid, int64_t success_ns, int64_t fail_ns) {
    const std::string vm = absl::StrCat(dir_.path(), "/", pid, "-9");
    WriteFile(vm + "/halt_poll_success_ns", absl::StrCat(success_ns, "\n"));
    WriteFile(vm + "/halt_poll_fail_ns", absl::StrCat(fail_ns, "\n"));
  }
  static std::optional<int64_t> Polled(const MadeHost& host, const std::string& vm, pid_t pid = 0) {
    return FindVm(host.reports().back(), vm, pid)->halt_poll_ns;
  }

  TempDir dir_;
  HaltPolling polling_{dir_.path()};
};

TEST_F(HaltPollingFlushTest, EachFlushTellsWhatWasPolledInIt) {
  SetTotal(1000, 5'000'000'000, 7);  // before anybody looked
  SetTotal(2000, 0, 0);
  MadeHost host({.flush = {.halt_polling = &polling_}});
  host.SetVms({MadeVm("web", 1000), MadeVm("db", 2000), MadeVm("emulated", 3000)});
  SetTotal(1000, 5'000'000'300, 17);
  host.RunFor(2'100 * kMs);
  ASSERT_THAT(host.reports(), SizeIs(1));
  EXPECT_EQ(Polled(host, "web"), 310);
  EXPECT_EQ(Polled(host, "db"), 0) << "nothing was polled, and that is known";
  EXPECT_EQ(Polled(host, "emulated"), std::nullopt) << "no KVM, no figure";
  // News of other VMs in between take nothing away.
  SetTotal(1000, 5'000'000'400, 17);
  host.SetVms({MadeVm("web", 1000), MadeVm("db", 2000), MadeVm("emulated", 3000), MadeVm("late", 4000)});
  SetTotal(1000, 5'000'000'500, 17);
  SetTotal(4000, 60, 6);
  host.RunFor(2 * kSecond);
  EXPECT_EQ(Polled(host, "web"), 200);
  EXPECT_EQ(Polled(host, "late"), std::nullopt) << "since when it counts is not known";
  SetTotal(4000, 61, 6);
  host.RunFor(2 * kSecond);
  EXPECT_EQ(Polled(host, "web"), 0);
  EXPECT_EQ(Polled(host, "late"), 1);
}

TEST_F(HaltPollingFlushTest, AStartOfItsOwnIsAFigureOfItsOwn) {
  SetTotal(1000, 900, 0);
  MadeHost host({.flush = {.halt_polling = &polling_}});
  host.SetVms({MadeVm("web", 1000)});
  host.RunFor(2'100 * kMs);
  std::filesystem::remove_all(dir_.path() + "/1000-9");
  host.SetVms({});
  host.RunFor(2 * kSecond);
  EXPECT_EQ(Polled(host, "web"), std::nullopt) << "KVM has let go of it";
  SetTotal(1000, 40, 0);  // the number is used again
  host.SetVms({MadeVm("web", 1000, 2, /*start_time=*/99)});
  SetTotal(1000, 50, 0);
  host.RunFor(2 * kSecond);
  EXPECT_EQ(Polled(host, "web"), 10);
  SetTotal(1000, 7, 0);
  host.RunFor(2 * kSecond);
  EXPECT_EQ(Polled(host, "web"), std::nullopt) << "a total that fell is no figure";
}

TEST_F(HaltPollingFlushTest, WhoDoesNotAskIsToldNothing) {
  SetTotal(1000, 900, 0);
  MadeHost host({});
  host.SetVms({MadeVm("web", 1000)});
  host.RunFor(2'100 * kMs);
  EXPECT_EQ(Polled(host, "web"), std::nullopt);
}

}  // namespace
}  // namespace vrapl
