#include "bpf/slice_match.h"

#include <cstdlib>

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

void SliceMatch::Mark() {
  std::vector<Cpu> cpus = std::move(cpus_);
  *this = SliceMatch(0);
  cpus_ = std::move(cpus);
}

void SliceMatch::OnLog(int cpu, const SliceEnd& end) {
  Cpu& of = cpus_[static_cast<size_t>(cpu)];
  of.log.push_back(end);
  Join(of);
}

void SliceMatch::OnAccount(int cpu, const SliceEnd& end) {
  Cpu& of = cpus_[static_cast<size_t>(cpu)];
  of.account.push_back(end);
  Join(of);
}

void SliceMatch::Join(Cpu& cpu) {
  while (!cpu.log.empty() && !cpu.account.empty()) {
    const auto ahead = static_cast<int32_t>(cpu.log.front().number - cpu.account.front().number);
    if (ahead == 0) {
      cpu.in_step = true;
      ++matched_;
      Compare(cpu.log.front(), cpu.account.front());
    } else if (cpu.in_step) {
      ++(ahead < 0 ? log_only_ : account_only_);
    }
    if (ahead <= 0) cpu.log.pop_front();
    if (ahead >= 0) cpu.account.pop_front();
  }
}

void SliceMatch::Compare(const SliceEnd& log, const SliceEnd& account) {
  if (log.next_tid != account.next_tid || (log.known && log.thread != account.thread)) {
    ++different_;
    return;
  }
  if (!log.known || !account.known) {
    ++hidden_;
    if (!log.known && account.known && account.thread.tid != 0) hidden_run_ns_[account.thread] += account.run_ns;
    return;
  }
  if (account.thread.tid == 0) return;
  const int64_t error_ns = log.run_ns - account.run_ns;
  errors_ns_.push_back(error_ns);
  unexplained_ns_.push_back(error_ns - account.after_account_ns);
  if (std::abs(error_ns) > worst_error_ns_) {
    worst_error_ns_ = std::abs(error_ns);
    worst_tid_ = account.thread.tid;
    worst_run_ns_ = account.run_ns;
  }
}

}  // namespace vrapl
