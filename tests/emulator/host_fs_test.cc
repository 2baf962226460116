#include "emulator/host_fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <utility>

#include "base/host_root.h"
#include "base/posix.h"
#include "tests/emulator/temp_dir.h"
#include "tests/requirements.h"
#include "tests/status_matchers.h"

namespace vrapl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class HostFsTest : public testing::Test {
 protected:
  void SetUp() override {
    VRAPL_NEEDS("fuse");
    HostFsTree tree;
    tree.AddText("/proc/cpuinfo", "processor\t: 0\n");
    tree.AddComputed("/sys/counter", [this](std::string& text) {
      if (fail_ != 0) return fail_.load();
      text = std::to_string(++count_) + "\n";
      return 0;
    });
    tree.AddComputed(
        "/sys/secret", [](std::string&) { return 0; }, 0400);
    tree.AddLink("/sys/link", "counter");
    tree.AddDirectory("/sys/empty");
    tree.AddMsr(0);
    tree.AddMsr(1);
    absl::StatusOr<std::unique_ptr<HostFs>> host = HostFs::Mount(dir_.path(), std::move(tree), &registers_);
    ASSERT_THAT(host, IsOk());
    host_ = *std::move(host);
  }

  std::string Path(const std::string& path) const { return dir_.path() + path; }
  UniqueFd OpenMsr(int cpu, int flags = O_RDONLY) const {
    return UniqueFd(::open(Path("/dev/cpu/" + std::to_string(cpu) + "/msr").c_str(), flags | O_CLOEXEC));
  }

  TempDir dir_;
  std::atomic<int> count_{0};
  std::atomic<int> fail_{0};
  SettableRegisters registers_;
  std::unique_ptr<HostFs> host_;
};

