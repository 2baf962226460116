// A recording as a Perfetto trace: a group per VM with its power and the run time of each of its parts, counters of the
// packages, power of what is no VM, phases, marks and events. Counters have the mean of a window from its beginning on.
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "export/export_sink.h"
#include "export/perfetto_writer.h"
#include "export/vm_filter.h"
#include "sampler/run_phases.h"

namespace vrapl {
namespace {

using Json = nlohmann::json;

int64_t NumberAt(const Json& json, const char* pointer) {
  const Json::json_pointer at(pointer);
  return json.contains(at) && json.at(at).is_number_integer() ? json.at(at).get<int64_t>() : 0;
}

TraceClocks ClocksOf(const Json& anchor) {
  return {NumberAt(anchor, "/monotonic_ns"), NumberAt(anchor, "/boottime_ns"), NumberAt(anchor, "/unix_ns")};
}

// Events of the recording that are its book-keeping and nothing that happened.
bool IsBookkeeping(const std::string& type) { return type == "flush" || type == "clock" || type == "mark"; }

class PerfettoSink final : public ExportSink {
 public:
  PerfettoSink(ExportQuery query, OutputFile& file) : vms_(std::move(query.vms)), out_(file) {}

  absl::Status Begin(const RecordedRun& run) override {
    run_ = &run;
    const Json header = Json::parse(run.header, nullptr, /*allow_exceptions=*/false);
    start_ns_ = NumberAt(header, "/packages/0/start_ns");
    TraceClocks clocks{start_ns_, start_ns_, run.start_unix_ns};
    if (header.is_object() && header.contains("start")) clocks = ClocksOf(header["start"]);
    Try(out_.Clocks(clocks));
    for (const RecordedRun::Event& event : run.events) {
      const Json anchor = Json::parse(event.json, nullptr, /*allow_exceptions=*/false);
      if (event.type == "clock" && anchor.is_object()) Try(out_.Clocks(ClocksOf(anchor)));
    }
    // Whoever looks at a picture of it must see that nobody measured this energy.
    const std::string note = run.source == "emulated" ? " (EMULATED)" : "";
    Try(out_.AddTrack({.name = absl::StrCat("host", note), .keep_order = true}, host_));
    Try(out_.AddTrack({.name = absl::StrCat("not VMs", note), .keep_order = true}, others_));
    return status_;
  }

  absl::Status Add(const FlushReport& report) override {
    if (report.models.empty() || report.dt_ns <= 0) return status_;
    const int64_t from_ns = report.t_ns - report.dt_ns;
    if (first_ns_ < 0) {
      first_ns_ = from_ns;
      about_ = {{"source", report.source},
                {"model", std::string(ModelName(report.models.front().model))},
                {"run_time_method", std::string(RunTimeMethodName(report.run_time_method))},
                {"recording", run_->path.substr(run_->path.find_last_of('/') + 1)}};
    }
    last_ns_ = report.t_ns;
    ++window_;
    Collect(report.models.front());
    for (const Value& value : values_) Set(value, from_ns);
    // What is not there any more, a VM that stopped, uses nothing.
    for (auto& [key, counter] : counters_) {
      if (counter.window == window_ || counter.value == 0) continue;
      counter.value = 0;
      Try(out_.Counter(counter.uuid, start_ns_ + from_ns, 0));
    }
    return status_;
  }

  absl::Status Finish() override {
    if (absl::Status status = vms_.AllFound(); !status.ok()) return status;
    if (first_ns_ < 0) return status_;
    uint64_t run_track = 0;
    Try(out_.AddTrack({.name = "recording"}, run_track));
    Try(out_.Instant(run_track, start_ns_ + first_ns_, "start", about_));
    // Without this the last window would have no width.
    Try(out_.Instant(run_track, start_ns_ + last_ns_, "end"));
    WriteMarks();
    WriteEvents();
    return status_;
  }

 private:
  // What a counter shows in one window, and where it is.
  struct Value {
    std::string key;
    std::string name;
    std::string unit;
    const VmRun* vm = nullptr;  // in this VM's group, else in `group`
    uint64_t group = 0;
    double value = 0;
  };
  struct CounterTrack {
    uint64_t uuid = 0;
    uint64_t window = 0;  // the last one that it was in
    double value = 0;
  };

  void Try(const absl::Status& status) { status_.Update(status); }
  bool Shown(int64_t t_ns) const { return t_ns >= first_ns_ && t_ns <= last_ns_; }

  static std::string KeyOf(const VmRun& vm) {
    return absl::StrCat("vm ", vm.pid, " ", vm.start_time, " ", vm.uuid, " ", vm.name);
  }

  Value& At(const std::string& key, const std::string& name, const char* unit, const VmRun* vm, uint64_t group) {
    const auto [at, is_new] = index_.try_emplace(key, values_.size());
    if (is_new) values_.push_back({.key = key, .name = name, .unit = unit, .vm = vm, .group = group});
    return values_[at->second];
  }

