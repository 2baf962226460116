#include "cli/emulator_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/host_root.h"

namespace vrapl {
namespace {

constexpr char kName[] = "vrapl-emulated-";

std::string LockOf(const std::string& path) { return path + "/lock"; }
std::string HostOf(const std::string& path) { return path + "/host"; }

// Of a directory that was left behind. Not ok: somebody holds it, or there is none yet.
UniqueFd TakeLock(const std::string& path) {
  UniqueFd lock(::open(LockOf(path).c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!lock.ok() || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 || ::fstat(lock.get(), &status) != 0 ||
      status.st_nlink == 0) {
    return UniqueFd();  // st_nlink: it was taken away between the two
  }
  return lock;
}

// Of a directory of our own. It is held before it has its name: another that starts at the same moment must not find it
// free, and take it for one that was left behind.
UniqueFd MakeLock(const std::string& path) {
  const std::string unnamed = LockOf(path) + ".new";
  UniqueFd lock(::open(unnamed.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!lock.ok()) return lock;
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0 && ::rename(unnamed.c_str(), LockOf(path).c_str()) == 0) return lock;
  const int error = errno;
  ::unlink(unnamed.c_str());
  errno = error;
  return UniqueFd();
}

// By the one who holds its lock.
void Remove(const std::string& path) {
  const std::string host = HostOf(path);
  // An emulator that was killed with its vrapl leaves a mount that answers nobody.
  ::umount2(host.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  ::rmdir(host.c_str());
  ::unlink(LockOf(path).c_str());
  ::rmdir(path.c_str());
}

void RemoveThoseLeftBehind(const std::string& base) {
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(base);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat(base, "/", name);
    struct stat status {};
    if (!absl::StartsWith(name, kName) || ::lstat(path.c_str(), &status) != 0) continue;
    if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid()) continue;
    if (const UniqueFd lock = TakeLock(path); lock.ok()) Remove(path);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<EmulatorDirectory>> EmulatorDirectory::Create(const std::string& base) {
  RemoveThoseLeftBehind(base);
  std::string path = absl::StrCat(base, "/", kName, "XXXXXX");
  if (::mkdtemp(path.data()) == nullptr) {
    const int error = errno;
    return PosixError(error, absl::StrCat("make a directory for the emulated host, ", path));
  }
  ::chmod(path.c_str(), 0755);  // who may read the host is for the host to say
  UniqueFd lock = MakeLock(path);
  if (!lock.ok()) {
    const int error = errno;
    ::rmdir(path.c_str());
    return PosixError(error, absl::StrCat("lock ", path));
  }
  std::unique_ptr<EmulatorDirectory> directory(new EmulatorDirectory(path, std::move(lock)));
  if (::mkdir(directory->host().c_str(), 0755) != 0) {
    const int error = errno;
    return PosixError(error, absl::StrCat("make ", directory->host()));
  }
  return directory;
}

EmulatorDirectory::EmulatorDirectory(std::string path, UniqueFd lock)
    : path_(std::move(path)), host_(HostOf(path_)), lock_(std::move(lock)) {}

EmulatorDirectory::~EmulatorDirectory() { Remove(path_); }

}  // namespace vrapl
