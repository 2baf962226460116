#include "sampler/flush_loop.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sampler/joined_error.h"

namespace vrapl {
namespace {

// More unreported CPU time than this in a flush, and the guest's line says that something is missing.
constexpr double kUnreportedIsAGap = 0.01;

// From a line to the look whether it was taken: longer than a guest needs that reads, shorter than a flush.
constexpr int64_t kLookAfterNs = 100 * kNanosPerMilli;
// From the last look at those that had not taken theirs to the next line: longer than from one Drain() to the next.
constexpr int64_t kLookBeforeNs = 75 * kNanosPerMilli;

// One VM in one flush, of the domains that count in a total, or of packages alone.
struct VmEnergy {
  int64_t energy_uj = 0;
  std::optional<int64_t> active_uj = 0;  // nullopt: not known
  std::optional<int64_t> err_uj;
  int64_t idle_uj = 0;  // beside energy_uj, its part of the idle rows
  int64_t run_time_ns = 0;
};

VmEnergy EnergyOf(const VmRun& vm, const ModelReport& model, bool package_only) {
  const auto counts = [package_only](const DomainId& id) {
    return package_only ? id.domain == RaplDomain::kPackage : CountsInTotal(id.domain);
  };
  VmEnergy sum;
  bool any = false;
  for (const VmCounterReport& of_counter : model.vm_counters) {
    if (!counts(of_counter.domain) || !(of_counter.vm == vm)) continue;
    if (!std::exchange(any, true)) sum.err_uj = 0;
    AddError(sum.err_uj, of_counter.err_uj);
    sum.idle_uj += of_counter.idle_uj.value_or(0);
  }
  for (const RowReport& row : model.rows) {
    if (row.kind != RowKind::kVm || !(row.vm == vm)) continue;
    if (row.domain.domain == RaplDomain::kPackage) sum.run_time_ns += row.run_time_ns;
    if (!counts(row.domain)) continue;
    sum.energy_uj += row.energy_uj;
    if (!row.active_uj) sum.active_uj.reset();
    if (sum.active_uj) *sum.active_uj += *row.active_uj;
  }
  return sum;
}

}  // namespace

FlushLoop::FlushLoop(std::vector<PackageFeed*> feeds, RowTable& rows, PortSet* ports, const Clock& clock,
                     Options options, OnReport on_report)
    : rows_(rows),
      ports_(ports),
      clock_(clock),
      options_(std::move(options)),
      on_report_(std::move(on_report)),
      idle_shares_(options_.models.size(), IdleShares(options_.idle)) {
  PackageLedger::Options package{.models = options_.models,
                                 .base_power_w = options_.base_power_w,
                                 .frozen_after_ns = options_.frozen_after_ns,
                                 .period_ns = options_.period_ns,
                                 .trace_vms = options_.trace_vms,
                                 .platform_is_shared = feeds.size() > 1,
                                 .observer = options_.observer};
  for (size_t i = 0; i < feeds.size(); ++i) {
    package.updates = i < options_.updates.size() ? options_.updates[i] : std::vector<UpdateSummary>{};
    package.number = static_cast<int>(i);
    packages_.emplace_back(*feeds[i], rows_, package);
  }
  start_ns_ = packages_.empty() ? clock_.NowNs() : packages_.front().flush_start_ns();
  flush_end_ns_ = start_ns_;
  PlanNextFlush();
}

// The grid of flushes stays where it was, whatever one flush was held up by.
void FlushLoop::PlanNextFlush() {
  const int64_t last_ns = packages_.empty() ? start_ns_ : packages_.front().last_t_ns();
  if (options_.flush_ends_ns) {
    const auto next = std::upper_bound(options_.flush_ends_ns->begin(), options_.flush_ends_ns->end(), last_ns);
    flush_end_ns_ = next == options_.flush_ends_ns->end() ? INT64_MAX : *next;
    return;
  }
  if (flush_end_ns_ <= last_ns)
    flush_end_ns_ += ((last_ns - flush_end_ns_) / options_.flush_ns + 1) * options_.flush_ns;
}

void FlushLoop::UpdateVms(const Discovery& discovery) {
  problems_.insert(problems_.end(), discovery.problems.begin(), discovery.problems.end());
  if (discovery.unchanged) return;
  if (options_.observer != nullptr) options_.observer->OnVms(discovery.vms);
  rows_.UpdateVms(discovery.vms);
  if (options_.halt_polling != nullptr) options_.halt_polling->Look();
  OpenAccounts(discovery);
  if (ports_ != nullptr) ports_->Update(discovery.ports);
}

void FlushLoop::OpenAccounts(const Discovery& discovery) {
  std::map<std::pair<pid_t, uint64_t>, const GuestPolicy*> policies;
  for (size_t i = 0; i < std::min(discovery.vms.size(), discovery.policies.size()); ++i) {
    policies[{discovery.vms[i].pid, discovery.vms[i].start_time}] = &discovery.policies[i];
  }
  const int64_t now_ns = packages_.empty() ? start_ns_ : packages_.front().last_t_ns();
  for (int vm = 0; vm < rows_.vm_count(); ++vm) {
    if (!rows_.vm(vm).used) continue;
    const VmRun& run = rows_.vm(vm).run;
    const auto found = policies.find({run.pid, run.start_time});
    const auto [place, is_new] = accounts_.try_emplace(vm);
    Account& account = place->second;
    if (is_new) {
      account.start_ns = now_ns;
      account.guest = NewGuestAccount(found != policies.end() ? *found->second : options_.guest_policy, now_ns);
      TakeHaltPolling(account, run.pid);
    } else if (found != policies.end()) {
      // From the next flush on; one that was taken back meanwhile, never.
      const bool differs = *found->second != account.guest->policy();
      account.next_policy = differs ? std::optional<GuestPolicy>(*found->second) : std::nullopt;
    }
  }
}

std::unique_ptr<GuestAccount> FlushLoop::NewGuestAccount(const GuestPolicy& policy, int64_t start_ns) const {
  return std::make_unique<GuestAccount>(policy, RandomEpoch(), RandomSeed(), start_ns, options_.flush_ns);
}

void FlushLoop::Drain() {
  while (!ended_) {
    bool any = false;
    bool all_settled = true;
    for (PackageLedger& package : packages_) {
      while (!package.settled() && package.TakeSample()) {
        any = true;
        if (package.last_t_ns() >= NextEndNs()) package.Settle();
      }
      all_settled = all_settled && package.settled();
    }
    if (all_settled && !packages_.empty()) {
      Report(/*last=*/packages_.front().last_t_ns() - start_ns_ >= options_.duration_ns);
    } else if (!any) {
      break;
    }
  }
  LookAtPorts();
}

// Between flushes, so that no guest's line waits for it.
void FlushLoop::LookAtPorts() {
  if (ports_ == nullptr) return;
  if (clock_.NowNs() >= look_at_ports_ns_) {
    look_at_ports_ns_ = INT64_MAX;
    ports_->Look();
  }
  if (clock_.NowNs() >= look_again_ns_) {
    look_again_ns_ = INT64_MAX;
    ports_->LookAgain();
  }
}

void FlushLoop::Finish() {
  Drain();
  if (ended_) return;
  const bool anything = std::any_of(packages_.begin(), packages_.end(), [this](const PackageLedger& package) {
    return package.settled() || (package.last_t_ns() > package.flush_start_ns() &&
                                 package.flush_start_ns() - start_ns_ < options_.duration_ns);
  });
  if (!anything) return;
  for (PackageLedger& package : packages_) {
    if (!package.settled()) package.Settle();
  }
  Report(/*last=*/true);
}

void FlushLoop::EndFlushAt(int64_t t_ns) {
  // Not before what has been taken already: so the instant alone says where the flush ends, in a replay too.
  for (const PackageLedger& package : packages_) t_ns = std::max(t_ns, package.last_t_ns() + 1);
  if (ends_.insert(t_ns).second && options_.observer != nullptr) options_.observer->OnFlushEnd(t_ns);
}

void FlushLoop::AddMark(Mark mark) {
  if (options_.flush_per_phase) EndFlushAt(mark.t_ns);
  const auto place = std::upper_bound(marks_.begin(), marks_.end(), mark.t_ns,
                                      [](int64_t t_ns, const Mark& other) { return t_ns < other.t_ns; });
  marks_.insert(place, std::move(mark));
}

// Those up to the end of the flush; the last flush has what came after it too.
std::vector<Mark> FlushLoop::TakeMarks(bool last) {
  std::vector<Mark> taken;
  const int64_t end_ns = packages_.front().last_t_ns();
  for (Mark& mark : marks_) {
    if (last || mark.t_ns <= end_ns) taken.push_back({.t_ns = mark.t_ns - start_ns_, .label = std::move(mark.label)});
  }
  marks_.erase(marks_.begin(), marks_.begin() + static_cast<std::ptrdiff_t>(taken.size()));
  return taken;
}

// The platform's energy goes by the run time on all packages.
void FlushLoop::ChargePlatform() {
  if (packages_.size() < 2) return;
  std::vector<int64_t> run_ns(static_cast<size_t>(rows_.row_count()));
  int64_t capacity_ns = 0;
  for (const PackageLedger& package : packages_) {
    const std::vector<int64_t>& of_package = package.settled_run_ns();
    if (run_ns.size() < of_package.size()) run_ns.resize(of_package.size());
    for (size_t i = 0; i < of_package.size(); ++i) run_ns[i] += of_package[i];
    capacity_ns += package.settled_capacity_ns();
  }
  std::vector<RowTime> busy;
  for (size_t i = 0; i < run_ns.size(); ++i) {
    const int row = static_cast<int>(i);
    if (row == kIdleRow || row == kStolenRow || run_ns[i] == 0) continue;
    busy.push_back({.row = row, .run_ns = run_ns[i], .group = rows_.group(row)});
  }
  for (PackageLedger& package : packages_) {
    // CPUs may have come and gone: as many as there were on average.
    const int64_t dt_ns = std::max<int64_t>(package.settled_dt_ns(), 1);
    const auto cpus = static_cast<int>((capacity_ns + dt_ns / 2) / dt_ns);
    package.ChargePlatform({.dt_ns = package.settled_dt_ns(), .cpus = cpus, .rows = busy}, run_ns);
  }
}

void FlushLoop::Report(bool last) {
  FlushReport report{.seq = ++seq_,
                     .source = options_.source,
                     .backend = options_.backend,
                     .power_based = options_.power_based,
                     .cpu_table = options_.cpu_table,
                     .run_time_method = options_.run_time_method,
                     .last = last};
  report.t_ns = packages_.front().last_t_ns() - start_ns_;
  report.dt_ns = packages_.front().settled_dt_ns();
  const int64_t end_ns = packages_.front().last_t_ns();
  report.unix_ns = options_.unix_ns_at ? options_.unix_ns_at(end_ns) : RealtimeNs() - (clock_.NowNs() - end_ns);
  report.problems = std::exchange(problems_, {});
  report.models.resize(options_.models.size());
  ChargePlatform();
  for (size_t model = 0; model < options_.models.size(); ++model) {
    report.models[model].model = options_.models[model];
    for (PackageLedger& package : packages_) package.ReportModel(model, report.models[model]);
  }
  for (std::string& line : given_base_.Look(report.models.front())) report.problems.push_back(std::move(line));
  for (PackageLedger& package : packages_) report.samplers.push_back(package.ReportSampler(start_ns_));
  if (const int64_t suspended_ns = packages_.front().settled_suspended_ns(); suspended_ns > 0) {
    report.problems.push_back(absl::StrCat("the machine was suspended for ", suspended_ns / kNanosPerMilli,
                                           " ms: the energy of that time is not known"));
  }
  for (const SamplerReport& sampler : report.samplers) {
    if (sampler.edges.by_clock == 0 || std::exchange(told_no_updates_, true)) continue;
    report.problems.push_back(absl::StrCat("package ", sampler.package_id,
                                           " is sampled by the clock at times: its counter showed no updates, or "
                                           "the thread woke too late for them"));
  }
  ReportLostSwitches(report);
  report.marks = TakeMarks(last);
  ended_ = last;
  TellGuests(report);
  for (PackageLedger& package : packages_) package.EndReport();
  PlanNextFlush();
  // Packages are sampled each at its own instants: an end is reached when the last of them is there.
  int64_t reached_ns = INT64_MAX;
  for (const PackageLedger& package : packages_) reached_ns = std::min(reached_ns, package.last_t_ns());
  ends_.erase(ends_.begin(), ends_.upper_bound(reached_ns));
  const std::vector<VmRun> retired = RetireStopped(report.t_ns);
  if (options_.observer != nullptr) options_.observer->OnReport(report, retired);
  on_report_(report);
}

// Said once; the counts are in every report from then on.
void FlushLoop::ReportLostSwitches(FlushReport& report) {
  if (options_.recursion_misses) report.recursion_misses = options_.recursion_misses();
  report.new_recursion_misses = report.recursion_misses - std::exchange(recursion_misses_, report.recursion_misses);
  uint64_t lost_records = 0;
  for (const SamplerReport& sampler : report.samplers) lost_records += sampler.lost_records;
  if (report.recursion_misses > 0 && !std::exchange(told_recursion_, true)) {
    report.problems.push_back(absl::StrCat("the kernel did not run the sched_switch program at ",
                                           report.recursion_misses,
                                           " switches: run time is not exact (see recursion_misses)"));
  }
  if (lost_records > 0 && !std::exchange(told_lost_records_, true)) {
    report.problems.push_back(absl::StrCat(lost_records,
                                           " switch records were overwritten before they were read: that time is in "
                                           "the row unreported (see lost_records)"));
  }
}

// What guests are told to mind about their lines of this flush.
uint32_t FlushLoop::LineState(const FlushReport& report) const {
  return (HasGap(report) ? kLineGap : kLineOk) | (IsExact(options_.run_time_method) ? kLineOk : kLineCoarse);
}

bool FlushLoop::HasGap(const FlushReport& report) const {
  if (report.new_recursion_misses > 0) return true;
  for (const CounterReport& counter : report.models.front().counters) {
    if (!CountsInTotal(counter.domain.domain)) continue;
    if (counter.read_errors > 0 || counter.unknown_ns > 0 || counter.frozen) return true;
  }
  int64_t unreported_ns = 0;
  int64_t all_ns = 0;
  for (const PackageLedger& package : packages_) {
    if (package.lost_samples()) return true;
    const auto& run_ns = package.settled_run_ns();
    unreported_ns += run_ns.size() > kUnreportedRow ? run_ns[kUnreportedRow] : 0;
    all_ns += package.settled_capacity_ns();
  }
  return static_cast<double>(unreported_ns) > kUnreportedIsAGap * static_cast<double>(all_ns);
}

// What KVM polled since the last call. Does not look again.
std::optional<int64_t> FlushLoop::TakeHaltPolling(Account& account, pid_t pid) const {
  if (options_.halt_polling == nullptr) return std::nullopt;
  const std::optional<int64_t> before_ns = std::exchange(account.polled_ns, options_.halt_polling->TotalNs(pid));
  // A total that fell is that of other VMs of the process.
  if (!before_ns || !account.polled_ns || *account.polled_ns < *before_ns) return std::nullopt;
  return *account.polled_ns - *before_ns;
}

std::vector<float> FlushLoop::TakeTrace(int vm) {
  // Packages are sampled each by its own thread: points of equal rank are of the same millisecond, within one.
  std::vector<float> sum;
  for (PackageLedger& package : packages_) {
    const std::vector<float> part = package.TakeTrace(vm);
    if (sum.size() < part.size()) sum.resize(part.size());
    for (size_t i = 0; i < part.size(); ++i) sum[i] += part[i];
  }
  return sum;
}

void FlushLoop::ReportPortErrors(FlushReport& report) {
  for (const PortSet::Port& port : ports_->ports()) {
    const std::string message(port.port->last_error().message());
    std::string& told = port_errors_[port.port->address().path];
    if (!message.empty() && message != told) report.problems.push_back(message);
    told = message;
  }
}

std::map<int, IdleShares::Part> FlushLoop::ShareIdle(FlushReport& report) {
  std::vector<IdleShares::Sharer> sharers;
  const int64_t end_ns = packages_.front().last_t_ns();
  for (const auto& [vm, account] : accounts_) {
    const RowTable::VmEntry& entry = rows_.vm(vm);
    sharers.push_back(
        {.vm = vm, .run = entry.run, .vcpus = entry.vcpus, .on_ns = std::min(report.dt_ns, end_ns - account.start_ns)});
  }
  std::map<int, IdleShares::Part> told = idle_shares_.front().Settle(report.models.front(), sharers);
  for (size_t i = 1; i < idle_shares_.size(); ++i) idle_shares_[i].Settle(report.models[i], sharers);
  return told;
}

void FlushLoop::TellGuests(FlushReport& report) {
  const ModelReport& told = report.models.front();
  const uint32_t state = LineState(report);
  // One word for the line: the weaker model where domains differ.
  Model model = told.model;
  for (const CounterReport& counter : told.counters) {
    if (CountsInTotal(counter.domain.domain)) model = Weaker(model, counter.model);
  }
  const bool energy_known = std::none_of(packages_.begin(), packages_.end(),
                                         [](const PackageLedger& package) { return package.total_unread(); });
  if (options_.halt_polling != nullptr) options_.halt_polling->Look();
  const std::map<int, IdleShares::Part> idle = ShareIdle(report);
  for (auto& [vm, account] : accounts_) {
    const RowTable::VmEntry& entry = rows_.vm(vm);
    VmReport out{.vm = entry.run, .running = entry.running, .vcpus = entry.vcpus, .epoch = account.guest->epoch()};
    const VmEnergy all = EnergyOf(entry.run, told, /*package_only=*/false);
    out.energy_uj = all.energy_uj;
    out.active_uj = all.active_uj;
    out.err_uj = all.err_uj;
    out.run_time_ns = all.run_time_ns;
    if (options_.idle != IdlePolicy::kOwn) out.idle_uj = idle.at(vm).energy_uj;
    account.energy_uj += out.energy_uj + out.idle_uj.value_or(0);
    out.total_energy_uj = account.energy_uj;

    const bool package_only = account.guest->policy().package_only;
    const VmEnergy of_guest = package_only ? EnergyOf(entry.run, told, true) : all;
    GuestFlush flush{.end_ns = packages_.front().last_t_ns(),
                     .unix_ns = report.unix_ns,
                     .energy_known = energy_known,
                     .energy_uj = of_guest.energy_uj,
                     .active_uj = of_guest.active_uj,
                     .err_uj = of_guest.err_uj,
                     .run_time_ns = all.run_time_ns,
                     .vcpus = entry.vcpus,
                     .model = model,
                     .source = report.source,
                     .run_time_method = std::string(RunTimeMethodName(report.run_time_method)),
                     .state = state};
    if (options_.idle != IdlePolicy::kOwn) {
      flush.energy_uj += package_only ? of_guest.idle_uj : *out.idle_uj;
      // Of all domains: for packages alone it is wider than need be.
      AddError(flush.err_uj, idle.at(vm).err_uj);
    }
    if (const std::optional<std::string> text = account.guest->Add(flush, report.last || account.next_policy)) {
      if (ports_ != nullptr && entry.running) {
        const DeliveryCount count = ports_->Deliver({entry.run.uuid, entry.run.pid, entry.run.start_time}, *text);
        out.lines_sent = count.sent;
        out.lines_skipped_unread = count.skipped_unread;
        out.ports_not_connected = count.not_connected;
        out.port_errors = count.errors;
      }
      out.guest_line = text->substr(0, text->size() - 1);
    }
    // Figures by two policies are not to be subtracted from each other: another epoch, from the end of a flush.
    if (account.next_policy) account.guest = NewGuestAccount(*account.next_policy, flush.end_ns);
    account.next_policy.reset();
    out.halt_poll_ns = TakeHaltPolling(account, entry.run.pid);
    out.power_w = TakeTrace(vm);
    report.vms.push_back(std::move(out));
  }
  if (ports_ == nullptr) return;
  look_at_ports_ns_ = clock_.NowNs() + kLookAfterNs;
  look_again_ns_ = clock_.NowNs() + options_.flush_ns - kLookBeforeNs;
  ReportPortErrors(report);
}

std::vector<VmRun> FlushLoop::RetireStopped(int64_t t_ns) {
  std::vector<VmRun> retired;
  for (auto account = accounts_.begin(); account != accounts_.end();) {
    const int vm = account->first;
    if (rows_.vm(vm).running || (options_.may_retire && !options_.may_retire(rows_.vm(vm).run, t_ns))) {
      ++account;
      continue;
    }
    retired.push_back(rows_.vm(vm).run);
    for (const int id : rows_.Retire(vm)) {
      for (PackageLedger& package : packages_) package.Retire(id, kOtherRow);
    }
    for (IdleShares& shares : idle_shares_) shares.Retire(vm);
    account = accounts_.erase(account);
  }
  return retired;
}

}  // namespace vrapl
