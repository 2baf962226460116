#include "sampler/flush_loop.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vrapl {
namespace {

template <typename T>
T& At(std::vector<T>& values, int index) {
  const auto i = static_cast<size_t>(index);
  if (values.size() <= i) values.resize(i + 1);
  return values[i];
}

// More unreported CPU time than this in a flush, and the guest's line says that something is missing.
constexpr double kUnreportedIsAGap = 0.01;

}  // namespace

FlushLoop::FlushLoop(std::vector<SamplingLoop*> samplers, RowTable& rows, PortSet* ports, const Clock& clock,
                     Options options, OnReport on_report)
    : rows_(rows), ports_(ports), clock_(clock), options_(std::move(options)), on_report_(std::move(on_report)) {
  for (SamplingLoop* loop : samplers) {
    Package package{.loop = loop, .flush_start_ns = loop->start_ns(), .last_t_ns = loop->start_ns()};
    const PackageInfo& info = loop->package();
    for (size_t i = 0; i < info.domains.size(); ++i) {
      // One core's energy belongs to who ran on that core, which a package's run time does not tell.
      if (info.domains[i].id.domain == RaplDomain::kCore) continue;
      Domain domain{.index = i, .info = info.domains[i], .last_ticks = loop->start_ticks()[i]};
      for (const Model model : options_.models) {
        Ledger& ledger = domain.ledgers.emplace_back(model);
        const auto given = options_.base_power_w.find(domain.info.id.domain);
        if (given != options_.base_power_w.end()) ledger.GiveBase(given->second / domain.info.unit.joules_per_tick);
      }
      domain.settled.resize(options_.models.size());
      domain.settled_uj.resize(options_.models.size());
      domain.active_uj.resize(options_.models.size());
      package.domains.push_back(std::move(domain));
    }
    packages_.push_back(std::move(package));
  }
  start_ns_ = packages_.empty() ? clock_.NowNs() : packages_.front().flush_start_ns;
  flush_end_ns_ = start_ns_ + options_.flush_ns;
}

void FlushLoop::UpdateVms(const Discovery& discovery) {
  problems_.insert(problems_.end(), discovery.problems.begin(), discovery.problems.end());
  if (discovery.unchanged) return;
  rows_.UpdateVms(discovery.vms);
  for (int vm = 0; vm < rows_.vm_count(); ++vm) {
    if (!rows_.vm(vm).used || accounts_.count(vm) > 0) continue;
    const int64_t from_ns = packages_.empty() ? start_ns_ : packages_.front().last_t_ns;
    accounts_.emplace(vm, Account(RandomEpoch(), from_ns, options_.quantum_uj));
  }
  if (ports_ != nullptr) ports_->Update(discovery.ports);
}

void FlushLoop::Drain() {
  for (;;) {
    bool any = false;
    bool all_settled = true;
    for (Package& package : packages_) {
      while (!package.settled && package.loop->ring().Pop([&](const Sample& sample) { Process(package, sample); })) {
        any = true;
        if (package.last_t_ns >= flush_end_ns_) SettlePackage(package);
      }
      all_settled = all_settled && package.settled;
    }
    if (all_settled && !packages_.empty()) {
      Report(/*last=*/packages_.front().last_t_ns - start_ns_ >= options_.duration_ns);
    } else if (!any) {
      return;
    }
  }
}

void FlushLoop::Finish() {
  Drain();
  const bool anything = std::any_of(packages_.begin(), packages_.end(), [this](const Package& package) {
    return package.settled ||
           (package.last_t_ns > package.flush_start_ns && package.flush_start_ns - start_ns_ < options_.duration_ns);
  });
  if (!anything) return;
  for (Package& package : packages_) {
    if (!package.settled) SettlePackage(package);
  }
  Report(/*last=*/true);
}

