// What /proc tells of a QEMU process: whether it is one, which VM it runs,
// since when. Used by both inventories.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vrapl {

struct QemuProcess {
  pid_t pid = 0;
  uint64_t start_time = 0;
  std::string name;  // of the VM, from -name; "pid-1234" without one
  std::string uuid;  // from -uuid, lower case; may be empty
};

// The words of a command line as the kernel keeps them: each ended by a NUL.
std::vector<std::string> SplitCmdline(absl::string_view cmdline);

// The VM's name in QEMU's -name option: "web", "guest=web,debug-threads=on". A
// comma in a name is written twice.
std::string VmNameOfOption(absl::string_view option);

// True for the base name of a program that is QEMU: qemu-system-x86_64,
// qemu-kvm, kvm.
bool IsQemuProgram(absl::string_view path);

// Field 22 of /proc/PID/stat. The command in field 2 may hold spaces and
// parentheses.
absl::StatusOr<uint64_t> ParseStartTime(absl::string_view stat);
absl::StatusOr<uint64_t> ReadStartTime(const std::string& proc, pid_t pid);

// nullopt when `pid` is no QEMU that runs a VM: gone, another program, or one
// that libvirt starts to ask what QEMU can do (-machine none).
std::optional<QemuProcess> ReadQemuProcess(const std::string& proc, pid_t pid);

// Every one of them under `proc`.   Errors: those of listing `proc`.
absl::StatusOr<std::vector<QemuProcess>> ListQemuProcesses(const std::string& proc);

}  // namespace vrapl
