// Every nanosecond of a real VM has its owner: threads that come and go, and helpers beside QEMU.
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/host_root.h"
#include "tests/guest/child.h"
#include "tests/guest/two_guests.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"
#include "vm/vm_cgroup.h"

namespace vrapl {
namespace {

double Seconds(int64_t ns) { return static_cast<double>(ns) * 1e-9; }

// CPU time of all threads that the process has or ever had, as the kernel counts it.
int64_t ProcessCpuNs(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  EXPECT_EQ(::clock_getcpuclockid(pid, &clock), 0) << pid;
  EXPECT_EQ(::clock_gettime(clock, &time), 0) << pid;
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// The names of a process's threads.
std::vector<std::string> ThreadNames(pid_t pid) {
  std::vector<std::string> names;
  const std::string tasks = absl::StrCat("/proc/", pid, "/task");
  const std::vector<std::string> tids = ListDirectory(tasks).value_or(std::vector<std::string>{});
  for (const std::string& tid : tids) {
    names.push_back(ReadSmallFile(absl::StrCat(tasks, "/", tid, "/comm")).value_or(""));
  }
  return names;
}

// Waits until a thread whose name begins so is there, or is not; 20 s at most.
bool AwaitThread(pid_t pid, absl::string_view name, bool there) {
  for (int tries = 0; tries < 100; ++tries) {
    bool found = false;
    for (const std::string& comm : ThreadNames(pid)) found = found || absl::StartsWith(comm, name);
    if (found == there) return true;
    absl::SleepFor(absl::Milliseconds(200));
  }
  return false;
}

std::map<std::string, int64_t> RunNsOfParts(const std::vector<Flush>& flushes, const std::string& name) {
  std::map<std::string, int64_t> parts;
  for (const Flush& flush : flushes) {
    for (const Json& row : flush.rows()) {
      if (row["domain"] != "package" || row["kind"] != "vm" || row["name"] != name) continue;
      parts[row["part"].get<std::string>()] += row["run_time_ns"].get<int64_t>();
    }
  }
  return parts;
}

int64_t SumOverFlushes(const std::vector<Flush>& flushes, const std::string& kind) {
  int64_t sum = 0;
  for (const Flush& flush : flushes) sum += SumOfKind(flush.rows(), "package", kind).run_ns;
  return sum;
}

class OwnerTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("guest");
    VRAPL_NEEDS("fuse");
    VRAPL_NEEDS("kernel");
    ASSERT_TRUE(emulator_.ready());
  }