void FlushLoop::Process(Package& package, const Sample& sample) {
  // Threads to rows. Several threads may share one.
  package.sample_rows.clear();
  for (const ThreadRun& thread : sample.threads) {
    const int id = rows_.RowOf(thread);
    int64_t& ns = At(package.sample_ns, id);
    if (ns == 0) package.sample_rows.push_back({.row = id});
    ns += thread.run_ns;
  }
  for (RowTime& entry : package.sample_rows) {
    entry.run_ns = std::exchange(package.sample_ns[static_cast<size_t>(entry.row)], 0);
  }
  const CpuTime& time = sample.header.time;
  if (time.unreported_ns > 0) package.sample_rows.push_back({.row = kUnreportedRow, .run_ns = time.unreported_ns});

  for (const RowTime& entry : package.sample_rows) At(package.run_ns, entry.row) += entry.run_ns;
  At(package.run_ns, kIdleRow) += time.idle_ns;
  At(package.run_ns, kStolenRow) += time.stolen_ns;

  const TimeWindow window{.dt_ns = sample.header.dt_ns,
                          .cpus = static_cast<int>(package.loop->package().cpus.size()),
                          .rows = package.sample_rows};
  for (Domain& domain : package.domains) {
    uint64_t moved = 0;
    domain.unread = sample.errors[domain.index] != 0;
    if (!domain.unread) {
      const uint64_t ticks = sample.ticks[domain.index];
      moved = ticks - std::exchange(domain.last_ticks, ticks);
    } else {
      ++domain.errors;  // its energy comes with the next good read, and so does this time
    }
    for (Ledger& ledger : domain.ledgers) ledger.Add(window, moved);
    if (options_.trace_vms && domain.info.id.domain == RaplDomain::kPackage && sample.header.dt_ns > 0) {
      std::map<int, double> by_vm;
      for (int row = kFirstVmRow; row < rows_.row_count(); ++row) {
        if (rows_.row(row).used) by_vm[rows_.row(row).vm] += domain.ledgers.front().TakeRecent(row);
      }
      for (const auto& [vm, ticks] : by_vm) {
        package.traces[vm].push_back(static_cast<float>(ticks * domain.info.unit.joules_per_tick * 1e9 /
                                                        static_cast<double>(sample.header.dt_ns)));
      }
    }
  }
  package.last_t_ns = sample.header.t_ns;
  package.skew_max_ns = std::max(package.skew_max_ns, sample.header.skew_ns);
}

void FlushLoop::SettlePackage(Package& package) {
  for (Domain& domain : package.domains) {
    domain.settlements.clear();
    for (Ledger& ledger : domain.ledgers) domain.settlements.push_back(ledger.Settle());
  }
  package.settled_run_ns = std::exchange(package.run_ns, {});
  package.settled_dt_ns = package.last_t_ns - package.flush_start_ns;
  package.flush_start_ns = package.last_t_ns;
  package.settled = true;
}

