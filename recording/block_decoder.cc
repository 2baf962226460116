#include "recording/block_decoder.h"

#include "absl/strings/str_cat.h"
#include "recording/core_record.h"
#include "recording/varint.h"

namespace vrapl {
namespace {

constexpr int64_t kMostNs = kMostRecordedNs;

class Decoder {
 public:
  Decoder(absl::string_view content, int64_t period_ns, const std::vector<size_t>& domains, BlockVisitor& visitor)
      : in_(content),
        size_(content.size()),
        period_ns_(period_ns),
        domains_(domains),
        visitor_(visitor),
        packages_(domains.size()) {}

  absl::Status Run() {
    for (bool first = true; !in_.at_end(); first = false) {
      const size_t at = size_ - in_.left();
      if (!Record(first)) return absl::DataLossError(absl::StrCat("byte ", at, " of the block is no record"));
    }
    return in_.ok() ? absl::OkStatus() : absl::DataLossError("the block ends within a record");
  }

 private:
  struct PackageState {
    bool known = false;
    int64_t t_ns = 0;
    uint32_t cpus = 0;
    std::vector<uint64_t> ticks;
  };

  bool Record(bool first) {
    const uint8_t tag = in_.Byte();
    if (tag >= kSampleRecord) return ReadSample(tag & 0x7f);
    switch (tag) {
      case kVmsRecord:
        return ReadVms(first);
      case kThreadRecord:
        return ReadThread();
      case kRowRecord:
        return ReadNewRow();
      case kPackageRecord:
        return ReadPackage();
      case kEventRecord:
        return ReadEvent();
      case kCoreRecord:
        return ReadCores();
      default:
        return false;
    }
  }

  // A time that arithmetic can bear.
  bool Time(int64_t& ns) {
    ns = in_.Signed();
    return in_.ok() && ns > -kMostNs && ns < kMostNs;
  }

  bool ReadVms(bool restated) {
    const uint64_t count = in_.Count();
    if (count > kMostRecordedVms) return false;
    vms_.clear();
    for (uint64_t i = 0; i < count && in_.ok(); ++i) {
      RecordedVm vm;
      vm.uuid = std::string(in_.Text());
      vm.name = std::string(in_.Text());
      vm.pid = in_.Signed();
      vm.start_time = in_.Varint();
      vm.running = in_.Varint() != 0;
      const uint64_t vcpus = in_.Count();
      for (uint64_t k = 0; k < vcpus && in_.ok(); ++k) {
        const auto index = static_cast<int>(in_.Signed());
        vm.vcpus.push_back({.index = index, .tid = in_.Signed()});
      }
      vms_.push_back(std::move(vm));
    }
    if (!in_.ok()) return false;
    visitor_.OnVms(vms_, restated);
    return true;
  }

  bool ReadRow(RecordedRow& row) {
    row.kind = std::string(in_.Text());
    const int64_t vm = in_.Signed();
    row.part = std::string(in_.Text());
    if (!in_.ok() || vm < -1 || vm >= static_cast<int64_t>(vms_.size())) return false;
    row.vm = static_cast<int>(vm);
    return true;
  }

  bool ReadThread() {
    RecordedThread thread;
    thread.key.tid = static_cast<uint32_t>(in_.Varint());
    thread.key.tgid = static_cast<uint32_t>(in_.Varint());
    thread.key.start_ns = in_.Varint();
    thread.key.task_flags = static_cast<uint32_t>(in_.Varint());
    thread.comm = std::string(in_.Text());
    if (!ReadRow(thread.row)) return false;
    thread.key.number = static_cast<uint32_t>(threads_.size());
    threads_.push_back(std::move(thread));
    visitor_.OnThread(threads_.back().key.number, threads_.back());
    return true;
  }

  bool ReadNewRow() {
    const uint64_t number = in_.Varint();
    RecordedRow row;
    if (!ReadRow(row) || number >= threads_.size()) return false;
    threads_[number].row = std::move(row);
    visitor_.OnThread(static_cast<uint32_t>(number), threads_[number]);
    return true;
  }

  bool ReadPackage() {
    const size_t package = in_.Byte();
    int64_t t_ns = 0;
    if (!Time(t_ns) || package >= packages_.size()) return false;
    PackageState& state = packages_[package];
    state = {.known = true, .t_ns = t_ns, .cpus = static_cast<uint32_t>(in_.Varint())};
    const uint64_t count = in_.Varint();
    if (!in_.ok() || count != domains_[package]) return false;
    for (uint64_t i = 0; i < count; ++i) state.ticks.push_back(in_.Varint());
    if (!in_.ok()) return false;
    visitor_.OnPackage(static_cast<int>(package), t_ns, state.cpus, state.ticks);
    return true;
  }

  bool ReadCores() {
    cores_of_ = in_.Byte();
    return in_.ok() && cores_of_ < packages_.size() && core_record_.Read(in_);
  }

  bool ReadEvent() {
    int64_t t_ns = 0;
    if (!Time(t_ns)) return false;
    const absl::string_view type = in_.Text();
    const absl::string_view json = in_.Text();
    if (!in_.ok()) return false;
    visitor_.OnEvent(t_ns, type, json);
    return true;
  }

