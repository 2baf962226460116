#include "schedstat/proc_text.h"

#include <array>
#include <charconv>

namespace vrapl {
namespace {

// Takes a number and the spaces before it.
template <typename T>
bool TakeNumber(absl::string_view& text, T& value) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == absl::string_view::npos) return false;
  const char* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data() + begin, end, value);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(after - text.data()));
  return true;
}

bool SkipWord(absl::string_view& text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == absl::string_view::npos) return false;
  const size_t end = text.find(' ', begin);
  if (end == absl::string_view::npos) return false;
  text.remove_prefix(end);
  return true;
}

}  // namespace

std::optional<uint64_t> RunNsOfSchedstat(absl::string_view text) {
  uint64_t ns = 0;
  if (!TakeNumber(text, ns) || text.empty() || text.front() != ' ') return std::nullopt;
  return ns;
}

std::optional<ThreadStat> ParseThreadStat(absl::string_view text) {
  // The name in field 2 may hold spaces and parentheses; the last one ends it.
  const size_t end_of_name = text.rfind(')');
  if (end_of_name == absl::string_view::npos) return std::nullopt;
  text.remove_prefix(end_of_name + 1);
  ThreadStat stat;
  for (int field = 3; field < 22; ++field) {
    if (!SkipWord(text)) return std::nullopt;
  }
  if (!TakeNumber(text, stat.start_ticks)) return std::nullopt;
  for (int field = 23; field < 39; ++field) {
    if (!SkipWord(text)) return std::nullopt;
  }
  if (!TakeNumber(text, stat.cpu)) return std::nullopt;
  return stat;
}

std::optional<CpuStat> TakeCpuStat(absl::string_view& text) {
  for (;;) {
    const size_t end = text.find('\n');
    if (end == absl::string_view::npos) return std::nullopt;
    absl::string_view line = text.substr(0, end);
    if (line.substr(0, 3) != "cpu") return std::nullopt;
    text.remove_prefix(end + 1);
    line.remove_prefix(3);
    CpuStat stat;
    if (line.empty() || line.front() == ' ') continue;
    // user nice system idle iowait irq softirq steal; kernels of today all have them.
    std::array<uint64_t, 8> ticks{};
    bool whole = TakeNumber(line, stat.cpu);
    for (uint64_t& value : ticks) whole = whole && TakeNumber(line, value);
    if (!whole) return std::nullopt;
    stat.idle_ticks = ticks[3] + ticks[4];
    stat.irq_ticks = ticks[5] + ticks[6];
    stat.stolen_ticks = ticks[7];
    return stat;
  }
}

}  // namespace vrapl
