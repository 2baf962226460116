// vrapl overhead: a command with sampling and without, in turn: how much slower it is, and how much energy that takes.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "cli/arguments.h"
#include "cli/command_process.h"
#include "cli/command_words.h"
#include "cli/median.h"
#include "cli/run_plan.h"
#include "cli/stop_signal.h"
#include "cli/verb_app.h"
#include "cli/verbs.h"

namespace vrapl {
namespace {

constexpr char kFooter[] =
    R"(Each round runs the command three times in an order of chance: without sampling, with `vrapl sample` beside it, and
without once more. The last against the first shows what the machine's own noise is worth (A/A).

Examples:
  vrapl overhead -r 20 -- ./bench
  vrapl overhead -r 20 --period=100us -- ./bench)";

constexpr int64_t kSamplerStartsWithinNs = 60 * kNanosPerSecond;
// A slow-down that is known to less than this is no figure.
constexpr double kWideInterval = 0.02;

enum Way { kOff, kOn, kOffAgain };

struct OverheadArguments {
  CommonArguments common;
  int rounds = 10;
  std::string seed;
};

// `vrapl sample` as a program of its own, as somebody would start it.
class Sampler {
 public:
  static absl::StatusOr<std::unique_ptr<Sampler>> Start(const std::vector<std::string>& words) {
    std::unique_ptr<Sampler> sampler(new Sampler());
    sampler->out_ = UniqueFd(::memfd_create("out", MFD_CLOEXEC));
    sampler->err_ = UniqueFd(::memfd_create("err", MFD_CLOEXEC));
    if (!sampler->out_.ok() || !sampler->err_.ok()) {
      const int error = errno;
      return PosixError(error, "make room for the sampler's output");
    }
    absl::StatusOr<std::unique_ptr<CommandProcess>> process = CommandProcess::Start(
        words, {.stdout_fd = sampler->out_.get(), .stderr_fd = sampler->err_.get(), .ends_with_us = true});
    if (!process.ok()) return process.status();
    sampler->process_ = *std::move(process);
    sampler->process_->Release();
    // Its first line says that it samples.
    struct stat out {};
    for (const int64_t until_ns = MonotonicNs() + kSamplerStartsWithinNs;;) {
      if (::fstat(sampler->out_.get(), &out) == 0 && out.st_size > 0) return sampler;
      if (sampler->process_->ended() || MonotonicNs() > until_ns) {
        return absl::UnavailableError(absl::StrCat("vrapl sample does not run: ", sampler->Read(sampler->err_)));
      }
      RealClock().SleepUntil(MonotonicNs() + 5 * kNanosPerMilli);
    }
  }

  // Its own cost while it ran, as part of a CPU.
  absl::StatusOr<double> Stop() {
    process_->Signal(SIGINT);
    const CommandEnd& end = process_->Wait();
    if (end.exit_code != 0) return absl::UnavailableError(absl::StrCat("vrapl sample failed: ", Read(err_)));
    const std::string text = Read(out_);
    const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
    const nlohmann::json last = nlohmann::json::parse(std::string(lines.empty() ? "" : lines.back()), nullptr, false);
    if (!last.is_object() || !last.contains("own_cost")) return absl::UnavailableError("vrapl sample did not end well");
    return last["own_cost"]["cpu_ns"].get<double>() / last["own_cost"]["wall_ns"].get<double>();
  }

