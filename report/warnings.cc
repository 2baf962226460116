#include "report/warnings.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace vrapl {
namespace {

// Less than these is no news: every run has a little of it.
constexpr double kMissedIsMany = 0.001;  // of the ticks
constexpr double kTimeIsMuch = 0.001;    // of the CPU time there was

double Seconds(int64_t ns) { return static_cast<double>(ns) * 1e-9; }

std::string CounterName(const CounterKey& key) {
  return absl::StrCat("package ", key.package_id, key.die_id > 0 ? absl::StrCat(" die ", key.die_id) : "", " ",
                      DomainName(key.domain));
}

class Warnings {
 public:
  void Severe(std::string text) { severe_.push_back({true, std::move(text)}); }
  void Minor(std::string text) { minor_.push_back({false, std::move(text)}); }
  std::vector<ReportWarning> Take() {
    severe_.insert(severe_.end(), minor_.begin(), minor_.end());
    return std::move(severe_);
  }

 private:
  std::vector<ReportWarning> severe_;
  std::vector<ReportWarning> minor_;
};

void OfTheFile(const RecordedRun& run, Warnings& out) {
  if (!run.ended) {
    out.Severe(
        "The recording does not end: the program that wrote it was killed, or the machine went down. What was sampled "
        "after the last whole block is not in it.");
  }
  for (const std::string& damage : run.damage) out.Severe(absl::StrCat("Damage: ", damage));
}

void OfCounters(const RunTotals& totals, Warnings& out) {
  for (const auto& [key, counter] : totals.counters()) {
    const std::string name = CounterName(key);
    if (counter.frozen)
      out.Severe(absl::StrCat("The counter of ", name, " stood still for a time: no energy is known of it."));
    if (counter.unknown_ns > 0) {
      out.Severe(
          absl::StrFormat("The energy of %s is unknown for %.3f s: no row has it.", name, Seconds(counter.unknown_ns)));
    }
    if (counter.glitches > 0) {
      out.Minor(absl::StrFormat("%d readings of %s were glitches and are left out.", counter.glitches, name));
    }
    if (counter.read_errors > 0) {
      out.Minor(absl::StrFormat("%d reads of %s failed: their energy comes with the next good one.",
                                counter.read_errors, name));
    }
    if (key.domain.domain != RaplDomain::kPackage) continue;
    for (const auto& [model, ns] : counter.stood_in_ns) {
      const char* why = model == Model::kCapacity ? "The base power of %s was not known"
                        : totals.models().front() == Model::kCore
                            ? "The energy of single cores of %s, or who ran on them, was not known"
                            : "Samples of %s did not tell what its virtual machines use apart";
      out.Minor(absl::StrFormat("%s in %.3f of %.3f s: that time is charged by the model %s instead.",
                                absl::StrReplaceAll(why, {{"%s", name}}), Seconds(ns), Seconds(counter.dt_ns),
                                ModelName(model)));
    }
  }
}

void OfSampling(const RunTotals& totals, Warnings& out) {
  uint64_t dropped = 0;
  uint64_t lost_records = 0;
  int64_t late_run_ns = 0;
  for (const auto& [key, sampler] : totals.samplers()) {
    const LatenessSummary& lateness = sampler.lateness;
    const double ticks = static_cast<double>(lateness.samples + lateness.missed);
    if (ticks > 0 && static_cast<double>(lateness.missed) > kMissedIsMany * ticks) {
      out.Minor(
          absl::StrFormat("Package %d: %d of %.0f ticks passed without a sample of their own (%.2f %%); their energy "
                          "and time are in the "
                          "next sample.",
                          key.first, lateness.missed, ticks, 100 * static_cast<double>(lateness.missed) / ticks));
    }
    dropped += sampler.dropped;
    lost_records += sampler.lost_records;
    late_run_ns += sampler.late_run_time_ns;
  }
  if (dropped > 0) out.Minor(absl::StrFormat("%d samples were merged into the next: the buffer was full.", dropped));
  if (lost_records > 0) {
    out.Severe(absl::StrFormat("%d switch records were lost: that time is in the row unreported.", lost_records));
  }
  if (const uint64_t misses = totals.last().recursion_misses; misses > 0) {
    out.Severe(absl::StrFormat("The kernel did not run the program at %d switches: run time is not exact.", misses));
  }
  const auto capacity_ns = static_cast<double>(std::max<int64_t>(totals.capacity_ns(), 1));
  const auto much = [&](int64_t ns) { return static_cast<double>(ns) > kTimeIsMuch * capacity_ns; };
  const auto time_of = [&](RowKind kind) {
    const auto owner = totals.owners().find({kind, {}});
    return owner != totals.owners().end() ? owner->second.sum.run_time_ns : int64_t{0};
  };
  if (const int64_t ns = time_of(RowKind::kUnreported); much(ns)) {
    out.Minor(
        absl::StrFormat("Of %.3f s (%.2f %% of CPU time) the kernel did not report who ran; it is the row unreported.",
                        Seconds(ns), 100 * static_cast<double>(ns) / capacity_ns));
  }
  if (const int64_t ns = time_of(RowKind::kStolen); much(ns)) {
    out.Minor(absl::StrFormat("%.3f s (%.2f %% of CPU time) were stolen: this machine is itself a virtual one.",
                              Seconds(ns), 100 * static_cast<double>(ns) / capacity_ns));
  }
  if (much(late_run_ns)) {
    out.Minor(absl::StrFormat("%.3f s of run time became known too late for their thread and are in another row.",
                              Seconds(late_run_ns)));
  }
  if (totals.suspended_ns() > 0) {
    out.Severe(absl::StrFormat("The machine was suspended for %.3f s: the energy of that time is not known.",
                               Seconds(totals.suspended_ns())));
  }
}

}  // namespace

std::vector<ReportWarning> WarningsOf(const RecordedRun& run, const RunTotals& totals) {
  Warnings out;
  if (IsEmulated(run, totals))
    out.Severe("EMULATED HARDWARE: the energy is not measured. Nothing here is a property of this machine.");
  OfTheFile(run, out);
  if (totals.last().power_based) {
    out.Minor("The energy is a sensor's power, integrated over time: no counter was read.");
  }
  if (!totals.last().cpu_table.empty()) {
    out.Minor(absl::StrCat("Units and domains are as ", totals.last().cpu_table, " says, not as vrapl knows."));
  }
  const RunTimeMethod method = totals.last().run_time_method;
  if (!IsExact(method)) {
    out.Severe(absl::StrCat("Run time is by ", RunTimeMethodName(method), ": ", RunTimeError(method), "."));
  }
  OfCounters(totals, out);
  OfSampling(totals, out);
  int stalls = 0;
  for (const RecordedRun::Event& event : run.events) stalls += event.type == "stall" ? 1 : 0;
  if (stalls > 0) out.Minor(absl::StrFormat("The sampler stalled %d times; see the events.", stalls));
  for (const std::string& problem : totals.problems()) out.Minor(problem);
  return out.Take();
}

}  // namespace vrapl
