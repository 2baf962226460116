#include "vm/vcpu_threads.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/host_root.h"

namespace vrapl {

std::optional<int> VcpuIndexOfThread(absl::string_view comm) {
  if (comm == "ALL CPUs/TCG") return 0;
  if (!absl::ConsumePrefix(&comm, "CPU ")) return std::nullopt;
  const size_t slash = comm.find('/');
  if (slash == absl::string_view::npos || slash + 1 == comm.size()) return std::nullopt;  // "CPU 0/": no accelerator
  const absl::string_view digits = comm.substr(0, slash);
  int index = 0;
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }) ||
      !absl::SimpleAtoi(digits, &index)) {
    return std::nullopt;
  }
  return index;
}

absl::StatusOr<std::vector<Vcpu>> FindVcpuThreads(const std::string& proc, pid_t pid) {
  const std::string tasks = absl::StrCat(proc, "/", pid, "/task");
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(tasks);
  if (!names.ok()) return names.status();
  std::vector<Vcpu> vcpus;
  for (const std::string& name : *names) {
    pid_t tid = 0;
    if (!absl::SimpleAtoi(name, &tid)) continue;
    const absl::StatusOr<std::string> comm = ReadSmallFile(absl::StrCat(tasks, "/", name, "/comm"));
    if (!comm.ok()) continue;
    if (const std::optional<int> index = VcpuIndexOfThread(*comm)) vcpus.push_back({.index = *index, .tid = tid});
  }
  std::sort(vcpus.begin(), vcpus.end(),
            [](const Vcpu& a, const Vcpu& b) { return a.index != b.index ? a.index < b.index : a.tid < b.tid; });
  return vcpus;
}

}  // namespace vrapl
