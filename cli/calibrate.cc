// vrapl calibrate: what the packages draw when nobody runs, for --base-power.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/arguments.h"
#include "cli/made_load.h"
#include "cli/stop_signal.h"
#include "cli/verb_app.h"
#include "cli/verbs.h"

namespace vrapl {
namespace {

constexpr char kFooter[] =
    R"(Models that tell the idle power apart learn it while they run, from how power follows busy CPU time. A host whose load never changes
does not show it. Run this once while the host has nothing else to do: it makes load of its own, at the lowest priority, that comes and
goes, and prints the option that fixes the base power it finds.

Examples:
  vrapl calibrate
  vrapl calibrate --duration=2m --no-load     learn from the load that there is
  vrapl sample --base-power=package=18.2W+-0.4W     what to do with it)";

// The estimator wants some samples of a quiet package, and looks for them every 1.9 s.
constexpr int64_t kShortestNs = 2 * kNanosPerSecond;

struct Found {
  double sum_w = 0;
  double least_w = 1e300;
  double most_w = 0;
  double err_w = 0;  // the widest
  int packages = 0;
  int unknown = 0;
};

// The part of all CPU time that was busy in the report.
double BusyPart(const FlushReport& report) {
  int64_t idle_ns = 0;
  int64_t capacity_ns = 0;
  for (const SamplerReport& sampler : report.samplers) capacity_ns += sampler.capacity_ns;
  for (const RowReport& row : report.models.front().rows) {
    if (row.kind == RowKind::kIdle && row.domain.domain == RaplDomain::kPackage) idle_ns += row.run_time_ns;
  }
  return capacity_ns > 0 ? 1 - static_cast<double>(idle_ns) / static_cast<double>(capacity_ns) : 0;
}

std::map<RaplDomain, Found> BasesIn(const FlushReport& report) {
  std::map<RaplDomain, Found> bases;
  for (const CounterReport& counter : report.models.front().counters) {
    // Of single cores a package has many, and one figure for all of them would say little.
    if (!counter.attributed || counter.domain.domain == RaplDomain::kCore) continue;
    Found& found = bases[counter.domain.domain];
    if (!counter.base_w) {
      ++found.unknown;
      continue;
    }
    ++found.packages;
    found.sum_w += *counter.base_w;
    found.least_w = std::min(found.least_w, *counter.base_w);
    found.most_w = std::max(found.most_w, *counter.base_w);
    found.err_w = std::max(found.err_w, counter.base_err_w);
  }
  return bases;
}

int Print(const std::map<RaplDomain, Found>& bases) {
  std::vector<std::string> words;
  for (const auto& [domain, found] : bases) {
    if (found.unknown > 0 || found.packages == 0) {
      absl::PrintF("%-8s not known: the package was hardly ever quiet for two samples\n", DomainName(domain));
      continue;
    }
    const double mean_w = found.sum_w / found.packages;
    // One figure stands for all packages: it is as wrong as they differ.
    const double err_w = found.err_w + std::max(found.most_w - mean_w, mean_w - found.least_w);
    absl::PrintF("%-8s %.3f W +-%.3f (95 %%)", DomainName(domain), mean_w, err_w);
    if (found.packages > 1) {
      absl::PrintF(", mean of %d packages from %.3f to %.3f W", found.packages, found.least_w, found.most_w);
    }
    std::printf("\n");
    words.push_back(absl::StrFormat("%s=%.3fW+-%.3fW", DomainName(domain), mean_w, err_w));
  }
  if (words.empty()) {
    return Fail(
        kExitFailed,
        "no base power was found; let the host rest, make no load (--no-load), or give --duration more than it had");
  }
  absl::PrintF("--base-power=%s\n", absl::StrJoin(words, ","));
  return kExitDone;
}

}  // namespace

int CalibrateVerb(int argc, char** argv) {
  CommonArguments arguments;
  arguments.duration = "40s";
  bool no_load = false;
  VerbApp verb("vrapl calibrate", "Finds the power that packages draw when nobody runs.", kFooter);
  AddSourceOptions(verb.app(), arguments);
  verb.app().add_option("--duration", arguments.duration, "for how long (40s)")->type_name("TIME");
  verb.app().add_flag("--no-load", no_load, "make no load; learn from what there is");
  if (const std::optional<int> code = verb.Parse(argc, argv)) return *code;

  arguments.vms = "proc";
  absl::StatusOr<DaemonOptions> options = ToDaemonOptions(arguments);
  if (!options.ok()) return Fail(options.status());
  if (*options->duration_ns < kShortestNs) {
    return Fail(kExitUsage, absl::StrCat("--duration=", arguments.duration,
                                         ": too short for any base power to be found; the shortest is 2s, and 10s see "
                                         "every load that is made"));
  }
  options->flush_ns = kNanosPerSecond;
  options->delivery.deliver = false;
  options->listen_for_marks = false;

  const std::atomic<bool>& stop = StopOnSignals();
  absl::StatusOr<Host> host = OpenHost(arguments);
  if (!host.ok()) return Fail(host.status());
  options->host_root = host->root;
  options->emulators = host->emulators;
  absl::StatusOr<std::unique_ptr<MadeLoad>> load = std::unique_ptr<MadeLoad>();
  if (!no_load) load = MadeLoad::Start();
  if (!load.ok()) return Fail(load.status());

  const bool shows_progress = ::isatty(STDERR_FILENO) == 1;
  std::optional<FlushReport> latest;
  double least_busy = 1;
  double most_busy = 0;
  const auto on_report = [&](const FlushReport& report) {
    for (const std::string& problem : report.problems) Notice(problem);
    latest = report;
    if (shows_progress) {
      absl::FPrintF(stderr, "\rvrapl: %.0f s of %s ", static_cast<double>(report.t_ns) * 1e-9, arguments.duration);
    }
    if (report.dt_ns < options->flush_ns / 2) return;  // a last one of some ms says nothing of a second
    least_busy = std::min(least_busy, BusyPart(report));
    most_busy = std::max(most_busy, BusyPart(report));
  };
  const DaemonEvents events{.on_start =
                                [](const RunDescription& description) {
                                  if (description.source == "emulated")
                                    Notice("EMULATED HARDWARE: the energy is not measured");
                                },
                            .on_report = on_report,
                            .on_notice = [](const std::string& notice) { Notice(notice); }};
  const absl::Status status = RunDaemon(*options, events, stop);
  if (latest && shows_progress) absl::FPrintF(stderr, "\n");
  if (!status.ok()) return Fail(status);
  if (!latest) return Fail(kExitInterrupted, "interrupted before there was anything to tell");
  absl::FPrintF(stderr, "vrapl: %.0f s, in which CPUs were busy from %.1f to %.1f %% of a second\n",
                static_cast<double>(latest->t_ns) * 1e-9, 100 * std::min(least_busy, most_busy), 100 * most_busy);
  if (stop) {
    Notice("interrupted: the base is that of the time there was");
    Print(BasesIn(*latest));
    return kExitInterrupted;
  }
  return Print(BasesIn(*latest));
}

}  // namespace vrapl
