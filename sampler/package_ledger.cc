#include "sampler/package_ledger.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sampler/measure_at_start.h"

namespace vrapl {
namespace {

// Whether threads run in rows of this kind; the others are what a CPU does without them.
bool IsOfThreads(RowKind kind) {
  return kind != RowKind::kIdle && kind != RowKind::kStolen && kind != RowKind::kUnreported &&
         kind != RowKind::kInterrupts;
}

// What charges the energy of one core: a package has as many ledgers as cores, and on one core little can be learned
// that the whole package does not tell better.
Model OnOneCore(Model model) {
  const bool simple = model != Model::kFit && model != Model::kCore && model != Model::kEnergat;
  return simple ? model : Model::kBaseShare;
}

template <typename T>
T& At(std::vector<T>& values, int index) {
  const auto i = static_cast<size_t>(index);
  if (values.size() <= i) values.resize(i + 1);
  return values[i];
}

}  // namespace

PackageLedger::PackageLedger(PackageFeed& feed, RowTable& rows, const Options& options)
    : feed_(feed),
      rows_(rows),
      trace_vms_(options.trace_vms),
      observer_(options.observer),
      number_(options.number),
      flush_start_ns_(feed.start_ns()),
      last_t_ns_(feed.start_ns()),
      stalls_(options.period_ns) {
  const PackageInfo& info = feed.package();
  std::vector<Model> on_one_core;
  std::transform(options.models.begin(), options.models.end(), std::back_inserter(on_one_core), OnOneCore);
  std::vector<double> nanojoules_per_tick;
  for (size_t i = 0; i < info.domains.size(); ++i) {
    const bool of_core = info.domains[i].id.domain == RaplDomain::kCore;
    if (of_core) nanojoules_per_tick.push_back(info.domains[i].unit.joules_per_tick * 1e9);
    if (info.domains[i].id.domain == RaplDomain::kPackage) package_index_ = i;
    if (StandsStill(info, i, options.updates)) continue;  // said at the start; a zero from it would be a lie
    DomainLedger::Options domain{.models = of_core ? on_one_core : options.models,
                                 .frozen_after_ns = options.frozen_after_ns};
    const auto given = options.base_power_w.find(info.domains[i].id.domain);
    if (given != options.base_power_w.end()) domain.base_power_w = given->second;
    if (i < options.updates.size()) domain.updates = options.updates[i];
    domains_.push_back({.index = i,
                        .shared = options.platform_is_shared && info.domains[i].id.domain == RaplDomain::kPsys,
                        .core = of_core ? static_cast<int>(nanojoules_per_tick.size()) - 1 : kAllCores,
                        .ledger = DomainLedger(info.domains[i], feed.start_ticks()[i], feed.start_ns(), domain),
                        .cpus = 1,
                        .run_ns = {},
                        .settled_run_ns = {}});
  }
  cores_.resize(nanojoules_per_tick.size());
  const bool wanted = std::find(options.models.begin(), options.models.end(), Model::kCore) != options.models.end();
  if (wanted && !nanojoules_per_tick.empty()) core_energy_.emplace(std::move(nanojoules_per_tick));
}

bool PackageLedger::TakeSample() {
  return feed_.Pop([this](const Sample& sample) { Process(sample); });
}

void PackageLedger::GatherRows(const Sample& sample) {
  // Threads to rows. Several threads may share one.
  sample_rows_.clear();
  thread_rows_.clear();
  for (std::vector<RowTime>& core : cores_) core.clear();
  for (const ThreadRun& thread : sample.threads) {
    const int id = rows_.RowOf(thread);
    thread_rows_.push_back(id);
    int& place = At(sample_place_, id);
    if (place == 0) {
      sample_rows_.push_back({.row = id, .group = rows_.group(id)});
      place = static_cast<int>(sample_rows_.size());
    }
    RowTime& entry = sample_rows_[static_cast<size_t>(place) - 1];
    entry.run_ns += thread.run_ns;
    entry.solo_ns += thread.solo_ns;
    entry.shared_ns += thread.shared_ns;
    if (thread.core >= 0 && static_cast<size_t>(thread.core) < cores_.size()) {
      cores_[static_cast<size_t>(thread.core)].push_back({.row = id,
                                                          .run_ns = thread.run_ns,
                                                          .solo_ns = thread.solo_ns,
                                                          .shared_ns = thread.shared_ns,
                                                          .group = rows_.group(id)});
    }
  }
  for (const RowTime& entry : sample_rows_) {
    sample_place_[static_cast<size_t>(entry.row)] = 0;
    OnCore& on_core = At(on_core_, entry.row);
    on_core.solo_ns += entry.solo_ns;
    on_core.shared_ns += entry.shared_ns;
  }
  const CpuTime& time = sample.header.time;
  if (time.irq_ns > 0) {
    sample_rows_.push_back({.row = kInterruptsRow, .run_ns = time.irq_ns});
    rows_.ShowInterrupts();
  }
  if (time.unreported_ns > 0) sample_rows_.push_back({.row = kUnreportedRow, .run_ns = time.unreported_ns});
  // Once for all ledgers: they need not look for each row's place then.
  std::sort(sample_rows_.begin(), sample_rows_.end(), [](const RowTime& a, const RowTime& b) { return a.row < b.row; });

  for (const RowTime& entry : sample_rows_) At(run_ns_, entry.row) += entry.run_ns;
  At(run_ns_, kIdleRow) += time.idle_ns;
  At(run_ns_, kStolenRow) += time.stolen_ns;
}

// Before the other counters: what the cores used tells the model core how to divide the package's energy.
void PackageLedger::ChargeCores(const Sample& sample) {
  by_core_ = by_core_ || !sample.cores.empty();
  const SampleHeader& header = sample.header;
  for (Domain& domain : domains_) {
    if (domain.core < 0) continue;
    const auto core = static_cast<size_t>(domain.core);
    std::vector<RowTime>& rows = cores_[core];
    if (core < sample.cores.size()) {
      const CpuTime& time = sample.cores[core];
      if (time.irq_ns > 0) rows.push_back({.row = kInterruptsRow, .run_ns = time.irq_ns});
      if (time.unreported_ns > 0) rows.push_back({.row = kUnreportedRow, .run_ns = time.unreported_ns});
      if (header.dt_ns > 0) domain.cpus = std::clamp<int64_t>(time.total_ns() / header.dt_ns, 0, header.cpus);
      At(domain.run_ns, kIdleRow) += time.idle_ns;
      At(domain.run_ns, kStolenRow) += time.stolen_ns;
    } else {
      rows.push_back({.row = kUnreportedRow, .run_ns = header.dt_ns * domain.cpus});
    }
    std::stable_sort(rows.begin(), rows.end(), [](const RowTime& a, const RowTime& b) { return a.row < b.row; });
    for (const RowTime& entry : rows) At(domain.run_ns, entry.row) += entry.run_ns;
    const TimeWindow window{.dt_ns = header.dt_ns, .cpus = static_cast<int>(domain.cpus), .rows = rows};
    const std::optional<uint64_t> moved =
        domain.ledger.Add(header, sample.ticks[domain.index], sample.errors[domain.index], window);
    // Where nobody knows who ran on it, its energy is nobody's to give.
    if (core_energy_) core_energy_->Add(core, rows, core < sample.cores.size() ? moved : std::nullopt);
  }
  if (!core_energy_) return;
  core_energy_->MoveTo(sample_rows_);
  std::sort(sample_rows_.begin(), sample_rows_.end(), [](const RowTime& a, const RowTime& b) { return a.row < b.row; });
}

void PackageLedger::Process(const Sample& sample) {
  GatherRows(sample);
  if (observer_ != nullptr) observer_->OnSample(number_, sample, thread_rows_);
  const SampleHeader& header = sample.header;
  cpus_ = static_cast<int>(header.cpus);
  if (!cores_.empty()) ChargeCores(sample);
  const TimeWindow window{.dt_ns = header.dt_ns, .cpus = cpus_, .rows = sample_rows_};
  for (Domain& domain : domains_) {
    const uint64_t ticks = sample.ticks[domain.index];
    const int error = sample.errors[domain.index];
    if (domain.core >= 0) continue;
    if (domain.shared) {
      domain.ledger.AddReading(header, ticks, error);
    } else {
      domain.ledger.Add(header, ticks, error, window);
    }
    if (trace_vms_ && domain.ledger.info().id.domain == RaplDomain::kPackage) Trace(domain.ledger, header.dt_ns);
  }
  last_t_ns_ = header.t_ns;
  capacity_ns_ += header.dt_ns * cpus_;
  suspended_ns_ += header.suspended_ns;
  skew_max_ns_ = std::max(skew_max_ns_, header.skew_ns);
  late_max_ns_ = std::max(late_max_ns_, header.late_ns);
  stalls_.Add(header);
  if (package_index_ < sample.ticks.size()) {
    const uint64_t ticks = sample.ticks[package_index_];
    edges_.Add(header, ticks != std::exchange(package_ticks_, ticks));
  }
}

void PackageLedger::Trace(DomainLedger& domain, int64_t dt_ns) {
  if (dt_ns <= 0) return;
  std::map<int, double> by_vm;
  for (int row = kFirstVmRow; row < rows_.row_count(); ++row) {
    if (rows_.row(row).used) by_vm[rows_.row(row).vm] += domain.TakeRecent(row);
  }
  for (const auto& [vm, ticks] : by_vm) {
    traces_[vm].push_back(
        static_cast<float>(ticks * domain.info().unit.joules_per_tick * 1e9 / static_cast<double>(dt_ns)));
  }
}

void PackageLedger::Settle() {
  for (Domain& domain : domains_) {
    if (!domain.shared) domain.ledger.Settle(last_t_ns_);
    domain.settled_run_ns = std::exchange(domain.run_ns, {});
  }
  settled_run_ns_ = std::exchange(run_ns_, {});
  settled_on_core_ = std::exchange(on_core_, {});
  settled_dt_ns_ = last_t_ns_ - flush_start_ns_;
  settled_capacity_ns_ = std::exchange(capacity_ns_, 0);
  settled_suspended_ns_ = std::exchange(suspended_ns_, 0);
  flush_start_ns_ = last_t_ns_;
  settled_ = true;
}

void PackageLedger::ChargePlatform(const TimeWindow& window, absl::Span<const int64_t> run_ns) {
  for (Domain& domain : domains_) {
    if (!domain.shared) continue;
    domain.ledger.ChargeFlush(window);
    domain.ledger.Settle(last_t_ns_);
  }
  platform_run_ns_.assign(run_ns.begin(), run_ns.end());
}

void PackageLedger::ReportModel(size_t model, ModelReport& out) {
  const PackageInfo& info = feed_.package();
  for (Domain& domain : domains_) {
    CounterReport counter = domain.ledger.ReportCounter(model, settled_dt_ns_);
    counter.package_id = info.package_id;
    counter.die_id = info.die_id;
    counter.attributed = domain.core < 0 || by_core_;
    const bool attributed = counter.attributed;
    out.counters.push_back(std::move(counter));
    if (attributed) ReportRows(model, domain, out);
  }
}

void PackageLedger::ReportRows(size_t model, Domain& domain, ModelReport& out) {
  const PackageInfo& info = feed_.package();
  const bool of_core = domain.core >= 0;
  const std::vector<int64_t>& of_package = domain.shared ? platform_run_ns_ : settled_run_ns_;
  const std::vector<int64_t>& run_ns = of_core ? domain.settled_run_ns : of_package;
  std::fill(vm_came_.begin(), vm_came_.end(), 0);
  for (int id = 0; id < rows_.row_count(); ++id) {
    const RowInfo& row = rows_.row(id);
    if (!row.used) continue;
    RowReport report = domain.ledger.ReportRow(model, id);
    const auto index = static_cast<size_t>(id);
    report.run_time_ns = index < run_ns.size() ? run_ns[index] : 0;
    // Most rows never come to most cores.
    if (of_core && report.run_time_ns == 0 && report.energy_ticks == 0 && report.energy_uj == 0) continue;
    if (row.kind == RowKind::kVm) At(vm_came_, row.vm) = 1;
    report.kind = row.kind;
    report.part = row.part;
    report.thread = row.thread;
    report.package_id = info.package_id;
    report.die_id = info.die_id;
    if (IsOfThreads(row.kind) && !domain.shared && !of_core) {
      const OnCore on_core = index < settled_on_core_.size() ? settled_on_core_[index] : OnCore{};
      report.solo_time_ns = on_core.solo_ns;
      report.shared_time_ns = on_core.shared_ns;
    }
    if (row.kind == RowKind::kVm) report.vm = rows_.vm(row.vm).run;
    out.rows.push_back(std::move(report));
  }
  for (int vm = 0; vm < rows_.vm_count(); ++vm) {
    const RowTable::VmEntry& entry = rows_.vm(vm);
    if (!entry.used || (of_core && At(vm_came_, vm) == 0)) continue;
    VmCounterReport error = domain.ledger.ReportGroup(model, vm, entry.rows);
    error.vm = entry.run;
    error.package_id = info.package_id;
    error.die_id = info.die_id;
    out.vm_counters.push_back(std::move(error));
  }
}

SamplerReport PackageLedger::ReportSampler(int64_t run_start_ns) {
  const SamplerCounts counts = feed_.counts();
  StallSummary stalls = stalls_.summary();
  if (stalls.stalls > 0) stalls.longest.t_ns -= run_start_ns;
  std::vector<Stall> new_stalls = stalls_.TakeNew();
  for (Stall& stall : new_stalls) stall.t_ns -= run_start_ns;
  return {.package_id = feed_.package().package_id,
          .die_id = feed_.package().die_id,
          .cpu = counts.cpu,
          .cpus = cpus_,
          .capacity_ns = settled_capacity_ns_,
          .suspended_ns = settled_suspended_ns_,
          .lateness = counts.lateness,
          .stalls = stalls,
          .new_stalls = std::move(new_stalls),
          .edges = edges_.counts(),
          .cpu_time_ns = counts.cpu_time_ns,
          .dropped = counts.dropped,
          .read_errors = counts.read_errors,
          .gaps = counts.gaps,
          .unreported_switches = counts.unreported_switches,
          .late_run_time_ns = counts.late_run_time_ns,
          .lost_records = counts.lost_records,
          .new_lost_records = counts.lost_records - told_lost_records_,
          .skew_max_ns = std::exchange(skew_max_ns_, 0),
          .late_max_ns = std::exchange(late_max_ns_, 0)};
}

bool PackageLedger::lost_samples() const {
  const SamplerCounts counts = feed_.counts();
  return counts.dropped != told_dropped_ || counts.lost_records != told_lost_records_;
}

void PackageLedger::EndReport() {
  const SamplerCounts counts = feed_.counts();
  told_dropped_ = counts.dropped;
  told_lost_records_ = counts.lost_records;
  traces_.clear();
  settled_ = false;
}

bool PackageLedger::total_unread() const {
  return std::any_of(domains_.begin(), domains_.end(), [](const Domain& domain) {
    return CountsInTotal(domain.ledger.info().id.domain) && domain.ledger.unread();
  });
}

void PackageLedger::Retire(int row, int heir) {
  for (Domain& domain : domains_) domain.ledger.Retire(row, heir);
  if (core_energy_) core_energy_->Retire(row, heir);
}

}  // namespace vrapl