  bool ReadThreadTimes() {
    const uint64_t count = in_.Count();
    runs_.clear();
    int64_t number = 0;
    for (uint64_t i = 0; i < count && in_.ok(); ++i) {
      const uint64_t code = in_.Varint();
      number += Unzigzag(code >> 2);
      if (number < 0 || number >= static_cast<int64_t>(threads_.size())) return false;
      ThreadRun run = threads_[static_cast<size_t>(number)].key;
      const uint64_t run_ns = in_.Varint();
      if (run_ns >= static_cast<uint64_t>(kMostNs)) return false;
      run.run_ns = static_cast<int64_t>(run_ns);
      const uint64_t core = code & 3;
      if (core == kCoreSolo) run.solo_ns = run.run_ns;
      if (core == kCoreBoth && !Time(run.solo_ns)) return false;
      if ((core == kCoreBoth || core == kCoreSplit) && !Time(run.shared_ns)) return false;
      if (core == kCoreSplit) run.solo_ns = run.run_ns - run.shared_ns;
      runs_.push_back(run);
    }
    return in_.ok();
  }

  bool ReadSample(size_t package) {
    if (package >= packages_.size() || !packages_[package].known) return false;
    PackageState& state = packages_[package];
    const uint8_t what = in_.Byte();
    SampleHeader header;
    int64_t step_ns = 0;
    if (!Time(step_ns) || !Time(header.skew_ns) || !Time(header.late_ns)) return false;
    errors_.assign(state.ticks.size(), 0);
    if ((what & kSampleErrors) != 0) {
      for (int32_t& error : errors_) error = static_cast<int32_t>(in_.Varint());
    }
    if ((what & kSampleSuspended) != 0 && !Time(header.suspended_ns)) return false;
    if ((what & kSampleCpus) != 0) state.cpus = static_cast<uint32_t>(in_.Varint());
    if ((what & kSampleIrq) != 0 && !Time(header.time.irq_ns)) return false;
    if ((what & kSampleStolen) != 0 && !Time(header.time.stolen_ns)) return false;
    if ((what & kSampleUnreported) != 0 && !Time(header.time.unreported_ns)) return false;
    if ((what & kSampleFlags) != 0) header.flags = static_cast<uint32_t>(in_.Varint());
    header.t_ns = state.t_ns + period_ns_ + step_ns;
    header.dt_ns = header.t_ns - state.t_ns;
    if (header.t_ns <= -kMostNs || header.t_ns >= kMostNs) return false;
    header.cpus = state.cpus;
    const bool told = (what & kSampleTimes) != 0;
    if (told && (!Time(header.time.run_ns) || !Time(header.time.idle_ns) || !Time(header.dt_ns))) return false;
    for (uint64_t& ticks : state.ticks) ticks += in_.Varint();
    if (!ReadThreadTimes()) return false;
    if (!told && !DeriveTimes(header)) return false;
    if (header.dt_ns < 0 || header.dt_ns > kMostWindowNs || header.cpus > kMostRecordedCpus) return false;
    __int128 run_ns = 0;
    for (const ThreadRun& run : runs_) run_ns += run.run_ns;
    if (run_ns >= kMostNs) return false;
    cores_.clear();
    if (cores_of_ == package && !core_record_.Apply(header, absl::MakeSpan(runs_), cores_)) return false;
    cores_of_ = kNoPackage;
    state.t_ns = header.t_ns;
    header.cores = static_cast<uint32_t>(cores_.size());
    header.domains = static_cast<uint32_t>(state.ticks.size());
    header.threads = static_cast<uint32_t>(runs_.size());
    visitor_.OnSample(static_cast<int>(package),
                      {.header = header, .ticks = state.ticks, .errors = errors_, .threads = runs_, .cores = cores_});
    return true;
  }

  // Run time is that of the threads, and a CPU that did nothing else was idle.
  bool DeriveTimes(SampleHeader& header) const {
    __int128 run_ns = 0;
    for (const ThreadRun& run : runs_) run_ns += run.run_ns;
    const CpuTime& time = header.time;
    const __int128 idle_ns =
        static_cast<__int128>(header.dt_ns) * header.cpus - run_ns - time.irq_ns - time.stolen_ns - time.unreported_ns;
    if (run_ns >= kMostNs || idle_ns <= -kMostNs || idle_ns >= kMostNs) return false;
    header.time.run_ns = static_cast<int64_t>(run_ns);
    header.time.idle_ns = static_cast<int64_t>(idle_ns);
    return true;
  }

  RecordCursor in_;
  const size_t size_;
  const int64_t period_ns_;
  const std::vector<size_t>& domains_;
  BlockVisitor& visitor_;
  std::vector<RecordedVm> vms_;
  std::vector<PackageState> packages_;
  std::vector<RecordedThread> threads_;
  std::vector<ThreadRun> runs_;
  // Told by core, of the next sample of package cores_of_.
  static constexpr size_t kNoPackage = SIZE_MAX;
  size_t cores_of_ = kNoPackage;
  CoreRecord core_record_;
  std::vector<CpuTime> cores_;
  std::vector<int32_t> errors_;
};

}  // namespace

absl::Status DecodeBlock(absl::string_view content, int64_t period_ns, const std::vector<size_t>& domains,
                         BlockVisitor& visitor) {
  return Decoder(content, period_ns, domains, visitor).Run();
}

}  // namespace vrapl
