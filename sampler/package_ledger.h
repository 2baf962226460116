// The books of one package: takes its samples from the feed, finds the row of each thread, and charges every counter.
//
// Threads: the flush thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "attribution/core_energy.h"
#include "base/given_power.h"
#include "sampler/domain_ledger.h"
#include "sampler/edge_counts.h"
#include "sampler/flush_report.h"
#include "sampler/package_feed.h"
#include "sampler/row_table.h"
#include "sampler/sample_observer.h"
#include "sampler/stalls.h"

namespace vrapl {

class PackageLedger {
 public:
  struct Options {
    std::vector<Model> models;
    std::map<RaplDomain, GivenPower> base_power_w;
    int64_t frozen_after_ns = 0;
    int64_t period_ns = kNanosPerMilli;  // between two samples, as intended
    bool trace_vms = false;
    // The platform's counter (psys) holds the energy of all packages: with more than one its energy is charged by the
    // run time on all of them, in ChargePlatform().
    bool platform_is_shared = false;
    std::vector<UpdateSummary> updates;  // one per domain of the source, or none at all
    SampleObserver* observer = nullptr;  // is shown each sample, as one of package `number`; must outlive this
    int number = 0;
  };

  // Both outlive this. A feed that is a loop has been started.
  PackageLedger(PackageFeed& feed, RowTable& rows, const Options& options);

  // Charges the oldest sample of the feed; false when there is none.
  bool TakeSample();

  // Ends the flush at the last sample taken. Then, where the platform is shared, ChargePlatform() with the run time of
  // all packages, per row; then the reports; then EndReport().
  void Settle();
  void ChargePlatform(const TimeWindow& window, absl::Span<const int64_t> run_ns);
  bool settled() const { return settled_; }

  // Appends the counters and rows of this package.
  void ReportModel(size_t model, ModelReport& out);
  SamplerReport ReportSampler(int64_t run_start_ns);  // times in it count from there
  void EndReport();

  int64_t last_t_ns() const { return last_t_ns_; }            // of the last sample taken
  int64_t flush_start_ns() const { return flush_start_ns_; }  // of the flush under way
  // Of the flush that was settled last:
  int64_t settled_dt_ns() const { return settled_dt_ns_; }
  int64_t settled_capacity_ns() const { return settled_capacity_ns_; }  // CPU time there was, of all CPUs
  int64_t settled_suspended_ns() const { return settled_suspended_ns_; }
  const std::vector<int64_t>& settled_run_ns() const { return settled_run_ns_; }  // per row
  bool lost_samples() const;  // in that flush: dropped, or switch records overwritten

  // A counter in the VMs' totals cannot be told now: it was not read, or stands still.
  bool total_unread() const;

  // Power of each sample of the flush under way, of one VM. Empties it.
  std::vector<float> TakeTrace(int vm) { return std::move(traces_[vm]); }

  void Retire(int row, int heir);

 private:
  struct Domain {
    size_t index;  // in Sample::ticks
    bool shared;
    int core;  // which of the package's cores; kAllCores: the counter is not of one core
    DomainLedger ledger;
    // Of a core: its CPUs as of the last sample that told; and per row, run time on it, in this flush and in the one
    // that was settled last.
    int64_t cpus = 1;
    std::vector<int64_t> run_ns;
    std::vector<int64_t> settled_run_ns;
  };

  void Process(const Sample& sample);
  void GatherRows(const Sample& sample);
  void ChargeCores(const Sample& sample);
  void ReportRows(size_t model, Domain& domain, ModelReport& out);
  void Trace(DomainLedger& domain, int64_t dt_ns);

  PackageFeed& feed_;
  RowTable& rows_;
  const bool trace_vms_;
  SampleObserver* const observer_;
  const int number_;
  std::vector<Domain> domains_;
  bool by_core_ = false;                     // samples have told who ran on which core
  std::optional<CoreEnergy> core_energy_;    // where a model wants it
  std::vector<std::vector<RowTime>> cores_;  // who ran on each core in this sample
  int64_t flush_start_ns_;
  int64_t last_t_ns_;
  std::vector<int64_t> run_ns_;  // per row, in this flush
  struct OnCore {
    int64_t solo_ns = 0;
    int64_t shared_ns = 0;
  };
  std::vector<OnCore> on_core_;  // likewise: of its run time, alone on the core and not
  int64_t capacity_ns_ = 0;
  int64_t suspended_ns_ = 0;
  bool settled_ = false;  // this package's part of the flush is complete
  std::vector<int64_t> settled_run_ns_;
  std::vector<OnCore> settled_on_core_;
  std::vector<int64_t> platform_run_ns_;
  int64_t settled_dt_ns_ = 0;
  int64_t settled_capacity_ns_ = 0;
  int64_t settled_suspended_ns_ = 0;
  int64_t skew_max_ns_ = 0;
  int64_t late_max_ns_ = 0;
  Stalls stalls_;
  EdgeCounter edges_;
  size_t package_index_ = 0;    // of the package's own counter
  uint64_t package_ticks_ = 0;  // of the last sample
  int cpus_ = 0;                // of the last sample
  // As reported last, to see what is new.
  uint64_t told_dropped_ = 0;
  uint64_t told_lost_records_ = 0;
  std::map<int, std::vector<float>> traces_;  // by the VM's index
  std::vector<RowTime> sample_rows_;
  std::vector<char> vm_came_;      // scratch: by VM, whether a row of it was reported of the counter at hand
  std::vector<int> thread_rows_;   // of each thread of the sample
  std::vector<int> sample_place_;  // scratch: per row, where it is in sample_rows_, counted from 1; 0: nowhere
};

}  // namespace vrapl
