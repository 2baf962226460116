#include "vm/qemu_process.h"

#include <unistd.h>

#include <array>
#include <climits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/host_root.h"

namespace vrapl {
namespace {

absl::string_view BaseName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? path : path.substr(slash + 1);
}

// The target of the exe link; "" when it may not be read, which needs the
// rights of that process's user.
std::string ReadExe(const std::string& proc, pid_t pid) {
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlink(absl::StrCat(proc, "/", pid, "/exe").c_str(), target.data(), target.size());
  if (size <= 0) return "";
  absl::string_view path(target.data(), static_cast<size_t>(size));
  absl::ConsumeSuffix(&path, " (deleted)");  // QEMU was upgraded under the VM
  return std::string(path);
}

// QEMU takes -uuid and --uuid alike.
bool IsOption(absl::string_view word, absl::string_view name) {
  return absl::ConsumePrefix(&word, "-") && (absl::ConsumePrefix(&word, "-"), word == name);
}

}  // namespace

std::vector<std::string> SplitCmdline(absl::string_view cmdline) {
  absl::ConsumeSuffix(&cmdline, absl::string_view("\0", 1));
  if (cmdline.empty()) return {};
  return absl::StrSplit(cmdline, '\0');
}

std::string VmNameOfOption(absl::string_view option) {
  // Single commas part the fields, double ones are commas of a value.
  std::vector<std::string> fields(1);
  for (size_t i = 0; i < option.size(); ++i) {
    if (option[i] != ',') {
      fields.back() += option[i];
    } else if (i + 1 < option.size() && option[i + 1] == ',') {
      fields.back() += ',';
      ++i;
    } else {
      fields.emplace_back();
    }
  }
  for (absl::string_view field : fields) {
    if (absl::ConsumePrefix(&field, "guest=")) return std::string(field);
  }
  // Without a key, the first field is the name.
  return absl::StrContains(fields[0], '=') ? "" : fields[0];
}

bool IsQemuProgram(absl::string_view path) {
  const absl::string_view base = BaseName(path);
  return absl::StartsWith(base, "qemu-system-") || base == "qemu-kvm" || base == "kvm";
}

absl::StatusOr<uint64_t> ParseStartTime(absl::string_view stat) {
  const size_t end_of_comm = stat.rfind(')');
  if (end_of_comm != absl::string_view::npos) {
    const std::vector<absl::string_view> fields = absl::StrSplit(stat.substr(end_of_comm + 1), ' ', absl::SkipEmpty());
    constexpr size_t kStartTime = 22 - 3;  // the first field after the command is number 3
    uint64_t start_time = 0;
    if (fields.size() > kStartTime && absl::SimpleAtoi(fields[kStartTime], &start_time)) return start_time;
  }
  return absl::InvalidArgumentError(absl::StrCat("no start time in \"", stat.substr(0, 80), "\""));
}

absl::StatusOr<uint64_t> ReadStartTime(const std::string& proc, pid_t pid) {
  const absl::StatusOr<std::string> stat = ReadSmallFile(absl::StrCat(proc, "/", pid, "/stat"));
  if (!stat.ok()) return stat.status();
  return ParseStartTime(*stat);
}

std::optional<QemuProcess> ReadQemuProcess(const std::string& proc, pid_t pid) {
  const absl::StatusOr<uint64_t> start_time = ReadStartTime(proc, pid);
  if (!start_time.ok()) return std::nullopt;
  const absl::StatusOr<std::string> cmdline = ReadSmallFile(absl::StrCat(proc, "/", pid, "/cmdline"));
  if (!cmdline.ok()) return std::nullopt;
  const std::vector<std::string> words = SplitCmdline(*cmdline);
  if (words.empty()) return std::nullopt;
  const std::string exe = ReadExe(proc, pid);
  if (!IsQemuProgram(exe.empty() ? words[0] : exe)) return std::nullopt;

  QemuProcess process{.pid = pid, .start_time = *start_time, .name = "", .uuid = ""};
  for (size_t i = 1; i + 1 < words.size(); ++i) {
    const std::string& value = words[i + 1];
    if (IsOption(words[i], "name")) process.name = VmNameOfOption(value);
    if (IsOption(words[i], "uuid")) process.uuid = absl::AsciiStrToLower(value);
    if ((IsOption(words[i], "machine") || IsOption(words[i], "M")) &&
        (value == "none" || absl::StartsWith(value, "none,"))) {
      return std::nullopt;
    }
  }
  if (process.name.empty()) process.name = absl::StrCat("pid-", pid);
  // The same process still: nothing above was read from a successor with its
  // number.
  const absl::StatusOr<uint64_t> again = ReadStartTime(proc, pid);
  if (!again.ok() || *again != *start_time) return std::nullopt;
  return process;
}

absl::StatusOr<std::vector<QemuProcess>> ListQemuProcesses(const std::string& proc) {
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(proc);
  if (!names.ok()) return names.status();
  std::vector<QemuProcess> processes;
  for (const std::string& name : *names) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(name, &pid)) continue;
    if (std::optional<QemuProcess> process = ReadQemuProcess(proc, pid)) processes.push_back(*std::move(process));
  }
  return processes;
}

}  // namespace vrapl
