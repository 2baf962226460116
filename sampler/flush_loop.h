// Drains the rings, charges every sample to rows, and at each flush makes a report and tells the guests.
//
// Runs in an ordinary thread: what it does may take its time without a sample being lost. It never waits for a guest or
// for libvirt; it does wait for whoever takes its reports.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attribution/ledger.h"
#include "base/clock.h"
#include "delivery/guest_line_maker.h"
#include "delivery/port_set.h"
#include "sampler/flush_report.h"
#include "sampler/row_table.h"
#include "sampler/sampling_loop.h"
#include "vm/vm.h"

namespace vrapl {

class FlushLoop {
 public:
  struct Options {
    int64_t flush_ns = 2 * kNanosPerSecond;
    int64_t duration_ns = INT64_MAX;  // what is sampled beyond it while the run winds down is not reported
    std::vector<Model> models = {Model::kBaseShare};
    std::map<RaplDomain, double> base_power_w;  // given instead of learned
    std::string source;
    std::string backend;
    bool trace_vms = false;  // VmReport::power_w
    int64_t quantum_uj = kDefaultQuantumUj;
  };
  using OnReport = std::function<void(const FlushReport&)>;

  // Everything must outlive the loop. `ports` may be null: nothing is delivered. Construct after each SamplingLoop's
  // Start().
  FlushLoop(std::vector<SamplingLoop*> samplers, RowTable& rows, PortSet* ports, const Clock& clock, Options options,
            OnReport on_report);

  // The VMs and their ports as of now: from the next sample on.
  struct Discovery {
    std::vector<Vm> vms;
    std::vector<VmPorts> ports;
    std::vector<std::string> problems;
    bool unchanged = false;  // only problems are new
  };
  void UpdateVms(const Discovery& discovery);

  // Takes what the rings hold; reports each flush that is complete. Call every 50 ms or so.
  void Drain();

  // The end: what is left in the rings, and a last, short flush.
  void Finish();

  int64_t start_ns() const { return start_ns_; }

 private:
  struct Domain {
    size_t index = 0;  // in Sample::ticks
    DomainInfo info;
    uint64_t last_ticks = 0;
    uint64_t errors = 0;          // failed reads in this flush
    bool unread = false;          // the last read failed: energy of the time up to now is still to come
    std::vector<Ledger> ledgers;  // one per model
    // Cumulative, per model and row: what has been settled.
    std::vector<std::vector<uint64_t>> settled;
    std::vector<std::vector<int64_t>> settled_uj;
    std::vector<std::vector<int64_t>> active_uj;
    std::vector<Settlement> settlements;  // of the flush under way to a report
    uint64_t counter_total = 0;
  };
  struct Package {
    SamplingLoop* loop = nullptr;
    std::vector<Domain> domains;
    std::vector<int64_t> run_ns;          // per row, in this flush
    std::vector<int64_t> settled_run_ns;  // of the flush that waits for its report
    int64_t flush_start_ns = 0;
    int64_t last_t_ns = 0;
    int64_t settled_dt_ns = 0;
    bool settled = false;  // this package's part of the flush is complete
    int64_t skew_max_ns = 0;
    // As reported last, to see what is new.
    uint64_t dropped = 0;
    uint64_t lost_records = 0;
    std::map<int, std::vector<float>> traces;  // by the VM's index: power of each sample
    std::vector<RowTime> sample_rows;
    std::vector<int64_t> sample_ns;  // scratch: run time per row of one sample
  };
  // A VM's account with its guest.
  struct Account {
    explicit Account(uint32_t epoch, int64_t start_ns, int64_t quantum_uj) : maker(epoch, start_ns, quantum_uj) {}
    GuestLineMaker maker;
    int64_t energy_uj = 0;
    int64_t active_uj = 0;  // of the intervals in which it was known
    int64_t run_time_ns = 0;
  };

  void Process(Package& package, const Sample& sample);
  void SettlePackage(Package& package);
  void Report(bool last);
  void ReportModel(size_t model, ModelReport& out);
  void TellGuests(FlushReport& report);
  uint32_t LineState(const FlushReport& report) const;
  std::vector<float> TakeTrace(int vm);
  void ReportPortErrors(FlushReport& report);
  void RetireStopped();

  RowTable& rows_;
  PortSet* const ports_;
  const Clock& clock_;
  const Options options_;
  const OnReport on_report_;
  std::vector<Package> packages_;
  int64_t start_ns_ = 0;
  int64_t flush_end_ns_ = 0;
  uint64_t seq_ = 0;
  std::map<int, Account> accounts_;                 // by the VM's index in the row table
  std::map<std::string, std::string> port_errors_;  // by path: what was last told of it
  std::vector<std::string> problems_;
};

}  // namespace vrapl
