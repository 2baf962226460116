// What serve finds, for a node_exporter on the host: DIR/vrapl.prom, in Prometheus' text format, whole at every
// instant.
//
// Counters are since vrapl started. Rows of a counter sum to it: who wants the energy of VMs sums over `vm`, and who
// wants to know where the rest went finds it by `kind`. docs/output.md lists the metrics.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "absl/status/status.h"
#include "sampler/flush_report.h"

namespace vrapl {

// Threads: one at a time.
class PrometheusTextfile {
 public:
  explicit PrometheusTextfile(const std::string& directory) : path_(directory + "/vrapl.prom") {}
  // The file goes: what is no longer measured is not shown.
  ~PrometheusTextfile();
  PrometheusTextfile(const PrometheusTextfile&) = delete;
  PrometheusTextfile& operator=(const PrometheusTextfile&) = delete;

  // Adds a flush and replaces the file. A VM that has stopped is in the file once more, and then no longer.
  // Errors: those of the directory and the disk; the file before stays, and the next flush has all that this one had.
  absl::Status Add(const FlushReport& report);

  // What the file holds; for tests.
  std::string Text() const;

 private:
  using CounterKey = std::tuple<int, int, DomainId>;                         // package, die, domain
  using RowKey = std::tuple<RowKind, std::string, std::string, CounterKey>;  // kind, uuid, name of the VM
  struct Row {
    int64_t energy_uj = 0;
    int64_t active_uj = 0;  // of the flushes in which it was known
    int64_t run_time_ns = 0;
  };
  struct Counter {
    int64_t energy_uj = 0;
    int64_t unclaimed_uj = 0;
    uint64_t read_errors = 0;
  };

  const std::string path_;
  bool written_ = false;
  std::map<CounterKey, Counter> counters_;
  std::map<RowKey, Row> rows_;
  uint64_t lines_sent_ = 0;
  uint64_t lines_skipped_ = 0;
  // Of the last flush.
  std::string source_;
  std::string backend_;
  std::string model_;
  std::string run_time_method_;
  double unix_s_ = 0;
  double dt_s_ = 0;
};

}  // namespace vrapl
