// vrapl overhead: a command with sampling and without, in turn: how much slower it is, and how much energy that takes.
#include <cstdio>
#include <optional>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/arguments.h"
#include "cli/command_words.h"
#include "cli/energy_total.h"
#include "cli/heard_signals.h"
#include "cli/overhead_sampler.h"
#include "cli/overhead_text.h"
#include "cli/run_plan.h"
#include "cli/verb_app.h"
#include "cli/verbs.h"
#include "cli/watched_command.h"

namespace vrapl {
namespace {

constexpr char kFooter[] =
    R"(Each round runs the command three times in an order of chance: without sampling, with `vrapl sample` beside it, and
without once more. The last against the first shows what the machine's own noise is worth (A/A).

Examples:
  vrapl overhead -r 20 -- ./bench
  vrapl overhead -r 20 --period=100us -- ./bench)";

struct OverheadArguments {
  CommonArguments common;
  int rounds = 10;
  std::string seed;
};

// The words of `vrapl sample` beside the command.
std::vector<std::string> SampleWords(const CommonArguments& common, const OpenBackend& backend, const HostRoot& root) {
  std::vector<std::string> words = {"/proc/self/exe",
                                    "sample",
                                    "--format=jsonl",
                                    "--backend=" + backend.name,
                                    "--period=" + common.period,
                                    "--run-time=" + common.run_time};
  if (root.emulated()) words.push_back("--host-root=" + root.prefix());
  if (common.per_core) words.push_back("--per-core");
  if (!common.cpu_table.empty()) words.push_back("--cpu-table=" + common.cpu_table);
  if (!common.btf.empty()) words.push_back("--btf=" + common.btf);
  if (!common.vms.empty()) words.push_back("--vms=" + common.vms);
  words.push_back("--connect=" + common.connect);
  return words;
}

int Overhead(const OverheadArguments& arguments, const CommandWords& words, const Inherited& inherited) {
  const auto fail = [](const absl::Status& status) { return Fail(kExitVraplFailed, status.message()); };
  if (words.command.empty()) {
    return Fail(kExitVraplFailed, "a command is missing: vrapl overhead [OPTIONS] -- COMMAND ARGUMENTS...");
  }
  if (arguments.rounds < 1 || arguments.rounds > 100'000) {
    return Fail(kExitVraplFailed, absl::StrCat("--repeat=", arguments.rounds, ": must lie between 1 and 100000"));
  }
  absl::StatusOr<DaemonOptions> options = ToDaemonOptions(arguments.common);
  if (!options.ok()) return fail(options.status());
  uint32_t seed = std::random_device{}() % 1'000'000;
  if (!arguments.seed.empty() && !absl::SimpleAtoi(arguments.seed, &seed)) {
    return Fail(kExitVraplFailed, absl::StrCat("--seed=", arguments.seed, ": a number from 0 to 4294967295 is wanted"));
  }
  absl::StatusOr<std::unique_ptr<HeardSignals>> heard = HeardSignals::Hear();
  if (!heard.ok()) return fail(heard.status());
  HeardSignals& signals = **heard;
  absl::StatusOr<Host> host = OpenHost(arguments.common);
  if (!host.ok()) return fail(host.status());
  absl::StatusOr<OpenBackend> backend = OpenEnergySources(
      options->backend, host->root, RealClock(), {.cpu_table = options->cpu_table, .per_core = options->per_core});
  if (!backend.ok()) return fail(backend.status());
  const std::vector<std::string> sample = SampleWords(arguments.common, *backend, host->root);
  EnergyTotal energy(*backend, RealClock());

  OverheadRounds rounds;
  int exit_code = 0;
  absl::Status failed;  // what was measured before is told all the same
  for (const PlannedRun& run : PlanRuns(3, arguments.rounds, 0, seed)) {
    if (signals.first() != 0) break;
    std::unique_ptr<OverheadSampler> sampler;
    if (run.command == kOn) {
      absl::StatusOr<std::unique_ptr<OverheadSampler>> started =
          OverheadSampler::Start(sample, inherited, [&] { return signals.first() != 0; });
      if (!started.ok() && signals.first() != 0) break;
      if (!started.ok()) {
        failed = started.status();
        break;
      }
      sampler = *std::move(started);
    }
    absl::StatusOr<std::unique_ptr<CommandProcess>> command =
        CommandProcess::Start(words.command, {.inherited = &inherited});
    if (!command.ok()) {
      failed = command.status();
      break;
    }
    if (signals.first() != 0) break;  // it may not have heard of it
    energy.Begin();
    const int64_t start_ns = (*command)->Release();
    WatchUntilItEnds(**command, signals, energy);
    const std::optional<double> joules = energy.End();
    const CommandEnd& end = (*command)->Wait();
    if (sampler != nullptr) {
      const absl::StatusOr<double> cpus = sampler->Stop();
      if (!cpus.ok() && signals.first() == 0) {
        failed = cpus.status();
        break;
      }
      if (cpus.ok() && signals.first() == 0) rounds.sampler_cpus.push_back(*cpus);
    }
    if (end.exit_code != 0) {
      exit_code = end.exit_code;
      if (signals.first() == 0 || !end.error.empty()) {
        Notice(end.error.empty() ? absl::StrCat("the command failed with ", exit_code, "; no more runs") : end.error);
      }
      break;
    }
    if (signals.first() != 0) break;
    rounds.of[run.command].push_back({.seconds = static_cast<double>(end.t_ns - start_ns) * 1e-9, .joules = joules});
  }
  const OverheadInfo info{.emulated = host->root.emulated(), .period = arguments.common.period, .seed = seed};
  std::fputs(OverheadText(rounds, info).c_str(), stderr);
  if (!failed.ok()) return fail(failed);
  if (exit_code != 0) return exit_code;
  return signals.first() != 0 ? 128 + signals.first() : kExitDone;
}

}  // namespace

int OverheadVerb(int argc, char** argv) {
  const Inherited inherited;
  const CommandWords words = SplitCommand(argc, argv);
  OverheadArguments arguments;
  VerbApp verb("vrapl overhead", "How much slower a command is while vrapl samples, and how much energy that takes.",
               kFooter);
  verb.ShowCommandInUsage();
  AddSourceOptions(verb.app(), arguments.common);
  verb.app().add_option("--repeat,-r", arguments.rounds, "rounds (10)")->type_name("N");
  verb.app().add_option("--seed", arguments.seed, "of the order: the same seed gives the same order")->type_name("N");
  verb.app().add_option("--period", arguments.common.period, "time between samples (1ms)")->type_name("TIME");
  verb.app().add_option("--run-time", arguments.common.run_time, "as of vrapl sample (auto)")->type_name("NAME");
  verb.app().add_option("--btf", arguments.common.btf, "as of vrapl sample")->type_name("FILE");
  verb.app().add_option("--vms", arguments.common.vms, "how VMs are found: libvirt, proc (libvirt)")->type_name("NAME");
  verb.app().add_option("--connect", arguments.common.connect, "libvirt's URI (qemu:///system)")->type_name("URI");
  if (const std::optional<int> code = verb.Parse(words.argc, argv)) {
    return *code == kExitDone ? *code : kExitVraplFailed;
  }
  return Overhead(arguments, words, inherited);
}

}  // namespace vrapl
