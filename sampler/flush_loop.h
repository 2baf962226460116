// Drains the feeds, charges every sample to rows, and at each flush makes a report and tells the guests.
//
// Runs in an ordinary thread: what it does may take its time without a sample being lost. It never waits for a guest or
// for libvirt; it does wait for whoever takes its reports.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/given_power.h"
#include "delivery/port_set.h"
#include "sampler/flush_report.h"
#include "sampler/given_base.h"
#include "sampler/guest_account.h"
#include "sampler/idle_shares.h"
#include "sampler/package_feed.h"
#include "sampler/package_ledger.h"
#include "sampler/row_table.h"
#include "sampler/sample_observer.h"
#include "vm/halt_polling.h"
#include "vm/vm.h"

namespace vrapl {

class FlushLoop {
 public:
  struct Options {
    int64_t flush_ns = 2 * kNanosPerSecond;
    int64_t duration_ns = INT64_MAX;  // what is sampled beyond it while the run winds down is not reported
    std::vector<Model> models = {Model::kBaseShare};
    IdlePolicy idle = IdlePolicy::kOwn;             // who pays for the idle row, in what VMs and guests are told
    std::map<RaplDomain, GivenPower> base_power_w;  // given instead of learned
    std::string source;
    std::string backend;
    bool power_based = false;
    std::string cpu_table;  // as in FlushReport
    RunTimeMethod run_time_method = RunTimeMethod::kBpf;
    int64_t period_ns = kNanosPerMilli;             // of the samples, as intended
    std::function<uint64_t()> recursion_misses;     // RunTimeMeter::RecursionMisses(), asked once a flush; may be null
    bool trace_vms = false;                         // VmReport::power_w
    int64_t frozen_after_ns = 3 * kNanosPerSecond;  // a counter that has not moved for so long has stopped
    std::vector<std::vector<UpdateSummary>> updates;  // of MeasureAtStart(), one per sampler; or none
    GuestPolicy guest_policy{.period_ns = 1};  // of VMs for which the discovery has none: a line with every flush
    SampleObserver* observer = nullptr;        // of all that the books are made from; must outlive the loop
    // Of a replay, which is not now: what CLOCK_REALTIME was at an instant of CLOCK_MONOTONIC, and whether a VM that
    // stopped may be forgotten yet. Null: as the clocks say, and at once.
    std::function<int64_t(int64_t t_ns)> unix_ns_at;
    std::function<bool(const VmRun&, int64_t t_ns)> may_retire;  // t_ns: as FlushReport
    // Flushes end at the first samples at or after these instants (CLOCK_MONOTONIC, ascending) and at the end of the
    // run, not every flush_ns. Null: they do not.
    std::optional<std::vector<int64_t>> flush_ends_ns;
    bool flush_per_phase = false;         // flushes end at marks too
    HaltPolling* halt_polling = nullptr;  // null: VmReport::halt_poll_ns stays absent; must outlive the loop
  };
  // May complete the report before it passes it on.
  using OnReport = std::function<void(FlushReport&)>;

  // Everything must outlive the loop. `ports` may be null: nothing is delivered. Feeds that are
  // loops have been started.
  FlushLoop(std::vector<PackageFeed*> feeds, RowTable& rows, PortSet* ports, const Clock& clock, Options options,
            OnReport on_report);

  // The VMs and their ports as of now: from the next sample on.
  struct Discovery {
    std::vector<Vm> vms;
    std::vector<VmPorts> ports;
    std::vector<GuestPolicy> policies;  // of each of `vms`; or none
    std::vector<std::string> problems;
    bool unchanged = false;  // only problems are new
  };
  void UpdateVms(const Discovery& discovery);

  // Ends a flush at the first sample at or after t_ns (of the feeds' clock), of each package; the grid of flushes stays
  // where it was. One that has passed ends the flush at the next sample. Instants may be named in any order.
  void EndFlushAt(int64_t t_ns);

  // A phase of what runs begins: mark.t_ns by the feeds' clock. It is in the report of the flush that it falls into.
  void AddMark(Mark mark);

  // Takes what the feeds hold; reports each flush that is complete. Call every 50 ms or so.
  void Drain();

  // The end: what is left in the feeds, and a last, short flush.
  void Finish();

  int64_t start_ns() const { return start_ns_; }

 private:
  // Of a VM since it is known.
  struct Account {
    int64_t start_ns = 0;
    int64_t energy_uj = 0;
    std::unique_ptr<GuestAccount> guest;
    std::optional<GuestPolicy> next_policy;  // from the next flush on
    std::optional<int64_t> polled_ns;        // KVM's total as of the last flush, or the VM's first
  };

  void OpenAccounts(const Discovery& discovery);
  std::unique_ptr<GuestAccount> NewGuestAccount(const GuestPolicy& policy, int64_t start_ns) const;
  int64_t NextEndNs() const { return ends_.empty() ? flush_end_ns_ : std::min(flush_end_ns_, *ends_.begin()); }
  void ChargePlatform();
  void Report(bool last);
  void TellGuests(FlushReport& report);
  // Those of the first model, by the VM's number.
  std::map<int, IdleShares::Part> ShareIdle(FlushReport& report);
  uint32_t LineState(const FlushReport& report) const;
  std::optional<int64_t> TakeHaltPolling(Account& account, pid_t pid) const;
  bool HasGap(const FlushReport& report) const;
  std::vector<float> TakeTrace(int vm);
  std::vector<Mark> TakeMarks(bool last);
  void ReportPortErrors(FlushReport& report);
  void LookAtPorts();
  std::vector<VmRun> RetireStopped(int64_t t_ns);
  void PlanNextFlush();
  void ReportLostSwitches(FlushReport& report);

  RowTable& rows_;
  PortSet* const ports_;
  const Clock& clock_;
  const Options options_;
  const OnReport on_report_;
  std::vector<PackageLedger> packages_;
  int64_t start_ns_ = 0;
  int64_t flush_end_ns_ = 0;
  bool ended_ = false;       // the last flush has been reported
  std::set<int64_t> ends_;   // of flushes beside the grid's
  std::vector<Mark> marks_;  // not yet reported, ascending
  uint64_t seq_ = 0;
  std::map<int, Account> accounts_;                 // by the VM's index in the row table
  std::vector<IdleShares> idle_shares_;             // by model; guests are told the first
  std::map<std::string, std::string> port_errors_;  // by path: what was last told of it
  GivenBaseWatch given_base_;
  int64_t look_at_ports_ns_ = INT64_MAX;
  int64_t look_again_ns_ = INT64_MAX;
  std::vector<std::string> problems_;
  uint64_t recursion_misses_ = 0;  // as reported last
  bool told_recursion_ = false;
  bool told_no_updates_ = false;
  bool told_lost_records_ = false;
};

}  // namespace vrapl