 private:
  Sampler() = default;
  static std::string Read(const UniqueFd& fd) {
    std::string text;
    char block[4096];
    for (ssize_t size = 0; (size = ::pread(fd.get(), block, sizeof block, static_cast<off_t>(text.size()))) > 0;) {
      text.append(block, static_cast<size_t>(size));
    }
    return text;
  }
  UniqueFd out_;
  UniqueFd err_;
  std::unique_ptr<CommandProcess> process_;
};

// Joules of all packages and their memory since the sources were opened; none where a read failed.
std::optional<double> ReadJoules(const OpenBackend& backend) {
  static EnergySample sample;
  double joules = 0;
  for (const std::unique_ptr<EnergySource>& source : backend.sources) {
    source->Read(sample);
    const std::vector<DomainInfo>& domains = source->package().domains;
    for (size_t i = 0; i < domains.size(); ++i) {
      if (!CountsInTotal(domains[i].id.domain)) continue;
      if (sample.error[i] != 0) return std::nullopt;
      joules += (EnergyTicks{sample.ticks[i]} * domains[i].unit).value;
    }
  }
  return joules;
}

struct Measured {
  double seconds = 0;
  std::optional<double> joules;
};

struct Rounds {
  std::vector<Measured> of[3];
  std::vector<double> sampler_cpus;
};

std::string Verdict(const MedianSummary& slowdown, const MedianSummary& control) {
  if (control.count >= 6 && (control.low > 1 || control.high < 1)) {
    return "the machine is not quiet enough to tell: the command without sampling differs from itself";
  }
  if (slowdown.coverage < 0.95) return "too few runs to tell: 6 rounds at least are needed";
  if (slowdown.high - slowdown.low > kWideInterval) {
    return absl::StrFormat("too few runs to tell: the interval is %.1f %% wide", 100 * (slowdown.high - slowdown.low));
  }
  if (slowdown.low <= 1 && slowdown.high >= 1) {
    return absl::StrFormat("no slow-down is to be seen; it is at most %.2f %%", 100 * (slowdown.high - 1));
  }
  return absl::StrFormat("%s by %.2f %% to %.2f %%", slowdown.low > 1 ? "slower" : "faster",
                         100 * std::min(std::abs(slowdown.low - 1), std::abs(slowdown.high - 1)),
                         100 * std::max(std::abs(slowdown.low - 1), std::abs(slowdown.high - 1)));
}

void PrintSummary(const char* name, const MedianSummary& summary, const char* unit) {
  absl::FPrintF(stderr, "  %-40s %12.5f   %12.5f to %12.5f  %s\n", name, summary.median, summary.low, summary.high,
                unit);
}

void Print(const Rounds& rounds, const std::string& source, const std::string& period, uint32_t seed) {
  const auto each = [&](auto value) {
    std::vector<double> values;
    for (size_t i = 0; i < rounds.of[kOffAgain].size() && i < rounds.of[kOn].size() && i < rounds.of[kOff].size();
         ++i) {
      if (const std::optional<double> found = value(i)) values.push_back(*found);
    }
    return SummarizeMedian(std::move(values));
  };
  const auto seconds = [&](Way way) {
    return each([&, way](size_t i) { return std::optional(rounds.of[way][i].seconds); });
  };
  const auto ratio = [&](Way way) {
    return each([&, way](size_t i) { return std::optional(rounds.of[way][i].seconds / rounds.of[kOff][i].seconds); });
  };
  const auto extra = [&](Way way) {
    return each([&, way](size_t i) -> std::optional<double> {
      const auto& of = rounds.of;
      if (!of[way][i].joules || !of[kOff][i].joules) return std::nullopt;
      return *of[way][i].joules - *of[kOff][i].joules;
    });
  };
  const MedianSummary slowdown = ratio(kOn);
  const MedianSummary control = ratio(kOffAgain);
  absl::FPrintF(stderr, "\n  %d rounds, sampling every %s, order by --seed=%d\n", slowdown.count, period, seed);
  if (source == "emulated") std::fputs("  EMULATED HARDWARE: the energy is not measured\n", stderr);
  absl::FPrintF(stderr, "  %-40s %12s   %12s\n", "", "median",
                absl::StrFormat("%.1f %% interval", 100 * slowdown.coverage));
  PrintSummary("wall time without sampling", seconds(kOff), "s");
  PrintSummary("wall time with sampling", seconds(kOn), "s");
  PrintSummary("with / without, of the same round", slowdown, "");
  PrintSummary("without again / without (A/A)", control, "");
  if (const MedianSummary energy = extra(kOn); energy.count > 0) {
    PrintSummary("extra energy of the host", energy, "J");
    PrintSummary("the same without sampling (A/A)", extra(kOffAgain), "J");
  }
  PrintSummary("CPUs that vrapl itself used", SummarizeMedian(rounds.sampler_cpus), "");
  absl::FPrintF(stderr, "  %s\n", Verdict(slowdown, control));
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
  const std::atomic<bool>& stop = StopOnSignals();
  absl::StatusOr<Host> host = OpenHost(arguments.common);
  if (!host.ok()) return fail(host.status());
  absl::StatusOr<OpenBackend> backend = OpenEnergySources(
      options->backend, host->root, RealClock(), {.cpu_table = options->cpu_table, .per_core = options->per_core});
  if (!backend.ok()) return fail(backend.status());

  std::vector<std::string> sample = {"/proc/self/exe",
                                     "sample",
                                     "--format=jsonl",
                                     "--backend=" + backend->name,
                                     "--period=" + arguments.common.period,
                                     "--run-time=" + arguments.common.run_time};
  if (host->root.emulated()) sample.push_back("--host-root=" + host->root.prefix());
  if (arguments.common.per_core) sample.push_back("--per-core");
  if (!arguments.common.cpu_table.empty()) sample.push_back("--cpu-table=" + arguments.common.cpu_table);
  if (!arguments.common.btf.empty()) sample.push_back("--btf=" + arguments.common.btf);
  if (!arguments.common.vms.empty()) sample.push_back("--vms=" + arguments.common.vms);
  sample.push_back("--connect=" + arguments.common.connect);

  Rounds rounds;
  int exit_code = 0;
  for (const PlannedRun& run : PlanRuns(3, arguments.rounds, 0, seed)) {
    if (stop) break;
    std::unique_ptr<Sampler> sampler;
    if (run.command == kOn) {
      absl::StatusOr<std::unique_ptr<Sampler>> started = Sampler::Start(sample);
      if (!started.ok()) return fail(started.status());
      sampler = *std::move(started);
    }
    absl::StatusOr<std::unique_ptr<CommandProcess>> command =
        CommandProcess::Start(words.command, {.inherited = &inherited});
    if (!command.ok()) return fail(command.status());
    const std::optional<double> before = ReadJoules(*backend);
    const int64_t start_ns = (*command)->Release();
    const CommandEnd& end = (*command)->Wait();
    const std::optional<double> after = ReadJoules(*backend);
    if (sampler != nullptr) {
      const absl::StatusOr<double> cpus = sampler->Stop();
      if (!cpus.ok() && !stop) return fail(cpus.status());
      if (cpus.ok()) rounds.sampler_cpus.push_back(*cpus);
    }
    if (end.exit_code != 0) {
      exit_code = end.exit_code;
      Notice(end.error.empty() ? absl::StrCat("the command failed with ", exit_code, "; no more runs") : end.error);
      break;
    }
    if (stop) break;
    rounds.of[run.command].push_back({.seconds = static_cast<double>(end.t_ns - start_ns) * 1e-9,
                                      .joules = before && after ? std::optional(*after - *before) : std::nullopt});
  }
  if (!rounds.of[kOn].empty()) {
    Print(rounds, host->root.emulated() ? "emulated" : backend->name, arguments.common.period, seed);
  }
  return exit_code != 0 ? exit_code : stop ? kExitInterrupted : kExitDone;
}

}  // namespace

int OverheadVerb(int argc, char** argv) {
  const Inherited inherited;
  const CommandWords words = SplitCommand(argc, argv);
  OverheadArguments arguments;
  VerbApp verb("vrapl overhead", "How much slower a command is while vrapl samples, and how much energy that takes.",
               kFooter);
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
