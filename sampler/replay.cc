#include "sampler/replay.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "recording/block_decoder.h"
#include "sampler/flush_digest.h"
#include "sampler/flush_loop.h"
#include "sampler/given_base.h"
#include "sampler/lost_time.h"
#include "sampler/recorded_run.h"
#include "sampler/replay_feed.h"
#include "sampler/run_phases.h"

namespace vrapl {
namespace {

// Samples of one package that may wait for another to catch up: some seconds at 10 kHz, a minute at 1 kHz.
constexpr size_t kMostWaiting = 60'000;

// Time is what the recording says; nobody waits for it.
class NoClock final : public Clock {
 public:
  int64_t NowNs() const override { return 0; }
  void SleepUntil(int64_t) const override {}
  int64_t SuspendedNs() const override { return 0; }
};

// `vrapl run` has the row command from its first flush on, whether the command has done anything or not.
ThreadFacts FactsOf(const ScannedRecording& scanned) {
  ThreadFacts facts;
  if (absl::StartsWith(scanned.header.command, "vrapl run")) {
    facts.of_command = [](const ThreadRun& /*thread*/) { return false; };  // the recording tells which are
  }
  return facts;
}

class Replayer final : public BlockVisitor {
 public:
  Replayer(const ScannedRecording& scanned, const ReplayOptions& options,
           absl::FunctionRef<void(const FlushReport&)> on_report, ReplayCheck* check)
      : scanned_(scanned), options_(options), on_report_(on_report), check_(check), rows_(-1, {}, FactsOf(scanned)) {
    const RunHeader& header = scanned.header;
    start_ns_ = header.packages.front().start_ns;
    std::vector<PackageFeed*> feeds;
    for (const RecordedPackage& package : header.packages) {
      feeds_.push_back(std::make_unique<ReplayFeed>(package.info, package.start_ns, package.start_ticks, visiting_));
      feeds.push_back(feeds_.back().get());
      last_ns_.push_back(package.start_ns);
      bases_.push_back({.cpus = static_cast<uint32_t>(package.info.cpus.size()), .ticks = package.start_ticks});
    }
    rows_.AskInstead([this](const ThreadRun& run) { return RowOf(*(*visiting_)[run.number]); });
    flush_ = std::make_unique<FlushLoop>(std::move(feeds), rows_, nullptr, clock_, FlushOptions(),
                                         [this](const FlushReport& report) { OnReport(report); });
    for (const RecordedRun::Mark& mark : scanned.run.marks) {
      flush_->AddMark({.t_ns = start_ns_ + mark.t_ns, .label = mark.label});
    }
    if (options_.window_ns > 0 || options_.window_per_phase) return;
    for (const RecordedRun::Event& event : scanned.run.events) {
      if (event.type == "flush-end") flush_->EndFlushAt(start_ns_ + event.t_ns);
    }
  }

  void BeginBlock() { threads_.clear(); }
  void Finish() { flush_->Finish(); }

  void OnVms(const std::vector<RecordedVm>& vms, bool /*restated*/) override {
    listed_ = vms;
    std::vector<Vm> running;
    for (const RecordedVm& vm : vms) {
      if (!vm.running) continue;
      Vm out{.uuid = vm.uuid, .name = vm.name, .pid = static_cast<pid_t>(vm.pid), .start_time = vm.start_time};
      for (const RecordedVm::Vcpu& vcpu : vm.vcpus) {
        out.vcpus.push_back({.index = vcpu.index, .tid = static_cast<pid_t>(vcpu.tid)});
      }
      running.push_back(std::move(out));
    }
    if (running == running_) return;
    running_ = running;
    flush_->UpdateVms({.vms = std::move(running)});
  }

  // Where a block is missing, what its counters counted is known, and who ran is not: one sample says so.
  void OnPackage(int package, int64_t t_ns, uint32_t cpus, const std::vector<uint64_t>& ticks) override {
    const auto index = static_cast<size_t>(package);
    bases_[index] = {.cpus = std::min(cpus, kMostRecordedCpus), .ticks = ticks};
    OfferUnreported(index, t_ns);
  }

