#include "base/host_root.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/posix.h"

namespace vrapl {

HostRoot::HostRoot(std::string prefix) : prefix_(std::move(prefix)) {
  while (!prefix_.empty() && prefix_.back() == '/') prefix_.pop_back();
}

std::string HostRoot::Path(absl::string_view absolute) const { return absl::StrCat(prefix_, absolute); }

absl::StatusOr<std::string> ReadSmallFile(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) {
    const int error = errno;
    return PosixError(error, absl::StrCat("open ", path));
  }
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t size = ::read(fd.get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      const int error = errno;
      return PosixError(error, absl::StrCat("read ", path));
    }
    if (size == 0) break;
    text.append(buffer, static_cast<size_t>(size));
  }
  if (absl::EndsWith(text, "\n")) text.pop_back();
  return text;
}

absl::StatusOr<int64_t> ReadNumberFile(const std::string& path) {
  absl::StatusOr<std::string> text = ReadSmallFile(path);
  if (!text.ok()) return text.status();
  int64_t value = 0;
  if (!absl::SimpleAtoi(*text, &value)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " holds \"", *text, "\", which is not a number"));
  }
  return value;
}

absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& path) {
  struct Close {
    void operator()(DIR* dir) const { ::closedir(dir); }
  };
  std::unique_ptr<DIR, Close> dir(::opendir(path.c_str()));
  if (dir == nullptr) {
    const int error = errno;
    return PosixError(error, absl::StrCat("list ", path));
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir.get())) {
    const absl::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::vector<int>> ParseCpuList(absl::string_view text) {
  std::vector<int> cpus;
  const auto malformed = [text] {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not a list of CPUs like 0-3,8"));
  };
  text = absl::StripAsciiWhitespace(text);
  if (text.empty()) return cpus;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> range = absl::StrSplit(part, absl::MaxSplits('-', 1));
    int first = 0;
    int last = 0;
    if (!absl::SimpleAtoi(range.first, &first) || first < 0) return malformed();
    last = first;
    if (absl::StrContains(part, '-') && (!absl::SimpleAtoi(range.second, &last) || last < first)) return malformed();
    if (last > 1'000'000) return malformed();
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

std::string FormatCpuList(const std::vector<int>& cpus) {
  std::string list;
  for (size_t i = 0; i < cpus.size();) {
    size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    absl::StrAppend(&list, list.empty() ? "" : ",", cpus[i]);
    if (last > i) absl::StrAppend(&list, "-", cpus[last]);
    i = last + 1;
  }
  return list;
}

}  // namespace vrapl
