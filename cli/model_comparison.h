// What several models make of the same time, side by side. Pure: reports in, figures out.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "attribution/model.h"
#include "base/rapl_domain.h"
#include "sampler/flush_report.h"

namespace vrapl {

// One row of a domain under every model, over all packages: a VM with all its parts, or what is not a VM's.
struct ComparedRow {
  RowKind kind = RowKind::kOther;
  VmRun vm;  // for kVm
  int64_t run_time_ns = 0;
  // By model, in the order of Comparison::models:
  std::vector<int64_t> energy_uj;
  std::vector<std::optional<int64_t>> active_uj;  // absent: the base was not known all the time
  std::vector<std::optional<int64_t>> idle_uj;    // of a VM, its part of the idle row; absent: that is nobody's
  // Between the most and the least that models charge to it. Over models that charge all energy, because others do not
  // divide the same sum.
  int64_t spread_uj = 0;
};

struct ComparedDomain {
  RaplDomain domain = RaplDomain::kPackage;
  int64_t counter_uj = 0;             // what the counters moved; of all models alike
  std::vector<int64_t> unclaimed_uj;  // by model: charged to no row; below 0: charged twice
  std::vector<ComparedRow> rows;      // VMs by name, then the others in the order of RowKind
};

// In how many windows another model stood in for this one, over all packages and domains.
struct StoodIn {
  int windows = 0;
  int of = 0;
  std::map<Model, int> by;  // which
};

struct Comparison {
  std::vector<Model> models;
  int64_t start_ns = 0;  // from the start of the run
  int64_t end_ns = 0;
  std::vector<ComparedDomain> domains;  // as they come
  std::vector<StoodIn> stood_in;        // by model
};

class ModelComparison {
 public:
  explicit ModelComparison(std::vector<Model> models);

  // Each of the models in each report.
  void Add(const FlushReport& report);
  // Of all reports so far.
  Comparison Result() const;

 private:
  struct Row {
    ComparedRow row;
    std::vector<bool> active_known;
  };
  struct Domain {
    ComparedDomain domain;
    std::vector<Row> rows;
  };
  Domain& Of(RaplDomain domain);
  Row& RowOf(Domain& domain, const RowReport& row);

  Comparison result_;  // its domains are in domains_
  std::vector<Domain> domains_;
};

}  // namespace vrapl