  void OnThread(uint32_t number, const RecordedThread& thread) override {
    auto out = std::make_shared<ReplayThread>();
    out->kind = RowKindOfName(thread.row.kind).value_or(RowKind::kOther);
    out->part = thread.row.part;
    if (out->kind == RowKind::kVm) {
      if (thread.row.vm >= 0) {
        const RecordedVm& vm = listed_[static_cast<size_t>(thread.row.vm)];
        out->vm = {.uuid = vm.uuid, .name = vm.name, .pid = static_cast<pid_t>(vm.pid), .start_time = vm.start_time};
      } else {
        out->kind = RowKind::kOther;
      }
    }
    if (options_.by_thread) {
      out->thread = ThreadName{.tid = thread.key.tid, .tgid = thread.key.tgid, .comm = thread.comm};
    }
    if (threads_.size() <= number) threads_.resize(number + 1);
    threads_[number] = std::move(out);
  }

  void OnSample(int package, const Sample& sample) override {
    const auto index = static_cast<size_t>(package);
    if (sample.header.t_ns <= last_ns_[index]) return;
    bases_[index] = {.cpus = sample.header.cpus, .ticks = {sample.ticks.begin(), sample.ticks.end()}};
    Offer(index, sample);
  }

  void OnEvent(int64_t, absl::string_view, absl::string_view) override {}

 private:
  void Offer(size_t index, const Sample& sample) {
    last_ns_[index] = sample.header.t_ns;
    feeds_[index]->Offer(sample, threads_, [this] { flush_->Drain(); });
    if (feeds_[index]->waiting() < kMostWaiting) return;
    // A package of which nothing comes must not hold up the others for ever, nor their samples fill the memory.
    for (size_t other = 0; other < feeds_.size(); ++other) {
      if (feeds_[other]->waiting() == 0) OfferUnreported(other, sample.header.t_ns);
    }
  }

  // From the package's last sample on to t_ns nobody knows who ran.
  void OfferUnreported(size_t index, int64_t t_ns) {
    const Base base = bases_[index];
    const std::vector<int32_t> errors(base.ticks.size());
    while (last_ns_[index] < t_ns) {
      const int64_t dt_ns = std::min(t_ns - last_ns_[index], kMostWindowNs);
      SampleHeader header{.t_ns = last_ns_[index] + dt_ns,
                          .dt_ns = dt_ns,
                          .cpus = base.cpus,
                          .domains = static_cast<uint32_t>(base.ticks.size())};
      header.time.unreported_ns = dt_ns * base.cpus;
      const PackageInfo& package = scanned_.header.packages[index].info;
      lost_.Add(package.package_id, package.die_id, header.t_ns - start_ns_, dt_ns, base.cpus);
      Offer(index, {.header = header, .ticks = base.ticks, .errors = errors});
    }
  }

  FlushLoop::Options FlushOptions() {
    const RunHeader& header = scanned_.header;
    FlushLoop::Options flush{.flush_ns = options_.window_ns > 0 ? options_.window_ns : header.flush_ns,
                             .duration_ns = header.duration_ns.value_or(INT64_MAX),
                             .models = options_.models.empty() ? scanned_.run.models : options_.models,
                             .base_power_w = header.base_power_w,
                             .source = header.source,
                             .backend = header.backend,
                             .power_based = header.power_based,
                             .cpu_table = header.cpu_table,
                             .run_time_method = header.run_time_method,
                             .period_ns = header.period_ns,
                             .frozen_after_ns = header.frozen_after_ns};
    flush.idle = options_.idle;
    for (const auto& [domain, watts] : options_.base_power_w) flush.base_power_w[domain] = watts;
    for (const RecordedPackage& package : header.packages) flush.updates.push_back(package.updates);
    flush.unix_ns_at = [this](int64_t t_ns) { return scanned_.run.start_unix_ns + (t_ns - start_ns_); };
    flush.may_retire = [this](const VmRun& vm, int64_t t_ns) { return RetiredBy(vm, t_ns); };
    if (options_.window_per_phase) {
      flush.flush_ends_ns.emplace();
      for (const RecordedRun::Mark& phase : PhasesOf(scanned_.run)) {
        flush.flush_ends_ns->push_back(start_ns_ + phase.t_ns);
      }
    }
    return flush;
  }

