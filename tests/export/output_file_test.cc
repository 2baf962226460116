// A file that is there whole or not at all, and what is said when it cannot be.
#include "export/output_file.h"

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "tests/export/made_recording.h"
#include "tests/requirements.h"

namespace {
int stored_directories = 0;
}  // namespace

// The library's, with an eye on what is stored.
extern "C" int fsync(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) ++stored_directories;
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

namespace vrapl {
namespace {

using testing::HasSubstr;

std::string Names(const TempDir& dir) {
  std::string names;
  for (const std::string& name : ListDirectory(dir.path()).value_or(std::vector<std::string>{})) names += name + " ";
  return names;
}

TEST(OutputFileTest, AppearsAtTheEndAndOnlyThen) {
  TempDir dir;
  absl::StatusOr<OutputFile> file = OutputFile::Create(dir.File("a.csv"), false);
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT(file->Write("text"), IsOk());
  EXPECT_EQ(::access(dir.File("a.csv").c_str(), F_OK), -1);
  ASSERT_THAT(file->Commit(), IsOk());
  EXPECT_EQ(ReadWhole(dir.File("a.csv")), "text");
  EXPECT_EQ(Names(dir), "a.csv ");
}

TEST(OutputFileTest, WhatIsGivenUpLeavesNothing) {
  TempDir dir;
  {
    absl::StatusOr<OutputFile> file = OutputFile::Create(dir.File("a.csv"), false);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT(file->Write(std::string(100'000, 'x')), IsOk());
  }
  EXPECT_EQ(Names(dir), "");
}

TEST(OutputFileTest, AnExistingFileIsReplacedByForceOnly) {
  TempDir dir;
  std::ofstream(dir.File("a.csv")) << "old";
  EXPECT_THAT(OutputFile::Create(dir.File("a.csv"), false),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("--force")));
  absl::StatusOr<OutputFile> file = OutputFile::Create(dir.File("a.csv"), true);
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT(file->Write("new"), IsOk());
  EXPECT_EQ(ReadWhole(dir.File("a.csv")), "old") << "until the new one is whole";
  ASSERT_THAT(file->Commit(), IsOk());
  EXPECT_EQ(ReadWhole(dir.File("a.csv")), "new");
  EXPECT_EQ(Names(dir), "a.csv ");
}

TEST(OutputFileTest, WhatIsKeptStaysUnderItsTemporaryNameUpToWhatWasFlushed) {
  TempDir dir;
  std::ofstream(dir.File("a.csv")) << "old";
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  std::string kept;
  {
    absl::StatusOr<OutputFile> file = OutputFile::Create(dir.File("a.csv"), true);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT(file->Write("first\n"), IsOk());
    ASSERT_THAT(file->Flush(), IsOk());
    EXPECT_EQ(ReadWhole(file->temporary_path()), "first\n") << "for whoever finds it after a kill";
    const rlimit little = {.rlim_cur = 9, .rlim_max = before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &little);
    ASSERT_THAT(file->Write("second\n"), IsOk());
    EXPECT_FALSE(file->Flush().ok());
    ::setrlimit(RLIMIT_FSIZE, &before);
    kept = file->Keep();
  }
  EXPECT_EQ(ReadWhole(kept), "first\n") << "not half a line";
  EXPECT_EQ(ReadWhole(dir.File("a.csv")), "old");
}

TEST(OutputFileTest, ALinkToAFileStaysALink) {
  TempDir dir;
  ASSERT_EQ(::mkdir(dir.File("data").c_str(), 0755), 0);
  std::ofstream(dir.File("data/a.csv")) << "old";
  ASSERT_EQ(::symlink("data/a.csv", dir.File("a.csv").c_str()), 0);
  absl::StatusOr<OutputFile> file = OutputFile::Create(dir.File("a.csv"), true);
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT(file->Write("new"), IsOk());
  ASSERT_THAT(file->Commit(), IsOk());
  EXPECT_TRUE(std::filesystem::is_symlink(dir.File("a.csv")));
  EXPECT_EQ(ReadWhole(dir.File("data/a.csv")), "new");
}

// A machine that goes down after the rename must not come up with the old name.
TEST(OutputFileTest, TheDirectoryIsStoredToo) {
  TempDir dir;
  for (const bool force : {false, true}) {
    absl::StatusOr<OutputFile> file = OutputFile::Create(dir.File("a.csv"), force);
    ASSERT_THAT(file, IsOk());
    stored_directories = 0;
    ASSERT_THAT(file->Commit(), IsOk());
    EXPECT_EQ(stored_directories, 1) << force;
  }
}

TEST(OutputFileTest, AFileThatComesMeanwhileIsNotReplaced) {
  TempDir dir;
  absl::StatusOr<OutputFile> file = OutputFile::Create(dir.File("a.csv"), false);
  ASSERT_THAT(file, IsOk());
  std::ofstream(dir.File("a.csv")) << "another's";
  EXPECT_THAT(file->Commit(), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(ReadWhole(dir.File("a.csv")), "another's");
}

TEST(OutputFileTest, NoDirectoryAndNoOrdinaryFile) {
  TempDir dir;
  EXPECT_THAT(OutputFile::Create(dir.File("no/a.csv"), false),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no/a.csv")));
  EXPECT_THAT(OutputFile::Create(dir.path(), true),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no ordinary file")));
}

// A small disk of our own, seen by this process only.
class SmallDisk {
 public:
  explicit SmallDisk(const TempDir& dir) : path_(dir.path()) {
    static const bool apart =
        ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    ok_ = apart && ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=64k") == 0;
  }
  ~SmallDisk() { ::umount2(path_.c_str(), MNT_DETACH); }
  bool ok() const { return ok_; }
  bool MakeReadOnly() const { return ::mount("tmpfs", path_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0; }

 private:
  const std::string path_;
  bool ok_ = false;
};

TEST(OutputFileTest, AFullDiskIsToldByEveryFormatAndLeavesNothing) {
  VRAPL_NEEDS("fuse");  // the right to mount
  TempDir dir;
  SmallDisk disk(dir);
  ASSERT_TRUE(disk.ok());
  const MadeRecording made = MakeRecording(10 * kMs);
  const auto full = StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("disk is full"));
  EXPECT_THAT(ExportTable(made, MakeCsvWriter, dir.File("a.csv")), full);
  EXPECT_THAT(ExportTable(made, MakeJsonlWriter, dir.File("a.jsonl")), full);
  EXPECT_THAT(ExportTable(made, MakeNpzWriter, dir.File("a.npz")), full);
  EXPECT_THAT(ExportTable(made, MakeSqliteWriter, dir.File("a.sqlite")), full);
  EXPECT_THAT(ExportTrace(made, dir.File("a.pftrace")), full);
  EXPECT_EQ(Names(dir), "");
}

TEST(OutputFileTest, AReadOnlyFileSystemSaysSo) {
  VRAPL_NEEDS("fuse");
  TempDir dir;
  SmallDisk disk(dir);
  ASSERT_TRUE(disk.ok());
  ASSERT_TRUE(disk.MakeReadOnly());
  EXPECT_THAT(OutputFile::Create(dir.File("a.csv"), false),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("read-only")));
}

}  // namespace
}  // namespace vrapl
