#include "sampler/recorder.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock_anchor.h"
#include "sampler/flush_digest.h"

namespace vrapl {
namespace {

using nlohmann::json;

constexpr int64_t kAnchorEveryNs = 60 * kNanosPerSecond;
constexpr int64_t kFlushEveryNs = 900 * kNanosPerMilli;  // a flush of a second ends some time before or after it
// The block that identifies the run is repeated: one damaged place must not cost the recording.
constexpr uint64_t kRunEveryBlocks = 300;
// Names of threads are asked of /proc, some 10 us each: a storm of forks must not become one of look-ups.
constexpr int kCommsPerBlock = 500;

std::string Dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

json ToJson(const VmRun& vm) {
  return {{"vm_id", vm.uuid}, {"vm_name", vm.name}, {"pid", vm.pid}, {"start_time", vm.start_time}};
}

json ToJson(const SamplerCounts& counts) {
  return {{"cpu", counts.cpu},
          {"samples", counts.lateness.samples},
          {"late", counts.lateness.late},
          {"missed", counts.lateness.missed},
          {"late_p50_ns", counts.lateness.p50_ns},
          {"late_p99_ns", counts.lateness.p99_ns},
          {"late_p999_ns", counts.lateness.p999_ns},
          {"late_max_ns", counts.lateness.max_ns},
          {"dropped", counts.dropped},
          {"read_errors", counts.read_errors},
          {"gaps", counts.gaps},
          {"unreported_switches", counts.unreported_switches},
          {"late_run_time_ns", counts.late_run_time_ns},
          {"lost_records", counts.lost_records},
          {"cpu_time_ns", counts.cpu_time_ns}};
}

RecordedVm ToRecorded(const Vm& vm) {
  RecordedVm out{.uuid = vm.uuid, .name = vm.name, .pid = vm.pid, .start_time = vm.start_time};
  for (const Vcpu& vcpu : vm.vcpus) out.vcpus.push_back({.index = vcpu.index, .tid = vcpu.tid});
  return out;
}

bool SameRun(const RecordedVm& a, const RecordedVm& b) {
  return a.uuid == b.uuid && a.pid == b.pid && a.start_time == b.start_time;
}

std::vector<BlockEncoder::Package> PackagesOf(const RunHeader& header) {
  std::vector<BlockEncoder::Package> packages;
  for (const RecordedPackage& package : header.packages) {
    packages.push_back({.start_ns = package.start_ns,
                        .start_ticks = package.start_ticks,
                        .cpus = static_cast<uint32_t>(package.info.cpus.size())});
  }
  return packages;
}

}  // namespace

std::vector<RecordedPackage> ToRecordedPackages(const std::vector<PackageFeed*>& feeds,
                                                const std::vector<std::vector<UpdateSummary>>& updates) {
  std::vector<RecordedPackage> packages;
  for (size_t i = 0; i < feeds.size(); ++i) {
    packages.push_back({.info = feeds[i]->package(),
                        .start_ns = feeds[i]->start_ns(),
                        .start_ticks = feeds[i]->start_ticks(),
                        .updates = i < updates.size() ? updates[i] : std::vector<UpdateSummary>{}});
  }
  return packages;
}

absl::StatusOr<std::unique_ptr<Recorder>> Recorder::Create(const std::string& path, bool force, const RunHeader& header,
                                                           const RowTable& rows, ThreadFacts facts) {
  if (header.packages.size() > kMaxRecordedPackages) {
    return absl::UnimplementedError(absl::StrCat("a recording holds at most ", kMaxRecordedPackages, " packages"));
  }
  absl::StatusOr<std::unique_ptr<RecordingWriter>> writer =
      RecordingWriter::Create(path, RunHeaderToJson(header), header.packages.front().start_ns, force);
  if (!writer.ok()) return writer.status();
  return std::unique_ptr<Recorder>(new Recorder(*std::move(writer), header, rows, std::move(facts)));
}

Recorder::Recorder(std::unique_ptr<RecordingWriter> writer, const RunHeader& header, const RowTable& rows,
                   ThreadFacts facts)
    : writer_(std::move(writer)),
      run_json_(RunHeaderToJson(header)),
      start_ns_(header.packages.front().start_ns),
      rows_(rows),
      facts_(std::move(facts)),
      encoder_(header.period_ns, PackagesOf(header)),
      last_anchor_ns_(start_ns_),
      comms_left_(kCommsPerBlock) {}

// What became different with a VM that goes on running.
void Recorder::TellChanges(int64_t t_ns, const Vm& vm) {
  json event = ToJson(VmRun{.uuid = vm.uuid, .name = vm.name, .pid = vm.pid, .start_time = vm.start_time});
  const auto before = std::find_if(listed_.begin(), listed_.end(), [&](const Vm& other) {
    return other.uuid == vm.uuid && other.pid == vm.pid && other.start_time == vm.start_time;
  });
  const bool was_paused = before != listed_.end() && before->paused;
  if (vm.paused != was_paused) AddEvent(t_ns, vm.paused ? "vm-pause" : "vm-resume", Dump(event));
  if (before == listed_.end() || before->vcpus.size() == vm.vcpus.size()) return;
  event["vcpus"] = vm.vcpus.size();
  AddEvent(t_ns, "vm-vcpus", Dump(event));
}

void Recorder::OnVms(const std::vector<Vm>& vms) {
  std::vector<RecordedVm> now;
  for (const Vm& vm : vms) now.push_back(ToRecorded(vm));
  const int64_t t_ns = encoder_.last_ns();
  const auto has = [](const std::vector<RecordedVm>& list, const RecordedVm& vm) {
    return std::any_of(list.begin(), list.end(), [&](const RecordedVm& other) { return SameRun(other, vm); });
  };
  for (const Vm& vm : vms) {
    if (has(vms_, ToRecorded(vm))) continue;
    json start = ToJson(VmRun{.uuid = vm.uuid, .name = vm.name, .pid = vm.pid, .start_time = vm.start_time});
    start["vcpus"] = vm.vcpus.size();
    if (!vm.resources.empty()) start["resources"] = vm.resources;
    AddEvent(t_ns, "vm-start", Dump(start));
  }
  for (const Vm& vm : vms) TellChanges(t_ns, vm);
  listed_ = vms;
  for (const RecordedVm& vm : vms_) {
    if (!vm.running || has(now, vm)) continue;
    AddEvent(t_ns, "vm-stop", Dump(ToJson(VmRun{vm.uuid, vm.name, static_cast<pid_t>(vm.pid), vm.start_time})));
  }
  // One that has stopped keeps its rows until it is settled.
  for (RecordedVm& vm : vms_) {
    if (has(now, vm)) continue;
    vm.running = false;
    now.push_back(std::move(vm));
  }
  vms_ = now;
  encoder_.SetVms(std::move(now));
}

RecordedRow Recorder::NameOfRow(int row) const {
  const RowInfo& info = rows_.row(row);
  RecordedRow name{.kind = std::string(RowKindName(info.kind)), .vm = -1, .part = info.part};
  if (info.kind != RowKind::kVm) return name;
  const VmRun& run = rows_.vm(info.vm).run;
  for (size_t i = 0; i < vms_.size(); ++i) {
    if (vms_[i].uuid == run.uuid && vms_[i].pid == run.pid && vms_[i].start_time == run.start_time) {
      name.vm = static_cast<int>(i);
    }
  }
  return name;
}

std::string Recorder::CommOf(const ThreadRun& thread) {
  if (!facts_.name || comms_left_ <= 0) return "";
  --comms_left_;
  return facts_.name(thread.tgid, thread.tid);
}

void Recorder::OnSample(int package, const Sample& sample, absl::Span<const int> rows) {
  const auto row_name = [this](int row) { return NameOfRow(row); };
  const auto comm = [this](const ThreadRun& thread) { return CommOf(thread); };
  encoder_.AddSample(package, sample, rows, {.row = row_name, .comm = comm});
  if (encoder_.last_ns() - last_anchor_ns_ >= kAnchorEveryNs) AddAnchor("clock");
  if (encoder_.last_ns() - encoder_.first_ns() >= kBlockNs || encoder_.bytes() >= kBlockBytes) HandOn();
}

void Recorder::AddAnchor(absl::string_view type) {
  const ClockAnchor anchor = ReadClockAnchor();
  last_anchor_ns_ = encoder_.last_ns();
  AddEvent(anchor.monotonic_ns, type,
           Dump({{"monotonic_ns", anchor.monotonic_ns},
                 {"boottime_ns", anchor.boottime_ns},
                 {"unix_ns", anchor.realtime_ns},
                 {"tsc", anchor.tsc},
                 {"width_ns", anchor.width_ns}}));
}

void Recorder::AddEvent(int64_t t_ns, absl::string_view type, absl::string_view json) {
  encoder_.AddEvent(t_ns, type, json);
  if (encoder_.bytes() >= kBlockBytes) HandOn();
}

void Recorder::AddNotice(absl::string_view text) {
  AddEvent(MonotonicNs(), "notice", Dump({{"text", std::string(text)}}));
}

void Recorder::HandOn() {
  if (encoder_.empty()) return;
  if (conditions_ && conditions_->any()) encoder_.AddEvent(encoder_.last_ns(), "conditions", conditions_->Read());
  const int64_t first_ns = encoder_.first_ns();
  writer_->Write(BlockKind::kData, first_ns, encoder_.TakeBlock());
  comms_left_ = kCommsPerBlock;
  if (++blocks_ % kRunEveryBlocks == 0) writer_->Write(BlockKind::kRun, start_ns_, run_json_);
}

void Recorder::TellFlush(const FlushReport& report, const std::vector<VmRun>& retired) {
  json gone = json::array();
  for (const VmRun& vm : retired) gone.push_back(ToJson(vm));
  json counts = json::array();
  for (const PackageFeed* feed : feeds_) counts.push_back(ToJson(feed->counts()));
  json digests = json::object();
  for (const ModelReport& model : report.models) {
    digests[std::string(ModelName(model.model))] = FlushDigest(report, model.model);
  }
  json flush = {{"seq", report.seq},
                {"t_ns", report.t_ns},
                {"dt_ns", report.dt_ns},
                {"unix_ns", report.unix_ns},
                {"last", report.last},
                {"recursion_misses", report.recursion_misses},
                {"digests", std::move(digests)},
                {"retired", std::move(gone)},
                {"samplers", std::move(counts)},
                {"problems", report.problems}};
  json polled = json::object();
  for (const VmReport& vm : report.vms) {
    if (vm.halt_poll_ns) polled[absl::StrCat(vm.vm.pid)] = *vm.halt_poll_ns;
  }
  if (!polled.empty()) flush["halt_poll_ns"] = std::move(polled);
  AddEvent(start_ns_ + report.t_ns, "flush", Dump(flush));
}

void Recorder::OnReport(FlushReport& report, const std::vector<VmRun>& retired) {
  for (const Mark& mark : report.marks) AddEvent(start_ns_ + mark.t_ns, "mark", Dump({{"label", mark.label}}));
  for (const SamplerReport& sampler : report.samplers) {
    for (const Stall& stall : sampler.new_stalls) {
      AddEvent(start_ns_ + stall.t_ns, "stall",
               Dump({{"package", sampler.package_id}, {"late_ns", stall.late_ns}, {"stolen_ns", stall.stolen_ns}}));
    }
  }
  // Of flushes of milliseconds one a second is told: enough for a replay to compare with.
  if (report.last || !retired.empty() || !report.problems.empty() || report.t_ns - told_flush_ns_ >= kFlushEveryNs) {
    told_flush_ns_ = report.t_ns;
    TellFlush(report, retired);
  }

  const size_t before = vms_.size();
  vms_.erase(std::remove_if(vms_.begin(), vms_.end(),
                            [&](const RecordedVm& vm) {
                              return std::any_of(retired.begin(), retired.end(), [&](const VmRun& run) {
                                return vm.uuid == run.uuid && vm.pid == run.pid && vm.start_time == run.start_time;
                              });
                            }),
             vms_.end());
  if (vms_.size() != before) encoder_.SetVms(vms_);

  const RecordingWriter::State state = writer_->state();
  report.recording = {.bytes = state.bytes, .lost_blocks = state.lost_blocks, .error = state.error};
}

absl::Status Recorder::Finish() {
  if (std::exchange(finished_, true)) return absl::OkStatus();
  AddAnchor("end");
  HandOn();
  writer_->Write(BlockKind::kRun, start_ns_, run_json_);
  const absl::Status closed = writer_->Close();
  if (closed.ok()) return closed;
  return absl::Status(closed.code(), absl::StrCat(closed.message(), ": ", writer_->state().lost_blocks,
                                                  " blocks of about a second each are missing from the recording"));
}

}  // namespace vrapl