TEST_F(HostFsTest, OffsetIsTheRegisterNumber) {
  registers_.Set(0, kMsrPkgEnergyStatus, 0x1122'3344'5566'7788);
  registers_.Set(0, 0x612, 0xAAAA);
  registers_.Set(1, kMsrPkgEnergyStatus, 7);
  // Neighbours whose eight bytes would overlap in an ordinary file, and beyond 2^31.
  registers_.Set(0, kAmdRaplPowerUnit, 0xA1003);
  registers_.Set(0, kAmdCoreEnergyStatus, 0x9A9A);
  registers_.Set(0, kAmdPkgEnergyStatus, 0xFFFF'FFF0);
  const UniqueFd cpu0 = OpenMsr(0);
  const UniqueFd cpu1 = OpenMsr(1);
  ASSERT_TRUE(cpu0.ok() && cpu1.ok());
  const auto read = [](const UniqueFd& fd, MsrAddress address) {
    uint64_t value = 0;
    EXPECT_EQ(::pread(fd.get(), &value, sizeof value, static_cast<off_t>(address)), 8) << std::hex << address;
    return value;
  };
  EXPECT_EQ(read(cpu0, kMsrPkgEnergyStatus), 0x1122'3344'5566'7788U);
  EXPECT_EQ(read(cpu0, 0x612), 0xAAAAU);
  EXPECT_EQ(read(cpu1, kMsrPkgEnergyStatus), 7U);
  EXPECT_EQ(read(cpu0, kAmdRaplPowerUnit), 0xA1003U);
  EXPECT_EQ(read(cpu0, kAmdCoreEnergyStatus), 0x9A9AU);
  EXPECT_EQ(read(cpu0, kAmdPkgEnergyStatus), 0xFFFF'FFF0U);
  registers_.Set(0, kAmdPkgEnergyStatus, 0x10);
  EXPECT_EQ(read(cpu0, kAmdPkgEnergyStatus), 0x10U) << "a value was cached";
}

TEST_F(HostFsTest, SizesAsTheDriverTakesThem) {
  registers_.Set(0, kMsrPkgEnergyStatus, 42);
  const UniqueFd fd = OpenMsr(0);
  ASSERT_TRUE(fd.ok());
  std::array<uint64_t, 4> words{};
  for (const size_t size : {1U, 4U, 7U, 9U, 12U}) {
    EXPECT_EQ(::pread(fd.get(), words.data(), size, kMsrPkgEnergyStatus), -1) << size;
    EXPECT_EQ(errno, EINVAL) << size;
  }
  EXPECT_EQ(::pread(fd.get(), words.data(), 0, kMsrPkgEnergyStatus), 0);
  EXPECT_EQ(::pread(fd.get(), words.data(), 24, kMsrPkgEnergyStatus), 24);
  EXPECT_THAT(words, ElementsAre(42, 42, 42, 0)) << "the same register again, not its neighbours";
}

TEST_F(HostFsTest, AbsentRegisterIsEio) {
  registers_.Set(0, kMsrPkgEnergyStatus, 42);
  const UniqueFd fd = OpenMsr(0);
  ASSERT_TRUE(fd.ok());
  uint64_t value = 0;
  EXPECT_EQ(::pread(fd.get(), &value, sizeof value, kMsrDramEnergyStatus), -1);
  EXPECT_EQ(errno, EIO);
  registers_.SetError(0, kMsrPkgEnergyStatus, EIO);
  EXPECT_EQ(::pread(fd.get(), &value, sizeof value, kMsrPkgEnergyStatus), -1);
  EXPECT_EQ(errno, EIO);
}

TEST_F(HostFsTest, OfflineCpuIsEnxioAtOpenAndAfter) {
  registers_.Set(1, kMsrPkgEnergyStatus, 42);
  const UniqueFd before = OpenMsr(1);
  ASSERT_TRUE(before.ok());
  registers_.SetOnline(1, false);
  EXPECT_FALSE(OpenMsr(1).ok());
  EXPECT_EQ(errno, ENXIO);
  uint64_t value = 0;
  EXPECT_EQ(::pread(before.get(), &value, sizeof value, kMsrPkgEnergyStatus), -1);
  EXPECT_EQ(errno, ENXIO);
  registers_.SetOnline(1, true);
  EXPECT_EQ(::pread(before.get(), &value, sizeof value, kMsrPkgEnergyStatus), 8);
}

TEST_F(HostFsTest, UnknownCpuIsEnoent) {
  EXPECT_FALSE(OpenMsr(2).ok());
  EXPECT_EQ(errno, ENOENT);
}

TEST_F(HostFsTest, WritingIsRefusedAsUnderLockdown) {
  const UniqueFd fd = OpenMsr(0, O_RDWR);  // likwid opens it so
  ASSERT_TRUE(fd.ok());
  const uint64_t value = 1;
  EXPECT_EQ(::pwrite(fd.get(), &value, sizeof value, kMsrPkgEnergyStatus), -1);
  EXPECT_EQ(errno, EPERM);
}

TEST_F(HostFsTest, OpeningNeedsTheCapabilityAndTheMode) {
  struct stat info;
  ASSERT_EQ(::stat(Path("/dev/cpu/0/msr").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  const auto open_as = [this](bool drop_capability, uid_t uid) {
    const std::string path = Path("/dev/cpu/0/msr");
    const std::string readable = Path("/proc/cpuinfo");
    const pid_t child = ::fork();
    if (child == 0) {
      if (drop_capability) {
        ::prctl(PR_CAPBSET_DROP, CAP_SYS_RAWIO);
        ::execl("/bin/sh", "sh", "-c", ("exec 2>/dev/null; cat " + readable + " >/dev/null && : <" + path).c_str(),
                nullptr);
        ::_exit(99);
      }
      if (::setuid(uid) != 0) ::_exit(98);
      if (::open(readable.c_str(), O_RDONLY) < 0) ::_exit(97);
      ::_exit(::open(path.c_str(), O_RDONLY) >= 0 ? 0 : errno);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  EXPECT_EQ(open_as(false, 0), 0);
  EXPECT_EQ(open_as(false, 65534), EACCES);
  const int without = open_as(true, 0);
  EXPECT_TRUE(without == 1 || without == 2)
      << "root without CAP_SYS_RAWIO could open it (the shell gave " << without << ")";
}

TEST_F(HostFsTest, TextFilesLinksAndDirectories) {
  EXPECT_THAT(ReadSmallFile(Path("/proc/cpuinfo")), IsOkAndHolds("processor\t: 0"));
  EXPECT_THAT(ReadSmallFile(Path("/sys/link")), IsOkAndHolds("1"));
  EXPECT_THAT(ListDirectory(Path("/")), IsOkAndHolds(ElementsAre("dev", "proc", "sys")));
  EXPECT_THAT(ListDirectory(Path("/sys")), IsOkAndHolds(ElementsAre("counter", "empty", "link", "secret")));
  EXPECT_THAT(ListDirectory(Path("/sys/empty")), IsOkAndHolds(ElementsAre()));
  EXPECT_THAT(ListDirectory(Path("/dev/cpu")), IsOkAndHolds(ElementsAre("0", "1")));
  struct stat info;
  ASSERT_EQ(::stat(Path("/sys/secret").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0400U);
}

TEST_F(HostFsTest, ComputedTextIsRenewedAtOffsetZeroOnly) {
  const UniqueFd fd(::open(Path("/sys/counter").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(fd.ok());
  count_ = 98;
  char text[16] = {};
  EXPECT_EQ(::pread(fd.get(), text, sizeof text, 0), 3);
  EXPECT_STREQ(text, "99\n");
  // The rest of "99\n" is empty; that of the next text "100\n" would be one stray character.
  EXPECT_EQ(::pread(fd.get(), text, sizeof text, 3), 0);
  EXPECT_EQ(::pread(fd.get(), text, sizeof text, 0), 4) << "a kept-open file gives the new text at offset 0";
  EXPECT_STREQ(text, "100\n");
  fail_ = EINVAL;
  EXPECT_EQ(::pread(fd.get(), text, sizeof text, 0), -1);
  EXPECT_EQ(errno, EINVAL);
}

TEST_F(HostFsTest, ManyFilesInOneDirectoryAreAllListed) {
  const TempDir dir;
  HostFsTree tree;
  for (int cpu = 0; cpu < 1000; ++cpu) tree.AddMsr(cpu);
  absl::StatusOr<std::unique_ptr<HostFs>> host = HostFs::Mount(dir.path(), std::move(tree), &registers_);
  ASSERT_THAT(host, IsOk());
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(dir.path() + "/dev/cpu");
  ASSERT_THAT(names, IsOk());
  EXPECT_EQ(names->size(), 1000U);
}

TEST_F(HostFsTest, PartsServedOnACpuLookLikeTheRest) {
  const TempDir dir;
  HostFsTree tree;
  tree.AddMsr(0);
  tree.AddMsr(99'999);
  tree.AddText("/zones/one/name", "one\n");
  tree.AddText("/zones/one/below/name", "below\n");
  tree.AddText("/zones/two/name", "two\n");
  tree.AddLink("/class/below", "../zones/one/below");
  tree.AddLink("/zones/one/below/up", "../../two");
  tree.ServeOn("/dev/cpu/0", 0);
  tree.ServeOn("/dev/cpu/99999", 99'999);  // not this machine's
  tree.ServeOn("/zones/one", 0);
  tree.ServeOn("/zones/none", 0);  // not in the tree
  registers_.Set(0, kMsrPkgEnergyStatus, 42);
  registers_.Set(99'999, kMsrPkgEnergyStatus, 43);
  absl::StatusOr<std::unique_ptr<HostFs>> host = HostFs::Mount(dir.path(), std::move(tree), &registers_);
  ASSERT_THAT(host, IsOk());
  EXPECT_THAT(ReadSmallFile("/proc/self/mounts"),
              IsOkAndHolds(AllOf(HasSubstr(dir.path() + "/dev/cpu/0 "), HasSubstr(dir.path() + "/zones/one "),
                                 testing::Not(HasSubstr("/dev/cpu/99999 ")))));
  for (const auto& [cpu, value] : {std::pair{0, 42U}, std::pair{99'999, 43U}}) {
    const std::string path = dir.path() + "/dev/cpu/" + std::to_string(cpu) + "/msr";
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(fd.ok()) << path;
    uint64_t read = 0;
    EXPECT_EQ(::pread(fd.get(), &read, sizeof read, kMsrPkgEnergyStatus), 8);
    EXPECT_EQ(read, value);
  }
  EXPECT_THAT(ListDirectory(dir.path() + "/zones"), IsOkAndHolds(ElementsAre("one", "two")));
  EXPECT_THAT(ListDirectory(dir.path() + "/zones/one"), IsOkAndHolds(ElementsAre("below", "name")));
  EXPECT_THAT(ReadSmallFile(dir.path() + "/zones/one/name"), IsOkAndHolds("one"));
  EXPECT_THAT(ReadSmallFile(dir.path() + "/class/below/name"), IsOkAndHolds("below"));
  EXPECT_THAT(ReadSmallFile(dir.path() + "/class/below/up/name"), IsOkAndHolds("two"));
  EXPECT_THAT(ReadSmallFile(dir.path() + "/zones/one/../two/name"), IsOkAndHolds("two"));
  host->reset();
  EXPECT_THAT(ReadSmallFile("/proc/self/mounts"), IsOkAndHolds(testing::Not(HasSubstr(dir.path()))));
}

TEST_F(HostFsTest, UnmountLeavesNothingAndOpenFilesFail) {
  registers_.Set(0, kMsrPkgEnergyStatus, 42);
  const UniqueFd fd = OpenMsr(0);
  ASSERT_TRUE(fd.ok());
  host_.reset();
  EXPECT_THAT(ListDirectory(dir_.path()), IsOkAndHolds(ElementsAre()));
  EXPECT_THAT(ReadSmallFile("/proc/self/mounts"), IsOkAndHolds(testing::Not(HasSubstr(dir_.path()))));
  uint64_t value = 0;
  EXPECT_EQ(::pread(fd.get(), &value, sizeof value, kMsrPkgEnergyStatus), -1) << "a read hung or lied";
}

TEST_F(HostFsTest, ReadersWhileUnmountingGetAnErrorAndNoHang) {
  registers_.Set(0, kMsrPkgEnergyStatus, 42);
  std::atomic<bool> failed = false;
  std::thread reader([this, &failed] {
    const UniqueFd fd = OpenMsr(0);
    uint64_t value = 0;
    while (::pread(fd.get(), &value, sizeof value, kMsrPkgEnergyStatus) == 8) {
    }
    failed = true;
  });
  while (registers_.reads() < 100) std::this_thread::yield();
  host_.reset();
  reader.join();
  EXPECT_TRUE(failed);
}

TEST_F(HostFsTest, TellsWhenSomebodyElseUnmounts) {
  uint64_t count = 0;
  EXPECT_EQ(::read(host_->ended_fd(), &count, sizeof count), -1);
  ASSERT_EQ(::system(("umount " + dir_.path()).c_str()), 0);
  ASSERT_EQ(::fcntl(host_->ended_fd(), F_SETFL, 0), 0);  // wait for it
  EXPECT_EQ(::read(host_->ended_fd(), &count, sizeof count), 8);
}

TEST_F(HostFsTest, RefusesWhatIsNotAnEmptyDirectory) {
  EXPECT_THAT(HostFs::Mount(dir_.path() + "/none", HostFsTree(), nullptr), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(HostFs::Mount(dir_.path(), HostFsTree(), nullptr),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not empty")));
  EXPECT_THAT(HostFs::Mount("/dev/null", HostFsTree(), nullptr),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not a directory")));
}

TEST(HostFsStaleMountTest, MessageNamesTheRemedy) {
  VRAPL_NEEDS("fuse");
  const TempDir dir;
  const pid_t child = ::fork();
  if (child == 0) {
    SettableRegisters registers;
    absl::StatusOr<std::unique_ptr<HostFs>> host = HostFs::Mount(dir.path(), HostFsTree(), &registers);
    ::_exit(host.ok() ? 0 : 1);  // without unmounting
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  EXPECT_THAT(HostFs::Mount(dir.path(), HostFsTree(), nullptr),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("has died"), HasSubstr("umount -l " + dir.path()))));
  EXPECT_EQ(::system(("umount -l " + dir.path()).c_str()), 0);
}

}  // namespace
}  // namespace vrapl
