// Where the hardware files of the host begin: "" on a real host, a directory that looks like one for an emulated host
// or a test. It redirects hardware files only (/dev/cpu, /sys/class/powercap, /sys/devices/system/cpu, /proc/cpuinfo);
// processes are always the real ones.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vrapl {

class HostRoot {
 public:
  HostRoot() = default;
  explicit HostRoot(std::string prefix);

  // The path on this machine of `absolute` ("/dev/cpu/0/msr") on the host.
  std::string Path(absl::string_view absolute) const;

  // True when the files are not this machine's own, and every figure got from them must say so.
  bool emulated() const { return !prefix_.empty(); }
  const std::string& prefix() const { return prefix_; }

 private:
  std::string prefix_;
};

// A whole small file, as sysfs and procfs give them; a trailing newline is taken off.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path);

// As above, and parsed as a decimal number.
absl::StatusOr<int64_t> ReadNumberFile(const std::string& path);

// The names in a directory, sorted, without "." and "..".
absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& path);

// The kernel's CPU list format: "0-3,8,10-11" -> {0,1,2,3,8,10,11}. Empty text is an empty list.
absl::StatusOr<std::vector<int>> ParseCpuList(absl::string_view text);

// The same the other way: {0,1,2,3,8,10,11} -> "0-3,8,10-11". `cpus` ascends.
std::string FormatCpuList(const std::vector<int>& cpus);

}  // namespace vrapl
