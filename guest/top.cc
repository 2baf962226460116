// top: joules per process, every line.
#include <unistd.h>

#include <cstdio>

#include "guest/process_energy.h"
#include "guest/verbs.h"

namespace vrapl {
namespace {

struct Seen {
  GuestLine line;
  GuestCpuTime time;
  std::map<pid_t, ProcessTime> processes;
};

std::string Json(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

void Print(const GuestOptions& options, const Seen& before, const Seen& now) {
  const bool floor_known =
      before.line.active_uj.has_value() && now.line.active_uj.has_value() && now.line.model != "capacity";
  const std::optional<int64_t>& from = floor_known ? before.line.active_uj : before.line.energy_uj;
  const std::optional<int64_t>& to = floor_known ? now.line.active_uj : now.line.energy_uj;
  if (!from.has_value() || !to.has_value()) {
    std::fprintf(stderr, "vrapl-guest: the host does not know this VM's energy of this interval\n");
    return;
  }
  if (*to < *from) {
    std::fprintf(stderr, "vrapl-guest: %s\n", EnergyFell(before.line, now.line).c_str());
    return;
  }
  const double dt_s = static_cast<double>(now.line.unix_ms - before.line.unix_ms) * 1e-3;
  const std::vector<ProcessEnergy> rows =
      DivideEnergy(before.processes, now.processes, now.time.busy_ns - before.time.busy_ns, *to - *from);
  if (options.format == LineFormat::kJson) {
    std::printf("{\"seq\":%llu,\"dt_s\":%.3f,\"energy_uj\":%lld,\"floor\":%s,\"rows\":[",
                static_cast<unsigned long long>(now.line.seq), dt_s, static_cast<long long>(*to - *from),
                floor_known ? "false" : "true");
    for (size_t i = 0; i < rows.size(); ++i) {
      std::printf("%s{\"pid\":%d,\"name\":%s,\"cpu_ns\":%lld,\"energy_uj\":%lld}", i == 0 ? "" : ",", rows[i].pid,
                  Json(rows[i].name).c_str(), static_cast<long long>(rows[i].cpu_ns),
                  static_cast<long long>(rows[i].energy_uj));
    }
    std::printf("]}\n");
  } else {
    if (::isatty(STDOUT_FILENO) != 0) std::printf("\x1b[H\x1b[J");
    std::printf("%.3f J %s in %.2f s%s%s%s\n      PID       J       W   CPU %%  COMMAND\n",
                static_cast<double>(*to - *from) * 1e-6,
                floor_known ? "above the idle floor" : "in all, idle floor included: the host does not know it yet",
                dt_s, now.line.source == "emulated" ? ", EMULATED" : "", now.line.state == kLineOk ? "" : ", mind: ",
                now.line.state == kLineOk ? "" : GuestLineStateWords(now.line.state).c_str());
    for (const ProcessEnergy& row : TopRows(rows, static_cast<size_t>(options.rows))) {
      const double joules = static_cast<double>(row.energy_uj) * 1e-6;
      std::printf("%9s %7.3f %7.3f %7.1f  %s\n", row.pid == 0 ? "-" : std::to_string(row.pid).c_str(), joules,
                  joules / dt_s, static_cast<double>(row.cpu_ns) * 1e-7 / dt_s, row.name.c_str());
    }
  }
  std::fflush(stdout);
}

}  // namespace

int Top(const GuestOptions& options) {
  LineSource source(SourceOf(options));
  TroubleTeller teller;
  std::optional<Seen> before;
  bool greeted = false;
  for (int printed = 0; options.count == 0 || printed < options.count;) {
    std::vector<ArrivedLine> lines;
    AwaitLines(source, INT64_MAX, lines);
    teller.Tell(source);
    if (lines.empty()) continue;
    const ArrivedLine& arrived = lines.back();
    // Processes are looked at now: a line that has waited is of another time.
    if (arrived.may_have_waited || (!greeted && source.path().ends_with("/socket"))) {
      greeted = true;
      continue;
    }
    Seen now = {.line = arrived.line, .time = ReadGuestCpuTime(), .processes = ReadProcesses()};
    if (before.has_value() && before->line.epoch == now.line.epoch && now.line.seq > before->line.seq) {
      Print(options, *before, now);
      ++printed;
    }
    before = std::move(now);
  }
  return 0;
}

}  // namespace vrapl
