// What one flush found: plain data for whoever prints, sends or stores it. All energies in ticks and microjoules of
// the flush unless called total.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attribution/model.h"
#include "attribution/uncertainty.h"
#include "base/rapl_domain.h"
#include "base/run_time_method.h"
#include "base/update_edges.h"
#include "sampler/absence.h"
#include "sampler/edge_counts.h"
#include "sampler/lateness.h"
#include "sampler/mark.h"
#include "sampler/row_table.h"
#include "sampler/stalls.h"

namespace vrapl {

struct CounterReport {
  int package_id = 0;
  int die_id = 0;
  DomainId domain;
  int64_t dt_ns = 0;
  uint64_t energy_ticks = 0;
  double unit_uj = 0;
  int64_t energy_uj = 0;
  // Half width of the 95 % interval of energy_uj: of measuring it, see attribution/uncertainty.h. Of this window: it is
  // not to be added up. Absent where the counter's updates are not known, or some of the window is not.
  std::optional<int64_t> err_uj;
  std::optional<CounterGrain> grain;  // what the rows' errors come with; absent where err_uj is
  Model model = Model::kBaseShare;    // the one that charged the rows of this counter
  std::optional<double> base_w;       // absent: not known
  double base_err_w = 0;              // 95 %
  bool base_given = false;
  int64_t unclaimed_ticks = 0;  // the model gave these to no row; below 0: it gave them twice (see ClaimsAll)
  bool attributed = true;       // false: the counter has no rows: of one core, and nobody knows who ran on it
  // In this flush:
  uint64_t read_errors = 0;  // failed reads: their energy comes with the next good one
  uint64_t glitches = 0;     // readings that no package can have used; left out
  int64_t unknown_ns = 0;    // time, suspends included, of which no counter can tell the energy
  bool frozen = false;       // the counter has stopped: what it shows is no energy
  UpdateSummary updates;     // since the start
};

struct RowReport {
  RowKind kind = RowKind::kOther;
  VmRun vm;          // for kVm
  std::string part;  // for kVm
  int package_id = 0;
  int die_id = 0;
  DomainId domain;
  uint64_t energy_ticks = 0;
  int64_t energy_uj = 0;
  // Half width of the 95 % interval of energy_uj: measuring, the base power and what the model itself is unsure of. Of
  // this window, absent where the counter's is; error_sums and model_err_uj are what that of a longer one is made of
  // (sampler/joined_error.h).
  std::optional<int64_t> err_uj;
  RowErrorSums error_sums;  // in ticks
  double model_err_uj = 0;
  std::optional<int64_t> active_uj;  // absent: the base is not known
  int64_t run_time_ns = 0;           // on this package; of the idle row: idle time, and so on
  // Of run_time_ns, with the physical core to itself, and with something running on an SMT sibling. What is left over
  // is time in which nobody knows what the sibling did. Absent for rows that are no threads, and for shared counters.
  std::optional<int64_t> solo_time_ns;
  std::optional<int64_t> shared_time_ns;
  // Where every thread has a row of its own (a replay that was asked for it): which one.
  std::optional<ThreadName> thread;
};

// All parts of a VM together, on one counter. How sure their energy is, is not the sum of theirs, since what one loses at
// an update's edge another of them mostly gets.
struct VmCounterReport {
  VmRun vm;
  int package_id = 0;
  int die_id = 0;
  DomainId domain;
  std::optional<int64_t> err_uj;
  RowErrorSums error_sums;
  double model_err_uj = 0;
  std::optional<int64_t> idle_uj;  // its part of the idle row, beside its own rows; absent: that is nobody's
};

// Rows of one model. Rows of a counter sum to the counter, in ticks.
struct ModelReport {
  Model model = Model::kBaseShare;
  std::vector<CounterReport> counters;
  std::vector<RowReport> rows;
  std::vector<VmCounterReport> vm_counters;
};

struct SamplerReport {
  int package_id = 0;
  int die_id = 0;
  int cpu = 0;                    // it is read on this one
  int cpus = 0;                   // online in the package
  int64_t capacity_ns = 0;        // CPU time there was in this flush: CPUs x dt_ns, or what was online of it
  int64_t suspended_ns = 0;       // the machine slept in this flush, beside dt_ns
  LatenessSummary lateness;       // since the start
  StallSummary stalls;            // since the start; the longest one's t_ns is from the start of the run
  std::vector<Stall> new_stalls;  // of this flush, t_ns likewise; the first Stalls::kMostKept of them
  EdgeCounts edges;               // since the start; with --align=edge
  int64_t cpu_time_ns = 0;        // since the start, of the sampling thread
  uint64_t dropped = 0;
  uint64_t read_errors = 0;
  uint64_t gaps = 0;                // times that the kernel did not report a switch, or several in a row
  int64_t unreported_switches = 0;  // how many these were, by the run queues' own count
  // Since the start: run time that became known too late for its thread and is in the row of the one that came after
  // it on that CPU, mostly because the CPU was taken away. Single rows may be wrong by this much, all together.
  int64_t late_run_time_ns = 0;
  uint64_t lost_records = 0;      // the switch log overran
  uint64_t new_lost_records = 0;  // in this flush
  int64_t skew_max_ns = 0;        // of this flush: how long the longest read of all counters took
  int64_t late_max_ns = 0;        // of this flush: how late the latest sample was
};

// One VM over all packages, and what its guest was told.
struct VmReport {
  VmRun vm;
  bool running = true;  // false: it stopped, and this is its last interval
  int vcpus = 0;
  uint32_t epoch = 0;
  int64_t energy_uj = 0;  // package and DRAM, the first model; that of its rows
  // 95 % of energy_uj: errors of counters are added, since those of one package have the same sign. Absent where one is
  // not known.
  std::optional<int64_t> err_uj;
  std::optional<int64_t> active_uj;
  std::optional<int64_t> idle_uj;  // beside energy_uj, its part of the idle rows; absent: these are nobody's
  int64_t run_time_ns = 0;
  int64_t total_energy_uj = 0;  // since the VM is known; its part of the idle rows is in it
  // Of run_time_ns, what KVM spent waiting on a CPU for a halted vCPU; absent where the kernel does not tell.
  std::optional<int64_t> halt_poll_ns;
  std::string guest_line;  // without its newline; empty where none was due
  int lines_sent = 0;
  int lines_skipped_unread = 0;
  int ports_not_connected = 0;
  int port_errors = 0;
  // Power of each sample, package domains, for a curve; empty unless asked for.
  std::vector<float> power_w;
};

// What the sampling itself cost, from the start of the run (sampler/own_cost.h).
struct OwnCost {
  int64_t wall_ns = 0;
  int64_t cpu_ns = 0;              // of all threads of the program
  int64_t voluntary_switches = 0;  // wake-ups
  int64_t involuntary_switches = 0;
  int64_t energy_uj = 0;  // of the row vrapl, by the first model: package and DRAM
  int64_t host_energy_uj = 0;
};

struct FlushReport {
  uint64_t seq = 0;
  int64_t t_ns = 0;  // end of the flush, from the start of the run
  int64_t dt_ns = 0;
  int64_t unix_ns = 0;
  std::string source;        // BackendName(), or "emulated" where the counters are
  std::string backend;       // BackendName()
  bool power_based = false;  // energy is power, integrated over time: no counter
  std::string cpu_table;     // "FILE row 06_FF": read as a row of --cpu-table says; else ""
  RunTimeMethod run_time_method = RunTimeMethod::kBpf;
  uint64_t recursion_misses = 0;      // since the start: switches that the kernel did not let the program see
  uint64_t new_recursion_misses = 0;  // in this flush
  // How far a recording of the run has come.
  struct Recording {
    uint64_t bytes = 0;        // in the file
    uint64_t lost_blocks = 0;  // of a second or so each, that the disk did not take
    std::string error;         // what keeps the disk from taking more now; "": nothing
  };
  std::optional<Recording> recording;
  bool last = false;                // the run ends with this flush, which may be short
  std::vector<ModelReport> models;  // the first is the one that guests are told
  std::vector<SamplerReport> samplers;
  std::vector<VmReport> vms;
  std::vector<Mark> marks;            // that fell into this flush, ascending; t_ns from the start of the run
  std::vector<Unobserved> unobserved;  // with the first flush: what was used since another run ended (--state)
  std::optional<OwnCost> own_cost;    // with the last flush of a live run
  std::vector<std::string> problems;  // new ones, each in one line
};

}  // namespace vrapl
