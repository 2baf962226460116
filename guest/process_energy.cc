#include "guest/process_energy.h"

#include <algorithm>

namespace vrapl {

std::vector<ProcessEnergy> DivideEnergy(const std::map<pid_t, ProcessTime>& before,
                                        const std::map<pid_t, ProcessTime>& after, int64_t busy_ns, int64_t energy_uj) {
  std::vector<ProcessEnergy> rows;
  int64_t used_ns = 0;
  for (const auto& [pid, process] : after) {
    const auto old = before.find(pid);
    // A pid is used again; who began later is somebody else.
    const bool same = old != before.end() && old->second.start_ticks == process.start_ticks;
    const int64_t cpu_ns = process.cpu_ns - (same ? old->second.cpu_ns : 0);
    if (cpu_ns <= 0) continue;
    rows.push_back({.pid = pid, .name = process.name, .cpu_ns = cpu_ns});
    used_ns += cpu_ns;
  }
  const int64_t all_ns = std::max(busy_ns, used_ns);
  int64_t left_uj = energy_uj;
  for (ProcessEnergy& row : rows) {
    __extension__ using Wide = __int128;
    row.energy_uj = static_cast<int64_t>(static_cast<Wide>(energy_uj) * row.cpu_ns / all_ns);
    left_uj -= row.energy_uj;
  }
  std::sort(rows.begin(), rows.end(), [](const ProcessEnergy& a, const ProcessEnergy& b) {
    return a.cpu_ns != b.cpu_ns ? a.cpu_ns > b.cpu_ns : a.pid < b.pid;
  });
  rows.push_back({.pid = 0, .name = "ended, kernel, rest", .cpu_ns = all_ns - used_ns, .energy_uj = left_uj});
  return rows;
}

std::vector<ProcessEnergy> TopRows(std::vector<ProcessEnergy> rows, size_t most) {
  if (rows.size() <= most + 1) return rows;
  const size_t folded = rows.size() - 1 - most;
  ProcessEnergy others{.name = "others (" + std::to_string(folded) + ")"};
  for (size_t i = most; i + 1 < rows.size(); ++i) {
    others.cpu_ns += rows[i].cpu_ns;
    others.energy_uj += rows[i].energy_uj;
  }
  rows[most] = std::move(others);
  rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(most) + 1, rows.end() - 1);
  return rows;
}

}  // namespace vrapl
