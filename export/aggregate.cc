#include "export/aggregate.h"

#include <map>
#include <tuple>

namespace vrapl {
namespace {

constexpr By kAllBy[] = {By::kPart, By::kThread, By::kVm, By::kPackage, By::kDomain};

using CounterKey = std::tuple<int, int, DomainId>;

CounterKey KeyOf(const CounterReport& counter) { return {counter.package_id, counter.die_id, counter.domain}; }
CounterKey KeyOf(const VmCounterReport& vm) { return {vm.package_id, vm.die_id, vm.domain}; }
CounterKey KeyOf(const RowReport& row) { return {row.package_id, row.die_id, row.domain}; }

bool SomebodyRan(RowKind kind) { return kind != RowKind::kIdle && kind != RowKind::kStolen; }

// Absent as soon as one of those that are summed is.
void AddTo(std::optional<int64_t>& sum, const std::optional<int64_t>& more, bool first) {
  if (first) {
    sum = more;
  } else if (sum && more) {
    *sum += *more;
  } else {
    sum.reset();
  }
}

// Rows that are no threads have no solo time; that takes nothing from the rows of threads.
void AddPresent(std::optional<int64_t>& sum, const std::optional<int64_t>& more) {
  if (more) sum = sum.value_or(0) + *more;
}

class OneReport {
 public:
  OneReport(const FlushReport& report, By by, Aggregate& out) : report_(report), by_(by), out_(out) {}

  void Add(const ModelReport& model) {
    counters_.clear();
    for (const CounterReport& counter : model.counters) counters_[KeyOf(counter)] = &counter;
    if (by_ == By::kPackage || by_ == By::kDomain) {
      AddCounters(model);
    } else {
      AddRows(model);
    }
  }

 private:
  absl::string_view Name(std::string name) {
    for (const std::string& known : out_.names) {
      if (known == name) return known;
    }
    return out_.names.emplace_back(std::move(name));
  }

  ExportRow Common(const ModelReport& model, const DomainId& domain) {
    ExportRow row{.t_ns = report_.t_ns, .dt_ns = report_.dt_ns};
    row.domain = Name(DomainName(domain));
    row.model_asked = row.model = ModelName(model.model);
    row.run_time_method = RunTimeMethodName(report_.run_time_method);
    row.source = report_.source;
    row.cpu_table = report_.cpu_table;
    return row;
  }

  ExportRow OfCounter(const ModelReport& model, const RowReport& from) {
    ExportRow row = Common(model, from.domain);
    row.package = from.package_id;
    row.die = from.die_id;
    if (const auto counter = counters_.find(KeyOf(from)); counter != counters_.end()) {
      row.dt_ns = counter->second->dt_ns;
      row.read_errors = static_cast<int64_t>(counter->second->read_errors);
      row.model = ModelName(counter->second->model);
    }
    row.kind = RowKindName(from.kind);
    if (from.kind == RowKind::kVm) {
      row.vm_id = from.vm.uuid;
      row.vm_name = from.vm.name;
      row.vm_pid = from.vm.pid;
    }
    return row;
  }

  void AddRows(const ModelReport& model) {
    using RowKey = std::tuple<CounterKey, RowKind, absl::string_view, absl::string_view, pid_t, uint64_t,
                              absl::string_view, uint32_t, uint32_t, size_t>;
    std::map<RowKey, size_t> index;
    for (size_t i = 0; i < model.rows.size(); ++i) {
      const RowReport& from = model.rows[i];
      RowKey key{KeyOf(from), from.kind, from.vm.uuid, from.vm.name, from.vm.pid, from.vm.start_time, {}, 0, 0, 0};
      if (by_ != By::kVm) std::get<6>(key) = from.part;
      // Two threads may have had one number in a window: each row of a thread stays a row.
      if (by_ == By::kThread) std::get<9>(key) = i;
      const auto [at, is_new] = index.try_emplace(key, out_.rows.size());
      if (is_new) {
        out_.rows.push_back(OfCounter(model, from));
        if (by_ != By::kVm) out_.rows.back().part = from.part;
        if (by_ == By::kThread && from.thread) {
          out_.rows.back().tid = from.thread->tid;
          out_.rows.back().tgid = from.thread->tgid;
          out_.rows.back().comm = from.thread->comm;
        }
      }
      ExportRow& row = out_.rows[at->second];
      row.energy_ticks += static_cast<int64_t>(from.energy_ticks);
      row.energy_uj += from.energy_uj;
      if (by_ != By::kVm || from.kind != RowKind::kVm) AddTo(row.err_uj, from.err_uj, is_new);
      AddTo(row.active_uj, from.active_uj, is_new);
      row.run_time_ns += from.run_time_ns;
      AddPresent(row.solo_time_ns, from.solo_time_ns);
      AddPresent(row.shared_time_ns, from.shared_time_ns);
    }
    if (by_ == By::kVm) {
      for (const VmCounterReport& error : model.vm_counters) {
        const VmRun& vm = error.vm;
        const auto row = index.find({KeyOf(error), RowKind::kVm, vm.uuid, vm.name, vm.pid, vm.start_time, {}, 0, 0, 0});
        if (row == index.end()) continue;
        out_.rows[row->second].err_uj = error.err_uj;
        out_.rows[row->second].idle_uj = error.idle_uj;
      }
    }
    for (const CounterReport& counter : model.counters) AddUnclaimed(model, counter);
  }

