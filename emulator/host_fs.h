// A FUSE file system that serves the hardware files of an emulated host: fixed texts, computed texts, and the msr
// device, whose file offset is a register number and so cannot be an ordinary file.
//
// It behaves as the msr driver does (facts: Linux arch/x86/kernel/msr.c): pread() of 8 bytes at offset R gives
// register R of that CPU, of 8 n bytes the same register n times, of anything else EINVAL; a register that the CPU has
// not gives EIO; opening an offline CPU gives ENXIO, without CAP_SYS_RAWIO EPERM; mode 0600. Two things FUSE cannot
// imitate: read() moves the file position (use pread()), and lseek(SEEK_END) succeeds. Writing fails with EPERM, as
// it does under kernel lockdown.
//
//   HostFsTree tree;
//   tree.AddText("/proc/cpuinfo", "processor : 0\n");
//   tree.AddMsr(0);
//   SettableRegisters registers;
//   registers.Set(0, kMsrPkgEnergyStatus, 42);
//   absl::StatusOr<std::unique_ptr<HostFs>> host = HostFs::Mount(temp_dir, std::move(tree), &registers);
//   ... read temp_dir + "/dev/cpu/0/msr", from any thread of this process too ...
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/posix.h"
#include "emulator/register_file.h"

namespace vrapl {

// What the file system shows: built first, then mounted; afterwards nodes may hide (ShowWhile), but none are added.
// Paths are absolute from the mount's root ("/proc/cpuinfo"); directories on the way are made.
class HostFsTree {
 public:
  // Writes the file's text and returns 0, or returns the errno that reading fails with. Called for each read at
  // offset 0, on a thread of the file system; reads further on give the rest of the text of that time, as sysfs does.
  using Compute = std::function<int(std::string& text)>;

  HostFsTree();

  void AddDirectory(absl::string_view path);
  void AddText(absl::string_view path, absl::string_view text, mode_t mode = 0444);
  void AddComputed(absl::string_view path, Compute compute, mode_t mode = 0444);
  void AddLink(absl::string_view path, absl::string_view target);
  void AddMsr(int cpu, mode_t mode = 0600);  // /dev/cpu/<cpu>/msr

  // The node at `path` and what lies below it can be seen only while `shown` says so, as sysfs entries come and go.
  // Files that were open before stay open. Not for a directory of ServeOn(): the kernel would drop its mount.
  void ShowWhile(absl::string_view path, std::function<bool()> shown);

  // What lies below the directory `path` is answered by a thread that is bound to `cpu`, so that a reader on that CPU
  // is answered without an interrupt to another one, as by the hardware of that CPU: in 9 us instead of 32. It is a
  // mount of its own. Where only fusermount3 may mount (not root), or `cpu` is not this machine's, it has no effect.
  void ServeOn(absl::string_view path, int cpu);

 private:
  friend class HostFs;

  enum class Kind : uint8_t { kDirectory, kText, kComputed, kLink, kMsr };
  struct Node {
    Kind kind = Kind::kDirectory;
    mode_t mode = 0555;
    size_t parent = 0;
    std::map<std::string, size_t> children;
    std::string text;  // or the link's target
    Compute compute;
    std::function<bool()> shown;  // empty: always
    int cpu = 0;
    bool Visible() const { return !shown || shown(); }
  };
  // The node of `path`, or 0, the root, where there is none.
  size_t Find(absl::string_view path) const;

  Node& Add(absl::string_view path, Kind kind, mode_t mode);

  std::vector<Node> nodes_;                                  // nodes_[0] is the root
  std::map<size_t, std::pair<std::string, int>> served_on_;  // node -> its path and the CPU
};

struct HostFsOptions {
  int realtime_priority = 0;  // SCHED_FIFO priority of the threads where permitted; 0: as the caller's
  bool need_rawio = true;     // opening an msr needs CAP_SYS_RAWIO, as the driver asks; ignored unless mounted by root
};

class HostFs {
 public:
  // Mounts on the empty directory `directory` and serves it until destroyed, by a thread of its own and one more for
  // each ServeOn(); those never touch the mount themselves. `registers` may be null when the tree has no msr; it must
  // outlive the mount. Errors: NOT_FOUND (no such directory), FAILED_PRECONDITION (not empty, or a dead mount is in the
  // way, and how to take it away), PERMISSION_DENIED and UNAVAILABLE (no /dev/fuse, or no right to mount).
  static absl::StatusOr<std::unique_ptr<HostFs>> Mount(const std::string& directory, HostFsTree tree,
                                                       RegisterFile* registers, const HostFsOptions& options = {});

  // Unmounts: lazily when a file is still open; reads under way and later ones through such files fail.
  ~HostFs();
  HostFs(const HostFs&) = delete;
  HostFs& operator=(const HostFs&) = delete;

  const std::string& directory() const { return directory_; }
  // "" when the threads run at options.realtime_priority (or none was asked for), else why not.
  const std::string& realtime_problem() const { return realtime_problem_; }
  // Becomes readable when the file system has ended because somebody else unmounted it.
  int ended_fd() const { return ended_.get(); }

 private:
  struct Session;
  struct Operations;

  absl::Status AddSession(size_t node, const std::string& path, int cpu);
  HostFs(std::string directory, HostFsTree tree, RegisterFile* registers, const HostFsOptions& options);

  std::string directory_;
  HostFsTree tree_;
  RegisterFile* registers_;
  HostFsOptions options_;
  std::string realtime_problem_;
  UniqueFd ended_;
  std::vector<std::unique_ptr<Session>> sessions_;  // the first is mounted on directory_, the others within it
};

}  // namespace vrapl