  EmulatorProgram emulator_{{"--power=load:20W+15W/cpu"}};
};

// The kernel's count of a process holds what its ended threads ran, too. It is brought up to date when a thread leaves
// its CPU; so the guest is suspended at both ends, where nothing of it runs.
TEST_F(OwnerTest, ThreadsThatComeAndGoSumToTheProcess) {
  absl::StatusOr<std::unique_ptr<Guest>> eve = Guest::Start("eve", {"--max-vcpus", "4"});
  ASSERT_THAT(eve, IsOk());
  Guest& guest = **eve;
  ASSERT_THAT(guest.Booted(), IsOk());
  const pid_t pid = *guest.Pid();
  ASSERT_THAT(guest.Virsh("suspend"), IsOk());
  absl::SleepFor(absl::Milliseconds(100));
  const int64_t before_ns = ProcessCpuNs(pid);
  Serve serve({"serve", "--host-root=" + emulator_.root()});
  ASSERT_TRUE(serve.Await(1));
  const int64_t begin_error_ns = ProcessCpuNs(pid) - before_ns;

  ASSERT_THAT(guest.Virsh("resume"), IsOk());
  ASSERT_THAT(guest.Do("busy 1"), IsOk());
  for (int vcpu = 1; vcpu <= 3; ++vcpu) {
    ASSERT_THAT(guest.Virsh("setvcpus", {absl::StrCat(vcpu + 1), "--live"}), IsOk());
    ASSERT_TRUE(AwaitThread(pid, absl::StrCat("CPU ", vcpu, "/"), true));
    for (const char* iothread : {"1", "2"}) {
      ASSERT_THAT(guest.Virsh("iothreadadd", {iothread, "--live"}), IsOk());
    }
    ASSERT_THAT(guest.Do("online"), IsOk());
    ASSERT_THAT(guest.Do(absl::StrCat("busy ", vcpu + 1)), IsOk());
    absl::SleepFor(absl::Seconds(2));
    for (const char* iothread : {"1", "2"}) {
      ASSERT_THAT(guest.Virsh("iothreaddel", {iothread, "--live"}), IsOk());
    }
    ASSERT_TRUE(AwaitThread(pid, "IO iothread", false));
  }
  ASSERT_THAT(guest.Do("busy 1"), IsOk());
  // The guest has to agree, and libvirt waits 5 s for it: a slow one is left at some number of vCPUs.
  int unplugged = 0;
  for (int vcpu = 3; vcpu >= 1; --vcpu) {
    guest.Virsh("setvcpus", {absl::StrCat(vcpu), "--live"}).status().IgnoreError();
    if (!AwaitThread(pid, absl::StrCat("CPU ", vcpu, "/"), false)) break;
    ++unplugged;
  }
  ASSERT_THAT(guest.Do("idle"), IsOk());
  ASSERT_THAT(guest.Virsh("suspend"), IsOk());
  absl::SleepFor(absl::Milliseconds(100));
  const int64_t after_ns = ProcessCpuNs(pid);
  ASSERT_TRUE(serve.Await(serve.flushes().size() + 2));
  const std::vector<Flush> flushes = serve.Stop();
  const int64_t end_error_ns = ProcessCpuNs(pid) - after_ns;

  for (const Flush& flush : flushes) ExpectRowsSumToCounters(flush);
  std::map<std::string, int64_t> parts = RunNsOfParts(flushes, "eve");
  int64_t run_ns = 0;
  for (const auto& [part, ns] : parts) {
    Say("  %-8s %12.6f s", part, Seconds(ns));
    run_ns += ns;
  }
  const int64_t process_ns = after_ns - before_ns;
  const int64_t unreported_ns = SumOverFlushes(flushes, "unreported");
  Say("3 vCPUs plugged in, %d out again, 6 iothreads in and out: run time %.6f s, the process's CPU time %.6f s",
      unplugged, Seconds(run_ns), Seconds(process_ns));
  Say("difference %+.6f s (%+.4f %%); %.6f s of this host unreported; the process ran %.6f and %.6f s while vrapl "
      "started and ended",
      Seconds(run_ns - process_ns), 100.0 * static_cast<double>(run_ns - process_ns) / static_cast<double>(process_ns),
      Seconds(unreported_ns), Seconds(begin_error_ns), Seconds(end_error_ns));
  for (const char* part : {"vcpu0", "vcpu1", "vcpu2", "vcpu3", "io", "emulator"}) EXPECT_GT(parts[part], 0) << part;
  EXPECT_GT(parts["vcpu1"], 500'000'000) << "it was busy for some seconds";
  EXPECT_EQ(parts.count("helper"), 0u);
  // What a kernel does not report of its switches may be anybody's time, the guest's too.
  const double allowed_ns =
      0.001 * static_cast<double>(process_ns) + static_cast<double>(begin_error_ns + end_error_ns) + 4e6;
  EXPECT_LE(static_cast<double>(run_ns - process_ns), allowed_ns);
  EXPECT_GE(static_cast<double>(run_ns - process_ns), -allowed_ns - static_cast<double>(unreported_ns));
}

pid_t ProcessInCgroup(const std::string& cgroup, absl::string_view name, bool busiest) {
  pid_t found = 0;
  int64_t most_ns = -1;
  const std::vector<std::string> processes = ListDirectory("/proc").value_or(std::vector<std::string>{});
  for (const std::string& entry : processes) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry, &pid)) continue;
    if (ReadSmallFile(absl::StrCat("/proc/", pid, "/comm")).value_or("") != name) continue;
    if (MachineCgroup(ReadSmallFile(absl::StrCat("/proc/", pid, "/cgroup")).value_or("")) != cgroup) continue;
    const int64_t ns = ProcessCpuNs(pid);
    if (!busiest || ns > most_ns) found = pid;
    most_ns = std::max(most_ns, ns);
  }
  return found;
}