  // Live it was let go of at the end of the flush that settled it: not before that here, whatever the windows.
  bool RetiredBy(const VmRun& vm, int64_t t_ns) const {
    for (const RecordedFlush& flush : scanned_.flushes) {
      if (flush.t_ns > t_ns) break;
      if (std::find(flush.retired.begin(), flush.retired.end(), vm) != flush.retired.end()) return true;
    }
    return false;
  }

  int RowOf(const ReplayThread& thread) {
    if (thread.row >= 0 && thread.generation == rows_.generation()) return thread.row;
    thread.generation = rows_.generation();
    thread.row = FindRow(thread);
    return thread.row;
  }
  int FindRow(const ReplayThread& thread) {
    if (thread.kind != RowKind::kVm) return rows_.RowNamed(thread.kind, -1, "", thread.thread);
    for (int vm = 0; vm < rows_.vm_count(); ++vm) {
      const RowTable::VmEntry& entry = rows_.vm(vm);
      if (entry.used && entry.run.uuid == thread.vm.uuid && entry.run.pid == thread.vm.pid &&
          entry.run.start_time == thread.vm.start_time) {
        return rows_.RowNamed(RowKind::kVm, vm, thread.part, thread.thread);
      }
    }
    return rows_.RowNamed(RowKind::kOther, -1, "", thread.thread);
  }

  // The last flush of the run that had ended by then.
  const RecordedFlush* FlushBefore(int64_t t_ns) const {
    const auto after =
        std::upper_bound(scanned_.flushes.begin(), scanned_.flushes.end(), t_ns,
                         [](int64_t instant_ns, const RecordedFlush& flush) { return instant_ns < flush.t_ns; });
    return after == scanned_.flushes.begin() ? nullptr : &*std::prev(after);
  }

  void OnReport(const FlushReport& report) {
    FlushReport out = report;
    if (const RecordedFlush* flush = FlushBefore(out.t_ns)) {
      out.recursion_misses = flush->recursion_misses;
      for (size_t i = 0; i < out.samplers.size() && i < flush->counts.size(); ++i) {
        SamplerReport& sampler = out.samplers[i];
        const SamplerCounts& counts = flush->counts[i];
        sampler.cpu = counts.cpu;
        sampler.lateness = counts.lateness;
        sampler.dropped = counts.dropped;
        sampler.read_errors = counts.read_errors;
        sampler.gaps = counts.gaps;
        sampler.unreported_switches = counts.unreported_switches;
        sampler.late_run_time_ns = counts.late_run_time_ns;
        sampler.lost_records = counts.lost_records;
        sampler.cpu_time_ns = counts.cpu_time_ns;
      }
      if (flush->t_ns == out.t_ns) {
        out.problems = flush->problems;
        if (!options_.base_power_w.empty()) {  // another than in the run
          for (std::string& line : given_base_.Look(out.models.front())) out.problems.push_back(std::move(line));
        }
        Compare(out, *flush);
      }
    }
    lost_.Tell(out);
    for (VmReport& vm : out.vms) {
      vm.guest_line.clear();
      vm.epoch = 0;
    }
    if (options_.by_thread) DropThreadsAtRest(out);
    const int64_t middle_ns = out.t_ns - out.dt_ns / 2;
    if (middle_ns >= options_.from_ns && middle_ns < options_.to_ns) on_report_(out);
  }

