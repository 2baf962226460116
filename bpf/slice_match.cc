#include "bpf/slice_match.h"

#include <cstdlib>

namespace vrapl {

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
