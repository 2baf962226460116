#include "probe/honest_windows.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "attribution/uncertainty.h"

namespace vrapl {
namespace {

constexpr int64_t kWindowsNs[] = {1'000'000, 10'000'000, 100'000'000, 2'000'000'000};
constexpr double kWithin = 0.01;

std::string WindowText(int64_t window_ns) {
  const double ms = static_cast<double>(window_ns) * 1e-6;
  return ms >= 1000 ? absl::StrFormat("%.2g s", ms * 1e-3) : absl::StrFormat("%.*f ms", ms < 10 ? 1 : 0, ms);
}

std::vector<std::string> Row(std::string name, const CounterGrain& grain, double watts) {
  std::vector<std::string> row = {std::move(name)};
  for (const int64_t window_ns : kWindowsNs) {
    const double percent = 100 * RelativeHostError(grain, watts, window_ns);
    const bool shows = static_cast<double>(window_ns) >= 0.9 * grain.period_ns && percent < 100;
    row.push_back(shows ? absl::StrFormat("+-%.2g %%", percent) : "nothing");
  }
  row.push_back(absl::StrCat("from ", WindowText(ShortestHonestWindowNs(grain, watts, kWithin))));
  return row;
}

}  // namespace

std::vector<std::vector<std::string>> HonestWindows(const PackageFindings& package, double watts) {
  std::vector<std::vector<std::string>> rows;
  for (const DomainProbe& domain : package.probe.domains) {
    const auto updates = package.updates.find(domain.id);
    if (updates == package.updates.end() || domain.id.domain == RaplDomain::kCore) continue;
    const UpdateSummary& summary = updates->second.summary;
    if (summary.period_ns == 0) continue;
    CounterGrain grain{.unit_uj = domain.unit.joules_per_tick * 1e6,
                       .period_ns = static_cast<double>(summary.period_ns),
                       .jitter_ns = static_cast<double>(summary.jitter_ns)};
    if (rows.empty()) rows.push_back({"95 % lie within", "1 ms", "10 ms", "100 ms", "2 s", "within 1 %"});
    rows.push_back(Row(DomainName(domain.id), grain, watts));
    grain.at_edges = true;
    rows.push_back(Row("  --align=edge", grain, watts));
  }
  return rows;
}

}  // namespace vrapl