  // Threads that are gone keep their rows; those with neither time nor energy in a window are no news in it.
  static void DropThreadsAtRest(FlushReport& report) {
    for (ModelReport& model : report.models) {
      const auto at_rest = [](const RowReport& row) {
        return row.thread && row.run_time_ns == 0 && row.energy_ticks == 0 && row.energy_uj == 0;
      };
      model.rows.erase(std::remove_if(model.rows.begin(), model.rows.end(), at_rest), model.rows.end());
    }
  }

  void Compare(const FlushReport& report, const RecordedFlush& flush) {
    if (check_ == nullptr || options_.window_ns > 0 || options_.window_per_phase || options_.by_thread ||
        !options_.base_power_w.empty()) {
      return;
    }
    for (const auto& [name, digest] : flush.digests) {
      const std::optional<Model> model = ModelByName(name);
      const uint32_t replayed = model ? FlushDigest(report, *model) : 0;
      if (replayed == 0) continue;  // not among the models of this replay
      if (replayed == digest) {
        ++check_->equal;
      } else if (check_->different++ == 0) {
        check_->first_different_ns = report.t_ns;
      }
    }
  }

  const ScannedRecording& scanned_;
  const ReplayOptions& options_;
  absl::FunctionRef<void(const FlushReport&)> on_report_;
  ReplayCheck* const check_;
  GivenBaseWatch given_base_;
  LostTime lost_;
  const NoClock clock_;
  int64_t start_ns_ = 0;
  RowTable rows_;
  const ReplayThreads* visiting_ = nullptr;  // those of the sample that is being booked
  std::vector<std::unique_ptr<ReplayFeed>> feeds_;
  std::vector<int64_t> last_ns_;  // of the samples so far, per package
  struct Base {
    uint32_t cpus = 0;
    std::vector<uint64_t> ticks;
  };
  std::vector<Base> bases_;  // as of that sample
  std::unique_ptr<FlushLoop> flush_;
  std::vector<RecordedVm> listed_;
  std::vector<Vm> running_;
  ReplayThreads threads_;
};

}  // namespace

absl::StatusOr<RecordedRun> ReadRecordedRun(const std::string& path) {
  absl::StatusOr<RecordingReader> reader = RecordingReader::Open(path);
  if (!reader.ok()) return reader.status();
  absl::StatusOr<ScannedRecording> scanned = ScanRecording(*reader, path);
  if (!scanned.ok()) return scanned.status();
  return std::move(scanned->run);
}

absl::Status Replay(const std::string& path, const ReplayOptions& options,
                    absl::FunctionRef<void(const FlushReport&)> on_report, absl::FunctionRef<void(double)> on_progress,
                    ReplayCheck* check) {
  absl::StatusOr<RecordingReader> reader = RecordingReader::Open(path);
  if (!reader.ok()) return reader.status();
  absl::StatusOr<ScannedRecording> scanned = ScanRecording(*reader, path);
  if (!scanned.ok()) return scanned.status();
  std::vector<size_t> domains;
  std::vector<const PackageInfo*> packages;
  for (const RecordedPackage& package : scanned->header.packages) {
    domains.push_back(package.info.domains.size());
    packages.push_back(&package.info);
  }
  if (absl::Status given = CheckGivenBase(options.base_power_w, packages); !given.ok()) return given;

  Replayer replayer(*scanned, options, on_report, check);
  reader->Rewind();
  while (const std::optional<RecordingReader::Block> block = reader->Next()) {
    replayer.BeginBlock();
    // What is wrong with a block was told when it was looked over; its time is in the next one's gap.
    DecodeBlock(block->content, scanned->header.period_ns, domains, replayer).IgnoreError();
    on_progress(static_cast<double>(reader->position()) / static_cast<double>(reader->file_bytes()));
  }
  replayer.Finish();
  return absl::OkStatus();
}

}  // namespace vrapl
