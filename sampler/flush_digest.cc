#include "sampler/flush_digest.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recording/block.h"

namespace vrapl {

uint32_t FlushDigest(const FlushReport& report, Model model) {
  for (const ModelReport& one : report.models) {
    if (one.model != model) continue;
    std::vector<std::string> lines;
    for (const RowReport& row : one.rows) {
      lines.push_back(absl::StrCat(RowKindName(row.kind), "|", row.vm.uuid, "|", row.vm.pid, "|", row.part, "|",
                                   row.package_id, "|", row.die_id, "|", DomainName(row.domain), "|", row.energy_ticks,
                                   "|", row.energy_uj, "|", row.active_uj ? absl::StrCat(*row.active_uj) : "", "|",
                                   row.run_time_ns));
    }
    for (const CounterReport& counter : one.counters) {
      lines.push_back(absl::StrCat("counter|", counter.package_id, "|", counter.die_id, "|", DomainName(counter.domain),
                                   "|", counter.energy_ticks, "|", counter.energy_uj, "|", ModelName(counter.model),
                                   "|", counter.read_errors, "|", counter.unknown_ns));
    }
    std::sort(lines.begin(), lines.end());
    std::string text = absl::StrCat(report.t_ns, "|", report.dt_ns);
    for (const std::string& line : lines) absl::StrAppend(&text, "\n", line);
    return Crc32(text);
  }
  return 0;
}

}  // namespace vrapl