void FlushLoop::ReportModel(size_t model, ModelReport& out) {
  out.model = options_.models[model];
  for (Package& package : packages_) {
    const PackageInfo& info = package.loop->package();
    for (Domain& domain : package.domains) {
      const Settlement& settlement = domain.settlements[model];
      const double unit_uj = domain.info.unit.joules_per_tick * 1e6;
      // The counter's own microjoules: the same for every model, so counted once.
      if (model == 0) domain.counter_total += settlement.counter_ticks;
      const int64_t total_uj = RoundedMicrojoules({domain.counter_total}, domain.info.unit);
      const int64_t before_uj = RoundedMicrojoules({domain.counter_total - settlement.counter_ticks}, domain.info.unit);
      CounterReport counter{.package_id = info.package_id,
                            .die_id = info.die_id,
                            .domain = domain.info.id,
                            .dt_ns = package.settled_dt_ns,
                            .energy_ticks = settlement.counter_ticks,
                            .unit_uj = unit_uj,
                            .energy_uj = total_uj - before_uj,
                            .model = settlement.model,
                            .base_given = settlement.base.given,
                            .read_errors = domain.errors};
      if (settlement.base.known) {
        counter.base_w = settlement.base.ticks_per_second * domain.info.unit.joules_per_tick;
        counter.base_err_w = settlement.base.error_ticks_per_second * domain.info.unit.joules_per_tick;
      }
      out.counters.push_back(std::move(counter));

      for (int id = 0; id < rows_.row_count(); ++id) {
        const RowInfo& row = rows_.row(id);
        if (!row.used) continue;
        const auto index = static_cast<size_t>(id);
        const uint64_t ticks = index < settlement.rows.size() ? settlement.rows[index].ticks : 0;
        uint64_t& settled = At(domain.settled[model], id);
        int64_t& settled_uj = At(domain.settled_uj[model], id);
        settled += ticks;
        const int64_t now_uj = RoundedMicrojoules({settled}, domain.info.unit);
        RowReport report{.kind = row.kind,
                         .part = row.part,
                         .package_id = info.package_id,
                         .die_id = info.die_id,
                         .domain = domain.info.id,
                         .energy_ticks = ticks,
                         .energy_uj = now_uj - std::exchange(settled_uj, now_uj),
                         .run_time_ns = index < package.settled_run_ns.size() ? package.settled_run_ns[index] : 0};
        if (row.kind == RowKind::kVm) report.vm = rows_.vm(row.vm).run;
        int64_t& active_uj = At(domain.active_uj[model], id);
        const long double active_total = index < settlement.rows.size() ? settlement.rows[index].active_total : 0;
        const int64_t active_now_uj = std::llround(active_total * static_cast<long double>(unit_uj));
        const int64_t active_delta = active_now_uj - std::exchange(active_uj, active_now_uj);
        if (settlement.active_known) report.active_uj = active_delta;
        out.rows.push_back(std::move(report));
      }
    }
  }
}

void FlushLoop::Report(bool last) {
  FlushReport report{.seq = ++seq_, .source = options_.source, .backend = options_.backend, .last = last};
  report.t_ns = packages_.front().last_t_ns - start_ns_;
  report.dt_ns = packages_.front().settled_dt_ns;
  report.unix_ns = RealtimeNs() - (clock_.NowNs() - packages_.front().last_t_ns);
  report.problems = std::exchange(problems_, {});
  report.models.resize(options_.models.size());
  for (size_t model = 0; model < options_.models.size(); ++model) ReportModel(model, report.models[model]);
  for (Package& package : packages_) {
    const SamplingLoop& loop = *package.loop;
    report.samplers.push_back({.package_id = loop.package().package_id,
                               .die_id = loop.package().die_id,
                               .cpu = loop.reader_cpu(),
                               .lateness = loop.lateness(),
                               .dropped = loop.dropped(),
                               .read_errors = loop.read_errors(),
                               .gaps = loop.gaps(),
                               .lost_records = loop.lost_records(),
                               .skew_max_ns = std::exchange(package.skew_max_ns, 0)});
  }
  TellGuests(report);
  for (Package& package : packages_) {
    for (Domain& domain : package.domains) domain.errors = 0;
    package.dropped = package.loop->dropped();
    package.lost_records = package.loop->lost_records();
    package.traces.clear();
    package.settled = false;
  }
  // The grid of flushes stays where it was, whatever one flush was held up by.
  while (flush_end_ns_ <= packages_.front().last_t_ns) flush_end_ns_ += options_.flush_ns;
  RetireStopped();
  on_report_(report);
}

uint32_t FlushLoop::LineState(const FlushReport& report) const {
  for (const CounterReport& counter : report.models.front().counters) {
    if (CountsInTotal(counter.domain.domain) && counter.read_errors > 0) return kLineGap;
  }
  int64_t unreported_ns = 0;
  int64_t all_ns = 0;
  for (const Package& package : packages_) {
    if (package.loop->dropped() != package.dropped) return kLineGap;
    if (package.loop->lost_records() != package.lost_records) return kLineGap;
    const auto& run_ns = package.settled_run_ns;
    unreported_ns += run_ns.size() > kUnreportedRow ? run_ns[kUnreportedRow] : 0;
    all_ns += package.settled_dt_ns * static_cast<int64_t>(package.loop->package().cpus.size());
  }
  const bool gap = static_cast<double>(unreported_ns) > kUnreportedIsAGap * static_cast<double>(all_ns);
  return gap ? kLineGap : kLineOk;
}

