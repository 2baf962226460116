#include "cli/sampler_text.h"

#include "absl/strings/str_format.h"

namespace vrapl {
namespace {

double Us(int64_t ns) { return static_cast<double>(ns) * 1e-3; }
double Ms(int64_t ns) { return static_cast<double>(ns) * 1e-6; }

}  // namespace

std::vector<std::string> SamplerLines(const SamplerReport& sampler, double seconds) {
  const LatenessSummary& lateness = sampler.lateness;
  const StallSummary& stalls = sampler.stalls;
  std::vector<std::string> lines;
  lines.push_back(absl::StrFormat(
      "%d samples in %.3f s, %d late, %d missed%s, %d dropped, %d reads failed", lateness.samples, seconds,
      lateness.late, lateness.missed,
      stalls.missed_stolen == 0 ? "" : absl::StrFormat(" (%d of them for stolen time)", stalls.missed_stolen),
      sampler.dropped, sampler.read_errors));
  lines.push_back(absl::StrFormat("lateness p50 %.0f us, p99 %.0f us, p99.9 %.0f us, max %.0f us", Us(lateness.p50_ns),
                                  Us(lateness.p99_ns), Us(lateness.p999_ns), Us(lateness.max_ns)));
  if (const EdgeCounts& edges = sampler.edges; edges.locked()) {
    lines.push_back(absl::StrFormat(
        "%d at an update, %d of them of several; %d where none came or it was not seen, %d without any%s",
        edges.at_edge, edges.doubles, edges.missed, edges.empty,
        edges.by_clock == 0
            ? ""
            : absl::StrFormat("; %d by the clock: no updates came, or each wake was too late", edges.by_clock)));
  }
  if (sampler.cpu_time_ns > 0 && seconds > 0) {
    lines.push_back(absl::StrFormat("%.3f s of CPU time by the sampling thread, %.2f %% of a CPU",
                                    Ms(sampler.cpu_time_ns) * 1e-3, Ms(sampler.cpu_time_ns) * 0.1 / seconds));
  }
  if (stalls.stalls > 0) {
    lines.push_back(absl::StrFormat(
        "%d stalls of %.0f ms or more, %.3f ms in all, %.3f ms of it stolen; the longest %.3f ms at %.3f s",
        stalls.stalls, Ms(kStallNs), Ms(stalls.late_ns), Ms(stalls.stolen_ns), Ms(stalls.longest.late_ns),
        Ms(stalls.longest.t_ns) * 1e-3));
  }
  return lines;
}

}  // namespace vrapl
