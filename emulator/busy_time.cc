#include "emulator/busy_time.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/clock.h"

namespace vrapl {
namespace {

constexpr int64_t kMillion = 1'000'000;
constexpr int64_t kCatchUpNs = 30 * kNanosPerMilli;  // some ticks of /proc/stat
constexpr size_t kLinesKept = 64;

}  // namespace

absl::StatusOr<std::unique_ptr<ProcStatBusyTime>> ProcStatBusyTime::Create(absl::Span<const int> cpus,
                                                                           const std::string& path) {
  std::unique_ptr<ProcStatBusyTime> busy(new ProcStatBusyTime);
  busy->file_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!busy->file_.ok()) {
    const int error = errno;
    return PosixError(error, absl::StrCat("open ", path));
  }
  busy->tick_ns_ = kNanosPerSecond / ::sysconf(_SC_CLK_TCK);
  for (const int cpu : cpus) busy->cpus_.try_emplace(cpu);
  busy->Poll();
  for (const auto& [cpu, state] : busy->cpus_) {
    if (state.lines.empty()) return absl::NotFoundError(absl::StrCat(path, " has no line of cpu", cpu));
  }
  return busy;
}

void ProcStatBusyTime::Poll() {
  // One read gets everything the kernel has made of the file at once; hosts with many CPUs need a large buffer.
  std::string text(4096 + cpus_.size() * 256, '\0');
  const int64_t before_ns = MonotonicNs();
  const ssize_t size = ::pread(file_.get(), text.data(), text.size(), 0);
  if (size <= 0) return;  // nothing new is known; the estimate goes on
  text.resize(static_cast<size_t>(size));
  const int64_t after_ns = MonotonicNs();
  (void)Observe(text, before_ns + (after_ns - before_ns) / 2);
}

absl::Status ProcStatBusyTime::Observe(absl::string_view text, int64_t t_ns) {
  const std::lock_guard lock(mutex_);
  if (first_ns_ == 0) first_ns_ = t_ns;
  const int64_t since_last_ns = t_ns - last_ns_;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    // cpuN user nice system idle iowait irq softirq steal guest guest_nice
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ', absl::SkipEmpty());
    absl::string_view name = fields.empty() ? "" : fields[0];
    int number = 0;
    if (fields.size() < 9 || !absl::ConsumePrefix(&name, "cpu") || !absl::SimpleAtoi(name, &number)) continue;
    const auto found = cpus_.find(number);
    if (found == cpus_.end()) continue;
    int64_t idle = 0;
    int64_t iowait = 0;
    int64_t steal = 0;
    if (!absl::SimpleAtoi(fields[4], &idle) || !absl::SimpleAtoi(fields[5], &iowait) ||
        !absl::SimpleAtoi(fields[8], &steal)) {
      return absl::InvalidArgumentError(absl::StrCat("\"", line, "\" is not a line of /proc/stat"));
    }
    Cpu& cpu = found->second;
    const int64_t not_busy_ns = (idle + iowait + steal) * tick_ns_;
    if (cpu.lines.empty()) {
      cpu.first_not_busy_ns = not_busy_ns;
      cpu.lines.push_back({.from_ns = t_ns, .busy_ns = 0, .rate_ppm = 0});
      continue;
    }
    if (since_last_ns <= 0) continue;
    const int64_t busy_ns = std::max(cpu.observed_ns, (t_ns - first_ns_) - (not_busy_ns - cpu.first_not_busy_ns));
    const int64_t just_now_ppm = std::min((busy_ns - cpu.observed_ns) * kMillion / since_last_ns, kMillion);
    cpu.lately_ppm += (just_now_ppm - cpu.lately_ppm) / 4;
    cpu.observed_ns = busy_ns;
    // Where busy time will be after the catch-up if the CPU goes on as lately, reached on a straight line from where
    // the estimate stands; it never runs backwards nor faster than time.
    const int64_t now_ns = cpu.lines.back().At(t_ns);
    const int64_t goal_ns = busy_ns + cpu.lately_ppm * kCatchUpNs / kMillion;
    const int64_t rate_ppm = std::clamp((goal_ns - now_ns) * kMillion / kCatchUpNs, int64_t{0}, kMillion);
    if (cpu.lines.size() == kLinesKept) cpu.lines.erase(cpu.lines.begin());
    cpu.lines.push_back({.from_ns = t_ns, .busy_ns = now_ns, .rate_ppm = rate_ppm});
  }
  last_ns_ = t_ns;
  return absl::OkStatus();
}

int64_t ProcStatBusyTime::BusyNs(int cpu, int64_t t_ns) {
  const std::lock_guard lock(mutex_);
  const auto found = cpus_.find(cpu);
  if (found == cpus_.end()) return 0;
  Cpu& state = found->second;
  auto line = state.lines.rbegin();
  while (std::next(line) != state.lines.rend() && line->from_ns > t_ns) ++line;
  state.given_ns = std::max(state.given_ns, line->At(std::max(t_ns, line->from_ns)));
  return state.given_ns;
}

}  // namespace vrapl
