// What does our sched_switch program cost each switch, and what do others cost that tell whose time it was?
//
// All programs make their turns in one comparison, in shuffled order, under the same switches: two threads that wake
// each other on one CPU. Measured twice: by the kernel's own count, which leaves out the call, and by the clock on the
// wall, which leaves out nothing. Needs root.
#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/posix.h"
#include "bench/load.h"
#include "bench/paired.h"
#include "bench/switch_programs.h"

namespace vrapl {
namespace {

using Programs = std::vector<std::unique_ptr<SwitchProgram>>;

// In this order.
enum Place : size_t { kOurs, kEmpty, kSumCopy, kClockRead };

absl::StatusOr<Programs> LoadAll() {
  Programs programs;
  SwitchProgramOr loaded[] = {LoadSwitchLog(/*read=*/false),
                              LoadEmpty(),
                              LoadSumCopy(),
                              LoadClockRead(),
                              LoadSwitchLog(/*read=*/true),
                              LoadTaskStorage(),
                              LoadTwoHashes(),
                              LoadKeplerShape(),
                              LoadRingBuffer(Consumer::kEveryMillisecond),
                              LoadRingBuffer(Consumer::kWoken)};
  for (SwitchProgramOr& program : loaded) {
    if (!program.ok()) return program.status();
    programs.push_back(*std::move(program));
  }
  return programs;
}

using Switches = std::function<void(int64_t times)>;

void MustAttach(SwitchProgram& program) {
  const absl::Status attached = program.Attach();
  if (attached.ok()) return;
  std::fprintf(stderr, "%s\n", attached.ToString().c_str());
  std::exit(1);
}

// Attaching and detaching change the kernel's code on all CPUs, and what that leaves behind is felt for milliseconds:
// each turn begins with switches that are not measured.
constexpr int64_t kSettling = 1000;

Way TurnOf(SwitchProgram& program, const Switches& switches) {
  return {.name = program.name(),
          .run = switches,
          .before =
              [&program, switches] {
                MustAttach(program);
                switches(kSettling);
              },
          .after = [&program] { program.Detach(); },
          .dropped = [&program] { return program.Dropped(); }};
}

// What was aimed at, in the same rounds.
void PrintAims(const Comparison& comparison, double divisor, const char* what) {
  if (!comparison.sound()) return;
  const auto& ways = comparison.ways;
  for (const Place other : {kSumCopy, kClockRead}) {
    if (!ways[other].flaw.empty()) continue;
    Spread apart = Difference(ways[kOurs], ways[other]);
    apart = {.median = apart.median / divisor, .low = apart.low / divisor, .high = apart.high / divisor};
    std::printf("Ours less %s: %s ns %s.\n", ways[other].name.c_str(), Describe(apart, 1).c_str(), what);
  }
}

// The kernel's run_time_ns of each program, net of that of an empty one.
void PrintByTheKernelsCount(const Programs& programs, const std::string& load, const Switches& switches,
                            const PairedOptions& size) {
  const UniqueFd statistics(bpf_enable_stats(BPF_STATS_RUN_TIME));
  if (!statistics.ok()) {
    std::printf("\n%s: the kernel counts no run_time_ns here.\n", load.c_str());
    return;
  }
  std::vector<Way> ways;
  for (const std::unique_ptr<SwitchProgram>& program : programs) {
    ways.push_back(TurnOf(*program, switches));
    ways.back().counter = [&program] { return program->Cost(); };
  }
  PairedOptions options = size;
  options.floor = kEmpty;
  const Comparison comparison = Compare(ways, options);
  std::printf("\nEach switch by the kernel's run_time_ns, %s:\n\n%s\n", load.c_str(), Describe(comparison).c_str());
  PrintAims(comparison, 1, "a switch");
}

void PrintByTheWallClock(const Programs& programs) {
  const Echo echo;
  const Switches switches = [&](int64_t times) {
    for (int64_t i = 0; i < times; ++i) echo.RoundTrip();
  };
  std::vector<Way> ways;
  for (const std::unique_ptr<SwitchProgram>& program : programs) ways.push_back(TurnOf(*program, switches));
  ways.push_back({.name = "no program", .run = switches, .before = [&] {
                    MustAttach(*programs[kEmpty]);
                    programs[kEmpty]->Detach();
                    switches(kSettling);
                  }});
  const Comparison comparison = Compare(ways, {.rounds = 80, .times = 3000});
  std::printf(
      "\nA round trip of one byte through pipes between two threads on one CPU, two switches, by the clock on the wall "
      "(this is what `perf bench sched pipe` does):\n\n%s\n",
      Describe(comparison).c_str());
  PrintAims(comparison, 2, "a switch");
}

int Main() {
  const absl::StatusOr<Programs> programs = LoadAll();
  if (!programs.ok()) return std::fprintf(stderr, "%s\n", programs.status().ToString().c_str()), 1;
  const std::vector<int> cpus = OnlineCpus();
  PinTo(cpus.back());
  // Some ways wake a thread on the first CPU every millisecond. So that this makes no difference between them (a CPU
  // that wakes up takes over what waits on another), one does in all.
  const Worker ticker(cpus.front(), [] { RealClock().SleepUntil(MonotonicNs() + kNanosPerMilli); });

  PrintByTheWallClock(*programs);
  {
    const Echo echo;
    PrintByTheKernelsCount(*programs, "two threads waking each other",
                           [&](int64_t times) {
                             for (int64_t i = 0; i < times; ++i) echo.RoundTrip();
                           },
                           {.rounds = 60, .times = 2000});
  }
  // What the kernel keeps of each fills more than the core's cache: whoever comes has left it again.
  constexpr int kThreads = 3000;
  Ring ring(kThreads);
  PrintByTheKernelsCount(*programs, absl::StrCat(kThreads, " threads in turn"),
                         [&](int64_t times) { ring.Pass(static_cast<int>(times), kThreads); },
                         {.rounds = 40, .times = 6000});
  return 0;
}

}  // namespace
}  // namespace vrapl

int main() { return vrapl::Main(); }
