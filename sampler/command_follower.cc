#include "sampler/command_follower.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/host_root.h"
#include "vm/qemu_process.h"

namespace vrapl {
namespace {

constexpr int64_t kClockTickNs = 10'000'000;  // of /proc, USER_HZ: 100 on every x86

// The processes that the threads of `pid` have made and that still have it as their parent. /proc/PID/task/TID/children
// needs CONFIG_PROC_CHILDREN, which every distribution's kernel has.
std::vector<pid_t> ChildrenOf(const std::string& proc, pid_t pid) {
  std::vector<pid_t> children;
  const std::string tasks = absl::StrCat(proc, "/", pid, "/task");
  for (const std::string& tid : ListDirectory(tasks).value_or(std::vector<std::string>())) {
    const std::string text = ReadSmallFile(absl::StrCat(tasks, "/", tid, "/children")).value_or("");
    for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipWhitespace())) {
      pid_t child = 0;
      if (absl::SimpleAtoi(word, &child)) children.push_back(child);
    }
  }
  return children;
}

}  // namespace

CommandFollower::CommandFollower(RunTimeMethod method, const std::string& btf, int64_t boottime_offset_ns,
                                 std::string proc)
    : proc_(std::move(proc)), boottime_offset_ns_(boottime_offset_ns) {
  absl::StatusOr<std::unique_ptr<ForkLog>> log = ForkLog::Attach(method, btf);
  if (log.ok()) {
    log_ = *std::move(log);
  } else {
    why_not_all_ = std::string(log.status().message());
  }
}

void CommandFollower::Follow(pid_t pid) {
  root_ = pid;
  tree_.SetRoot(static_cast<uint32_t>(pid));
  processes_ = {pid};
  if (log_ != nullptr) processes_.clear();
  Look();
}

void CommandFollower::Look() {
  if (log_ != nullptr) {
    log_->Drain([this](const fork_event& event) { tree_.OnFork(event); });
  } else if (root_ != 0) {
    LookThroughProc();
  }
}

bool CommandFollower::Owns(const ThreadRun& thread) {
  if (log_ != nullptr) Look();
  return tree_.Owns(thread);
}

// Who was seen once stays, for as long as it runs: a daemon whose parent has gone is the command's all the same.
void CommandFollower::LookThroughProc() {
  std::vector<pid_t> found;
  std::set<pid_t> seen(processes_.begin(), processes_.end());
  std::vector<pid_t> to_look = processes_;
  while (!to_look.empty()) {
    const pid_t pid = to_look.back();
    to_look.pop_back();
    const absl::StatusOr<uint64_t> start = ReadStartTime(proc_, pid);
    if (!start.ok()) continue;
    found.push_back(pid);
    const int64_t start_ns = static_cast<int64_t>(*start) * kClockTickNs - boottime_offset_ns_;
    tree_.AddProcess(static_cast<uint32_t>(pid), static_cast<uint64_t>(std::max<int64_t>(start_ns, 0)));
    for (const pid_t child : ChildrenOf(proc_, pid)) {
      if (seen.insert(child).second) to_look.push_back(child);
    }
  }
  processes_ = std::move(found);
}

}  // namespace vrapl
