#include "probe/cross_check_text.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "probe/screen.h"

namespace vrapl {
namespace {

std::string Judged(const CrossDifference& difference) {
  if (difference.flagged) return absl::StrCat("FLAGGED: ", difference.why);
  if (difference.why.empty()) return "agrees";
  return absl::StrFormat("agrees; %+.3f %% is known: %s", difference.known * 100, difference.why);
}

void AddRunTime(const RunTimeCheckReport& report, Screen& screen) {
  screen.Heading(absl::StrFormat("Run time by %s against the kernel's own account of each thread, for %.1f s",
                                 RunTimeMethodName(report.method), report.seconds));
  screen.Table(
      2, {{"", "compared", "p50", "p99", "worst", "worst, cause unknown"},
          {"slices", absl::StrCat(report.slice_ns.count), absl::StrFormat("%.0f ns", report.slice_ns.p50),
           absl::StrFormat("%.0f ns", report.slice_ns.p99), absl::StrFormat("%.0f ns", report.slice_ns.worst),
           absl::StrFormat("%.0f ns", report.slice_unexplained_ns.worst)},
          {"threads of 5 ms and more", absl::StrCat(report.thread.count),
           absl::StrFormat("%.4f %%", 100 * report.thread.p50), absl::StrFormat("%.4f %%", 100 * report.thread.p99),
           absl::StrFormat("%.4f %%", 100 * report.thread.worst),
           absl::StrFormat("%.4f %%", 100 * report.thread_unexplained.worst)}});
  screen.Paragraph(2,
                   absl::StrFormat("rows and wall time are %d ns apart; stolen %.3f ms, known too late for its thread "
                                   "%.3f ms, unreported %.3f ms (%d gaps)",
                                   report.residual_ns, 1e-6 * static_cast<double>(report.time.stolen_ns),
                                   1e-6 * static_cast<double>(report.late_ns),
                                   1e-6 * static_cast<double>(report.time.unreported_ns), report.gaps),
                   4);
  for (const std::string& line : OutOfBounds(report)) screen.Paragraph(2, absl::StrCat("FLAGGED: ", line), 4, Ink::kRed);
}

}  // namespace

std::string ToText(const CrossCheck& check, const TextOptions& options) {
  Screen screen(options.colour);
  if (check.emulated) {
    screen.Paragraph(0, "EMULATED HARDWARE: what follows about energy is not this machine's", 0, Ink::kYellow);
  }
  screen.Heading(check.sources.empty() ? "No energy source is usable"
                                       : absl::StrFormat("%s, read side by side for %.1f s",
                                                         absl::StrJoin(check.sources, ", "), check.seconds));
  std::vector<std::vector<std::string>> rows = {
      {"counter", "source", "energy", "mean power", "difference", "bound", ""}};
  for (const CrossDomain& domain : check.domains) {
    std::string name =
        absl::StrCat("package ", domain.package_id, domain.die_id > 0 ? absl::StrCat(" die ", domain.die_id) : "", ": ",
                     DomainName(domain.id));
    for (const CrossReading& reading : domain.readings) {
      std::vector<std::string> row = {name, reading.source, absl::StrFormat("%.3f J", reading.joules),
                                      absl::StrFormat("%.3f W", reading.watts)};
      for (const CrossDifference& difference : domain.differences) {
        if (difference.source != reading.source) continue;
        row.push_back(absl::StrFormat("%+.4f %%", difference.difference * 100));
        row.push_back(absl::StrFormat("+-%.4f %%", difference.bound * 100));
        row.push_back(Judged(difference));
      }
      rows.push_back(std::move(row));
      name.clear();
    }
  }
  if (rows.size() > 1) screen.Table(2, rows);
  if (check.run_time.has_value()) AddRunTime(*check.run_time, screen);
  if (!check.remarks.empty()) screen.Heading("Worth knowing");
  for (const CrossRemark& remark : check.remarks) {
    screen.Paragraph(2, remark.text, 4, remark.flagged ? Ink::kRed : Ink::kPlain);
  }
  if (!check.left_out.empty()) screen.Heading("Left out");
  for (const std::string& left_out : check.left_out) screen.Paragraph(2, left_out, 4);
  screen.Heading(check.sources.empty() ? "energy cannot be measured here"
                 : check.Flagged()
                     ? "FLAGGED: something above is neither known nor explained; trust none of it until it is"
                 : check.sources.size() == 1 ? "nothing implausible; one source alone cannot be cross-checked"
                                             : "the sources agree, within what their updates explain");
  return screen.text();
}

}  // namespace vrapl