// virtiofsd is a process beside QEMU. What a guest asks of its files, it works for.
TEST_F(OwnerTest, AHelperIsChargedToItsVm) {
  if (!std::filesystem::exists("/usr/lib/qemu/virtiofsd") && !std::filesystem::exists("/usr/libexec/virtiofsd")) {
    if (Required("guest")) FAIL() << "there is no virtiofsd; scripts/setup installs it";
    GTEST_SKIP() << "there is no virtiofsd";
  }
  const std::string share = absl::StrCat(std::getenv("VRAPL_PRIVATE_LIBVIRT_DIR"), "/share");
  std::filesystem::create_directories(share);
  absl::StatusOr<std::unique_ptr<Guest>> hal = Guest::Start("hal", {"--share", share});
  ASSERT_THAT(hal, IsOk());
  absl::StatusOr<std::unique_ptr<Guest>> ian = Guest::Start("ian");
  ASSERT_THAT(ian, IsOk());
  Guest& guest = **hal;
  ASSERT_THAT(guest.Booted(), IsOk());
  const std::string cgroup = MachineCgroup(ReadSmallFile(absl::StrCat("/proc/", *guest.Pid(), "/cgroup")).value_or(""));
  if (cgroup.empty() && !Required("guest")) GTEST_SKIP() << "libvirt cannot make cgroups here";
  ASSERT_FALSE(cgroup.empty()) << "libvirt cannot make cgroups here, and VRAPL_REQUIRE asks for them";
  EXPECT_NE(cgroup, MachineCgroup(ReadSmallFile(absl::StrCat("/proc/", *(*ian)->Pid(), "/cgroup")).value_or("")));
  ASSERT_NE(ProcessInCgroup(cgroup, "virtiofsd", false), 0) << "no virtiofsd in " << cgroup;
  ASSERT_THAT(guest.Do("files"), IsOk());
  absl::SleepFor(absl::Seconds(1));
  const pid_t virtiofsd = ProcessInCgroup(cgroup, "virtiofsd", true);  // of its two processes the one that works
  ASSERT_GT(virtiofsd, 0);

  const int64_t before_ns = ProcessCpuNs(virtiofsd);
  Serve serve({"serve", "--host-root=" + emulator_.root()});
  ASSERT_TRUE(serve.Await(1));
  const int64_t inner_before_ns = ProcessCpuNs(virtiofsd);
  ASSERT_TRUE(serve.Await(4));
  const int64_t inner_after_ns = ProcessCpuNs(virtiofsd);
  const std::vector<Flush> flushes = serve.Stop();
  const int64_t after_ns = ProcessCpuNs(virtiofsd);
  ASSERT_THAT(guest.Do("idle"), IsOk());

  std::map<std::string, int64_t> parts = RunNsOfParts(flushes, "hal");
  for (const auto& [part, ns] : parts) Say("  hal %-8s %12.6f s", part, Seconds(ns));
  Say("virtiofsd in %s: helper %.6f s, its CPU time %.6f s, of which %.6f s while vrapl ran for sure", cgroup,
      Seconds(parts["helper"]), Seconds(after_ns - before_ns), Seconds(inner_after_ns - inner_before_ns));
  const auto unreported_ns = static_cast<double>(SumOverFlushes(flushes, "unreported"));
  EXPECT_GT(inner_after_ns - inner_before_ns, 10'000'000) << "virtiofsd had nothing to do";
  EXPECT_GE(static_cast<double>(parts["helper"]),
            0.99 * static_cast<double>(inner_after_ns - inner_before_ns) - 4e6 - unreported_ns);
  EXPECT_LE(static_cast<double>(parts["helper"]), 1.01 * static_cast<double>(after_ns - before_ns) + 4e6);
  EXPECT_EQ(RunNsOfParts(flushes, "ian").count("helper"), 0u) << "of another VM";
}

}  // namespace
}  // namespace vrapl
