#include "cli/prometheus_textfile.h"

#include <fcntl.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/posix.h"

namespace vrapl {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

double InJoules(int64_t uj) { return static_cast<double>(uj) * 1e-6; }

MetricFamily Family(const char* name, MetricType type, const char* help) {
  return {.name = name, .help = help, .type = type, .metric = {}};
}

void AddMetric(MetricFamily& family, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family.metric.push_back(std::move(metric));
}

}  // namespace

PrometheusTextfile::~PrometheusTextfile() {
  if (written_) ::unlink(path_.c_str());
}

absl::Status PrometheusTextfile::Add(const FlushReport& report) {
  const ModelReport& model = report.models.front();
  source_ = report.source;
  backend_ = report.backend;
  model_ = std::string(ModelName(model.model));
  run_time_method_ = std::string(RunTimeMethodName(report.run_time_method));
  unix_s_ = static_cast<double>(report.unix_ns) * 1e-9;
  dt_s_ = static_cast<double>(report.dt_ns) * 1e-9;

  // Who is no longer in a report has stopped before it.
  std::set<std::string> here;
  for (const VmReport& vm : report.vms) {
    here.insert(vm.vm.uuid);
    lines_sent_ += static_cast<uint64_t>(vm.lines_sent);
    lines_skipped_ += static_cast<uint64_t>(vm.lines_skipped_unread);
  }
  std::erase_if(rows_, [&](const auto& row) {
    return std::get<0>(row.first) == RowKind::kVm && here.count(std::get<1>(row.first)) == 0;
  });

  for (const CounterReport& counter : model.counters) {
    Counter& sum = counters_[{counter.package_id, counter.die_id, counter.domain}];
    sum.energy_uj += counter.energy_uj;
    sum.read_errors += counter.read_errors;
    sum.unclaimed_uj += static_cast<int64_t>(static_cast<double>(counter.unclaimed_ticks) * counter.unit_uj);
  }
  for (const RowReport& row : model.rows) {
    Row& sum = rows_[{row.kind, row.vm.uuid, row.vm.name, {row.package_id, row.die_id, row.domain}}];
    sum.energy_uj += row.energy_uj;
    sum.active_uj += row.active_uj.value_or(0);
    sum.run_time_ns += row.run_time_ns;
  }

  const std::string text = Text();
  // No *.prom: nobody reads it. The directory may belong to another user: what has come there under this name is not
  // opened.
  const std::string temporary = absl::StrCat(path_, ".tmp-", ::getpid());
  const auto failed = [&](absl::string_view what) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return PosixError(error, absl::StrCat(what, " ", path_));
  };
  ::unlink(temporary.c_str());
  UniqueFd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file.ok()) return failed("write");
  ::fchmod(file.get(), 0644);  // whatever the umask: the exporter is another user
  for (absl::string_view rest = text; !rest.empty();) {
    const ssize_t size = ::write(file.get(), rest.data(), rest.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return failed("write");
    rest.remove_prefix(static_cast<size_t>(size));
  }
  if (::rename(temporary.c_str(), path_.c_str()) != 0) return failed("replace");
  written_ = true;
  return absl::OkStatus();
}

std::string PrometheusTextfile::Text() const {
  const auto of_counter = [&](const CounterKey& key) {
    const auto& [package, die, domain] = key;
    return Labels{{"package", absl::StrCat(package)},
                  {"die", absl::StrCat(die)},
                  {"domain", DomainName(domain)},
                  {"source", source_}};
  };
  MetricFamily info = Family("vrapl_info", MetricType::Gauge, "How energy is measured, and how it is divided.");
  AddMetric(info,
            {{"version", VRAPL_VERSION},
             {"source", source_},
             {"backend", backend_},
             {"model", model_},
             {"run_time_method", run_time_method_}},
            1);
  MetricFamily host =
      Family("vrapl_host_energy_joules_total", MetricType::Counter, "Energy of a counter of this host.");
  MetricFamily unclaimed = Family("vrapl_unclaimed_energy_joules", MetricType::Gauge,
                                  "Energy of a counter that its model charged to no row, or (below 0) twice.");
  MetricFamily errors =
      Family("vrapl_counter_read_errors_total", MetricType::Counter, "Reads of a counter that failed.");
  for (const auto& [key, counter] : counters_) {
    AddMetric(host, of_counter(key), InJoules(counter.energy_uj));
    AddMetric(unclaimed, of_counter(key), InJoules(counter.unclaimed_uj));
    AddMetric(errors, of_counter(key), static_cast<double>(counter.read_errors));
  }
  MetricFamily energy = Family("vrapl_row_energy_joules_total", MetricType::Counter,
                               "Energy charged to a row; rows of a counter sum to it, with what is unclaimed.");
  MetricFamily active = Family("vrapl_row_active_joules_total", MetricType::Counter,
                               "Part of a row's energy above the idle floor, of intervals in which that was known.");
  MetricFamily run_time = Family("vrapl_row_run_time_seconds_total", MetricType::Counter, "CPU time of a row.");
  for (const auto& [key, row] : rows_) {
    const auto& [kind, uuid, name, counter] = key;
    Labels labels = {{"kind", std::string(RowKindName(kind))}, {"vm", name}, {"uuid", uuid}};
    const Labels where = of_counter(counter);
    labels.insert(labels.end(), where.begin(), where.end());
    AddMetric(energy, labels, InJoules(row.energy_uj));
    AddMetric(active, labels, InJoules(row.active_uj));
    if (std::get<2>(counter).domain == RaplDomain::kPackage) {
      AddMetric(run_time, labels, static_cast<double>(row.run_time_ns) * 1e-9);
    }
  }
  MetricFamily sent = Family("vrapl_guest_lines_sent_total", MetricType::Counter, "Lines that guests were sent.");
  AddMetric(sent, {}, static_cast<double>(lines_sent_));
  MetricFamily skipped = Family("vrapl_guest_lines_skipped_total", MetricType::Counter,
                                "Lines that were not sent since the guest had not read the last one.");
  AddMetric(skipped, {}, static_cast<double>(lines_skipped_));
  MetricFamily at = Family("vrapl_interval_end_timestamp_seconds", MetricType::Gauge, "When the last interval ended.");
  AddMetric(at, {}, unix_s_);
  MetricFamily length = Family("vrapl_interval_seconds", MetricType::Gauge, "Length of the last interval.");
  AddMetric(length, {}, dt_s_);
  return prometheus::TextSerializer().Serialize(
      {info, host, unclaimed, errors, energy, active, run_time, sent, skipped, at, length});
}

}  // namespace vrapl