std::vector<float> FlushLoop::TakeTrace(int vm) {
  // Packages are sampled each by its own thread: points of equal rank are of the same millisecond, within one.
  std::vector<float> sum;
  for (Package& package : packages_) {
    const std::vector<float> part = std::move(package.traces[vm]);
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

void FlushLoop::TellGuests(FlushReport& report) {
  const ModelReport& told = report.models.front();
  const uint32_t state = LineState(report);
  // One word for the line: the weaker model where domains differ.
  Model model = told.model;
  for (const CounterReport& counter : told.counters) {
    if (CountsInTotal(counter.domain.domain) && counter.model == Model::kCapacity) model = Model::kCapacity;
  }
  bool energy_known = true;
  for (const Package& package : packages_) {
    for (const Domain& domain : package.domains) {
      if (CountsInTotal(domain.info.id.domain) && domain.unread) energy_known = false;
    }
  }
  for (auto& [vm, account] : accounts_) {
    const RowTable::VmEntry& entry = rows_.vm(vm);
    VmReport out{.vm = entry.run, .running = entry.running, .vcpus = entry.vcpus, .epoch = account.maker.epoch()};
    int64_t active_uj = 0;
    bool active_known = true;
    for (const RowReport& row : told.rows) {
      if (row.kind != RowKind::kVm || !(row.vm == entry.run)) continue;
      if (row.domain.domain == RaplDomain::kPackage) out.run_time_ns += row.run_time_ns;
      if (!CountsInTotal(row.domain.domain)) continue;
      out.energy_uj += row.energy_uj;
      active_uj += row.active_uj.value_or(0);
      active_known = active_known && row.active_uj.has_value();
    }
    if (active_known) out.active_uj = active_uj;
    account.energy_uj += out.energy_uj;
    account.active_uj += active_known ? active_uj : 0;
    account.run_time_ns += out.run_time_ns;
    out.total_energy_uj = account.energy_uj;

    GuestReading reading{.end_ns = packages_.front().last_t_ns,
                         .unix_ns = report.unix_ns,
                         .run_time_ns = account.run_time_ns,
                         .vcpus = entry.vcpus,
                         .model = std::string(ModelName(model)),
                         .source = report.source,
                         .state = state};
    // What could not be read is not told as a zero: the keys are left out until it has been.
    if (energy_known) reading.energy_uj = account.energy_uj;
    if (energy_known && active_known) reading.active_uj = account.active_uj;
    if (absl::StatusOr<GuestLine> line = account.maker.Next(reading); line.ok()) {
      const std::string text = FormatGuestLine(*line);
      if (ports_ != nullptr && entry.running) {
        const DeliveryCount count = ports_->Deliver({entry.run.uuid, entry.run.pid, entry.run.start_time}, text);
        out.lines_sent = count.sent;
        out.lines_skipped_unread = count.skipped_unread;
        out.ports_not_connected = count.not_connected;
        out.port_errors = count.errors;
      }
      out.guest_line = text.substr(0, text.size() - 1);
    }
    out.power_w = TakeTrace(vm);
    report.vms.push_back(std::move(out));
  }
  if (ports_ != nullptr) ReportPortErrors(report);
}

void FlushLoop::RetireStopped() {
  for (auto account = accounts_.begin(); account != accounts_.end();) {
    const int vm = account->first;
    if (rows_.vm(vm).running) {
      ++account;
      continue;
    }
    for (const int id : rows_.Retire(vm)) {
      for (Package& package : packages_) {
        for (Domain& domain : package.domains) {
          for (size_t model = 0; model < domain.ledgers.size(); ++model) {
            domain.ledgers[model].Retire(id, kOtherRow);
            At(domain.settled[model], id) = 0;
            At(domain.settled_uj[model], id) = 0;
            At(domain.active_uj[model], id) = 0;
          }
        }
      }
    }
    account = accounts_.erase(account);
  }
}

}  // namespace vrapl