  // What the model charged to no row, or (below 0) twice: sums of rows are the counter's with it.
  void AddUnclaimed(const ModelReport& model, const CounterReport& counter) {
    if (counter.unclaimed_ticks == 0) return;
    ExportRow row = Common(model, counter.domain);
    row.kind = "unclaimed";
    row.dt_ns = counter.dt_ns;
    row.package = counter.package_id;
    row.die = counter.die_id;
    row.model = ModelName(counter.model);
    row.energy_ticks = counter.unclaimed_ticks;
    row.energy_uj = counter.energy_uj;
    for (const RowReport& from : model.rows) {
      if (KeyOf(from) == KeyOf(counter)) row.energy_uj -= from.energy_uj;
    }
    out_.rows.push_back(row);
  }

  void AddCounters(const ModelReport& model) {
    struct HostRow {
      size_t at;
      bool any_row = false;
    };
    std::map<CounterKey, HostRow*> of_counter;
    std::map<std::tuple<DomainId, double>, HostRow> of_domain;
    std::deque<HostRow> of_package;
    for (const CounterReport& counter : model.counters) {
      if (!counter.attributed) continue;
      HostRow* host = nullptr;
      bool is_new = true;
      if (by_ == By::kPackage) {
        host = &of_package.emplace_back(HostRow{.at = out_.rows.size()});
      } else {
        // Ticks of different sizes cannot be added.
        const auto [at, added] =
            of_domain.try_emplace({counter.domain, counter.unit_uj}, HostRow{.at = out_.rows.size()});
        host = &at->second;
        is_new = added;
      }
      of_counter[KeyOf(counter)] = host;
      if (is_new) {
        ExportRow row = Common(model, counter.domain);
        row.kind = "host";
        row.model = ModelName(counter.model);
        if (by_ == By::kPackage) {
          row.dt_ns = counter.dt_ns;
          row.package = counter.package_id;
          row.die = counter.die_id;
        }
        out_.rows.push_back(row);
      }
      ExportRow& row = out_.rows[host->at];
      row.energy_ticks += static_cast<int64_t>(counter.energy_ticks);
      row.energy_uj += counter.energy_uj;
      AddTo(row.err_uj, counter.err_uj, is_new);
      row.read_errors += static_cast<int64_t>(counter.read_errors);
      if (row.model != ModelName(counter.model)) row.model = row.model_asked;
    }
    for (const RowReport& from : model.rows) {
      const auto found = of_counter.find(KeyOf(from));
      if (found == of_counter.end()) continue;
      ExportRow& row = out_.rows[found->second->at];
      AddTo(row.active_uj, from.active_uj, !std::exchange(found->second->any_row, true));
      if (SomebodyRan(from.kind)) row.run_time_ns += from.run_time_ns;
      AddPresent(row.solo_time_ns, from.solo_time_ns);
      AddPresent(row.shared_time_ns, from.shared_time_ns);
    }
  }

  const FlushReport& report_;
  const By by_;
  Aggregate& out_;
  std::map<CounterKey, const CounterReport*> counters_;
};

}  // namespace

absl::string_view ByName(By by) {
  switch (by) {
    case By::kPart:
      return "part";
    case By::kThread:
      return "thread";
    case By::kVm:
      return "vm";
    case By::kPackage:
      return "package";
    case By::kDomain:
      return "domain";
  }
  return "";
}

std::optional<By> ByOfName(absl::string_view name) {
  for (const By by : kAllBy) {
    if (ByName(by) == name) return by;
  }
  return std::nullopt;
}

std::vector<std::string> ByNames() {
  std::vector<std::string> names;
  for (const By by : kAllBy) names.emplace_back(ByName(by));
  return names;
}

Aggregate AggregateRows(const FlushReport& report, By by) {
  Aggregate out;
  OneReport one(report, by, out);
  for (const ModelReport& model : report.models) one.Add(model);
  return out;
}

}  // namespace vrapl