  void Collect(const ModelReport& model) {
    index_.clear();
    values_.clear();
    // Run time stands in the rows of every counter; it is taken from one of each package.
    std::map<std::pair<int, int>, const CounterReport*> run_time_counter;
    for (const CounterReport& counter : model.counters) {
      if (counter.dt_ns <= 0) continue;
      const std::string die = counter.die_id > 0 ? absl::StrCat(" die ", counter.die_id) : "";
      const std::string name =
          absl::StrCat("package ", counter.package_id, die, " ", DomainName(counter.domain), " power");
      At(name, name, "W", nullptr, host_).value =
          static_cast<double>(counter.energy_uj) * 1e3 / static_cast<double>(counter.dt_ns);
      if (!counter.attributed) continue;
      const CounterReport*& chosen = run_time_counter[{counter.package_id, counter.die_id}];
      if (chosen == nullptr || chosen->domain.domain == RaplDomain::kPsys ||
          counter.domain.domain == RaplDomain::kPackage) {
        chosen = &counter;
      }
    }
    const CounterReport* counter = nullptr;
    for (const RowReport& row : model.rows) {
      if (counter == nullptr || !IsOf(row, *counter)) counter = CounterOf(model, row);
      const bool is_vm = row.kind == RowKind::kVm;
      if (counter == nullptr || counter->dt_ns <= 0 || !vms_.Wants(row.vm.uuid, row.vm.name)) continue;
      const auto dt_ns = static_cast<double>(counter->dt_ns);
      const std::string owner = is_vm ? KeyOf(row.vm) : std::string(RowKindName(row.kind));
      const std::string name = is_vm ? "power" : absl::StrCat(owner, " power");
      const VmRun* vm = is_vm ? &row.vm : nullptr;
      if (CountsInTotal(row.domain.domain)) {
        At(owner + " power", name, "W", vm, others_).value += static_cast<double>(row.energy_uj) * 1e3 / dt_ns;
      }
      if (is_vm && run_time_counter[{row.package_id, row.die_id}] == counter) {
        At(absl::StrCat(owner, " ", row.part), absl::StrCat(row.part, " run time"), "% of a CPU", vm, 0).value +=
            static_cast<double>(row.run_time_ns) * 100 / dt_ns;
      }
    }
  }

  static bool IsOf(const RowReport& row, const CounterReport& counter) {
    return counter.package_id == row.package_id && counter.die_id == row.die_id && counter.domain == row.domain;
  }
  static const CounterReport* CounterOf(const ModelReport& model, const RowReport& row) {
    for (const CounterReport& counter : model.counters) {
      if (IsOf(row, counter)) return &counter;
    }
    return nullptr;
  }

  void Set(const Value& value, int64_t from_ns) {
    CounterTrack& counter = counters_[value.key];
    if (counter.uuid == 0) {
      const uint64_t parent = value.vm != nullptr ? GroupOf(*value.vm) : value.group;
      Try(out_.AddTrack({.name = value.name, .parent = parent, .counter_unit = value.unit}, counter.uuid));
    }
    counter.window = window_;
    counter.value = value.value;
    Try(out_.Counter(counter.uuid, start_ns_ + from_ns, value.value));
  }

  uint64_t GroupOf(const VmRun& vm) {
    uint64_t& uuid = groups_[KeyOf(vm)];
    if (uuid == 0) {
      const std::string& name = vm.name.empty() ? vm.uuid : vm.name;
      Try(out_.AddTrack({.name = absl::StrCat("VM ", name), .pid = vm.pid, .keep_order = true}, uuid));
    }
    return uuid;
  }

  void WriteMarks() {
    const std::vector<RecordedRun::Mark> phases = PhasesOf(*run_);
    if (phases.empty()) return;
    uint64_t phase_track = 0;
    uint64_t mark_track = 0;
    Try(out_.AddTrack({.name = "phases"}, phase_track));
    Try(out_.AddTrack({.name = "marks"}, mark_track));
    for (const RecordedRun::Mark& mark : run_->marks) {
      if (Shown(mark.t_ns)) Try(out_.Instant(mark_track, start_ns_ + mark.t_ns, mark.label));
    }
    for (size_t i = 0; i < phases.size(); ++i) {
      const int64_t from_ns = std::max(phases[i].t_ns, first_ns_);
      const int64_t to_ns = std::min(i + 1 < phases.size() ? phases[i + 1].t_ns : last_ns_, last_ns_);
      if (from_ns >= to_ns || phases[i].label.empty()) continue;
      Try(out_.Slice(phase_track, start_ns_ + from_ns, start_ns_ + to_ns, phases[i].label));
    }
  }

  void WriteEvents() {
    uint64_t track = 0;
    for (const RecordedRun::Event& event : run_->events) {
      if (IsBookkeeping(event.type) || !Shown(event.t_ns)) continue;
      if (track == 0) Try(out_.AddTrack({.name = "events"}, track));
      Try(out_.Instant(track, start_ns_ + event.t_ns, event.type, {{"event", event.json}}));
    }
  }

  VmFilter vms_;
  PerfettoWriter out_;
  absl::Status status_;
  const RecordedRun* run_ = nullptr;
  int64_t start_ns_ = 0;  // CLOCK_MONOTONIC of t_ns 0
  int64_t first_ns_ = -1;
  int64_t last_ns_ = 0;
  uint64_t window_ = 0;
  PerfettoWriter::Annotations about_;
  uint64_t host_ = 0;
  uint64_t others_ = 0;
  std::map<std::string, uint64_t> groups_;
  std::map<std::string, CounterTrack> counters_;
  // Of one window:
  std::map<std::string, size_t> index_;
  std::vector<Value> values_;
};

}  // namespace

std::unique_ptr<ExportSink> MakePerfettoSink(ExportQuery query, OutputFile& file) {
  return std::make_unique<PerfettoSink>(std::move(query), file);
}

}  // namespace vrapl
