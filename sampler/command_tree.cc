#include "sampler/command_tree.h"

namespace vrapl {

void CommandTree::SetRoot(uint32_t pid, uint64_t start_ns) {
  owned_.clear();
  owned_[pid] = start_ns;
  root_ = pid;
}

bool CommandTree::IsOwned(uint32_t tid, uint64_t start_ns) const {
  const auto known = owned_.find(tid);
  if (known == owned_.end()) return false;
  return known->second == start_ns || known->second == 0 || start_ns == 0;
}

void CommandTree::OnFork(const fork_event& event) {
  const auto root = owned_.find(root_);
  if (event.child_tid == root_ && root != owned_.end() && root->second == 0) {
    root->second = event.child_start;
  } else if (Owns({.tid = event.parent_tid, .tgid = event.parent_tgid, .start_ns = event.parent_start})) {
    owned_[event.child_tid] = event.child_start;
  } else {
    owned_.erase(event.child_tid);  // the number is another's now
  }
}

bool CommandTree::Owns(const ThreadRun& thread) const {
  if (IsOwned(thread.tid, thread.start_ns)) return true;
  // By its process, which was there before it.
  const auto process = owned_.find(thread.tgid);
  return process != owned_.end() && (thread.start_ns == 0 || process->second <= thread.start_ns);
}

}  // namespace vrapl
