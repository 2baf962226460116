#include "schedstat/cpu_accounts.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "schedstat/proc_text.h"

namespace vrapl {
namespace {

constexpr size_t kLongestLine = 256;

// Some counts are known to fall for a moment (iowait does, Linux Documentation/filesystems/proc.rst): the highest one
// seen stands until it is passed.
int64_t Rise(uint64_t now, uint64_t& highest) {
  if (now <= highest) return 0;
  const uint64_t risen = now - highest;
  highest = now;
  return static_cast<int64_t>(risen);
}

}  // namespace

CpuAccounts::CpuAccounts(Options options)
    : options_(std::move(options)),
      file_(::open((options_.proc + "/stat").c_str(), O_RDONLY | O_CLOEXEC)),
      cpus_(static_cast<size_t>(options_.possible_cpus)),
      text_((cpus_.size() + 1) * kLongestLine) {}

void CpuAccounts::CoverCpus(absl::Span<const int> cpus) {
  for (size_t i = 0; i < cpus_.size(); ++i) {
    const bool ours = std::find(cpus.begin(), cpus.end(), static_cast<int>(i)) != cpus.end();
    if (ours && !cpus_[i].ours) cpus_[i].known = false;
    cpus_[i].ours = ours;
  }
}

CpuTime CpuAccounts::Look() {
  CpuTime rise;
  const ssize_t size = ::pread(file_.get(), text_.data(), text_.size(), 0);
  if (size <= 0) return rise;
  absl::string_view text(text_.data(), static_cast<size_t>(size));
  while (const std::optional<CpuStat> stat = TakeCpuStat(text)) {
    if (stat->cpu < 0 || static_cast<size_t>(stat->cpu) >= cpus_.size()) continue;
    Cpu& cpu = cpus_[static_cast<size_t>(stat->cpu)];
    if (!cpu.ours) continue;
    if (!cpu.known) {
      cpu = {.ours = true,
             .known = true,
             .idle_ticks = stat->idle_ticks,
             .irq_ticks = stat->irq_ticks,
             .stolen_ticks = stat->stolen_ticks};
      continue;
    }
    rise.idle_ns += Rise(stat->idle_ticks, cpu.idle_ticks) * options_.tick_ns;
    if (options_.irq_apart) rise.irq_ns += Rise(stat->irq_ticks, cpu.irq_ticks) * options_.tick_ns;
    if (options_.stolen_apart) rise.stolen_ns += Rise(stat->stolen_ticks, cpu.stolen_ticks) * options_.tick_ns;
  }
  return rise;
}

}  // namespace vrapl
