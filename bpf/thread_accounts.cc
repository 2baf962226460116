#include "bpf/thread_accounts.h"

namespace vrapl {

void ThreadAccounts::Mark(uint64_t boot_ns) {
  mark_boot_ns_ = boot_ns;
  for (auto& [thread, account] : accounts_) {
    account.base_ns = account.last_ns;
    account.base_known = true;
    account.after_account_ns = 0;
    account.hidden = false;
  }
}

void ThreadAccounts::Unknown(const ThreadKey& thread) { accounts_[thread].base_known = false; }

SliceEnd ThreadAccounts::OnSwitchOut(const switch_out& out) {
  SliceEnd end{.number = out.switches,
               .thread = {.tid = out.tid, .start_ns = out.start},
               .next_tid = out.next_tid,
               .after_account_ns = static_cast<int64_t>(out.after_account)};
  if (out.tid == 0) {
    end.known = true;  // known to have no account
    return end;
  }
  const auto [found, is_new] = accounts_.try_emplace(end.thread);
  Account& account = found->second;
  if (is_new) {
    account.base_known = mark_boot_ns_ != 0 && out.start >= mark_boot_ns_;
    // A thread starts with an account of 0 and a count of 0 switches; of an older one nobody knows what it had before.
    if (!account.base_known) account.base_ns = account.last_ns = out.sum_exec_runtime;
  }
  end.known = (!is_new || account.base_known) && out.thread_switches - account.thread_switches == 1;
  end.run_ns = static_cast<int64_t>(out.sum_exec_runtime - account.last_ns);
  account.hidden = account.hidden || ((!is_new || account.base_known) && !end.known);
  account.tgid = out.tgid;
  account.after_account_ns += end.after_account_ns;
  account.last_ns = out.sum_exec_runtime;
  account.thread_switches = out.thread_switches;
  return end;
}

}  // namespace vrapl
