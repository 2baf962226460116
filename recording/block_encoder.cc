#include "recording/block_encoder.h"

#include <algorithm>
#include <utility>

#include "recording/core_record.h"
#include "recording/varint.h"

namespace vrapl {
namespace {

// Threads come and go; those that have not run for so many blocks are forgotten.
constexpr uint64_t kBlocksRemembered = 8;

void PutThreadTime(std::string& out, int64_t number_step, const ThreadRun& thread) {
  const int64_t split = thread.solo_ns + thread.shared_ns;
  uint64_t core = kCoreBoth;
  if (split == 0 && thread.run_ns != 0) {
    core = kCoreUnknown;
  } else if (thread.shared_ns == 0 && thread.solo_ns == thread.run_ns) {
    core = kCoreSolo;
  } else if (split == thread.run_ns) {
    core = kCoreSplit;
  }
  PutVarint(out, (Zigzag(number_step) << 2) | core);
  PutVarint(out, static_cast<uint64_t>(thread.run_ns));
  if (core == kCoreBoth) PutSigned(out, thread.solo_ns);
  if (core == kCoreBoth || core == kCoreSplit) PutSigned(out, thread.shared_ns);
}

}  // namespace

BlockEncoder::BlockEncoder(int64_t period_ns, const std::vector<Package>& packages) : period_ns_(period_ns) {
  for (const Package& package : packages) {
    packages_.push_back({.t_ns = package.start_ns, .ticks = package.start_ticks, .cpus = package.cpus});
    last_ns_ = std::max(last_ns_, package.start_ns);
  }
  BeginBlock();
}

void BlockEncoder::BeginBlock() {
  ++block_;
  content_.clear();
  samples_ = 0;
  any_event_ = false;
  next_number_ = 0;
  first_ns_ = last_ns_;
  if (threads_.size() > 4096) {
    absl::erase_if(threads_, [this](const auto& known) { return block_ - known.second.block > kBlocksRemembered; });
  }
  PutVms();
}

std::string BlockEncoder::TakeBlock() {
  std::string content = std::exchange(content_, {});
  content_.reserve(content.size() + content.size() / 4);
  BeginBlock();
  return content;
}

void BlockEncoder::PutVms() {
  content_.push_back(static_cast<char>(kVmsRecord));
  PutVarint(content_, vms_.size());
  for (const RecordedVm& vm : vms_) {
    PutText(content_, vm.uuid);
    PutText(content_, vm.name);
    PutSigned(content_, vm.pid);
    PutVarint(content_, vm.start_time);
    PutVarint(content_, vm.running ? 1 : 0);
    PutVarint(content_, vm.vcpus.size());
    for (const RecordedVm::Vcpu& vcpu : vm.vcpus) {
      PutSigned(content_, vcpu.index);
      PutSigned(content_, vcpu.tid);
    }
  }
}

void BlockEncoder::SetVms(std::vector<RecordedVm> vms) {
  vms_ = std::move(vms);
  PutVms();
}

void BlockEncoder::PutRow(const RecordedRow& row) {
  PutText(content_, row.kind);
  PutSigned(content_, row.vm);
  PutText(content_, row.part);
}

uint32_t BlockEncoder::NumberOf(const ThreadRun& thread, int row, const Names& names) {
  auto [entry, is_new] = threads_.try_emplace(IdOf(thread));
  KnownThread& known = entry->second;
  if (known.block != block_) {
    if (is_new || known.comm.empty()) known.comm = names.comm(thread);
    known.block = block_;
    known.number = next_number_++;
    known.row = row;
    content_.push_back(static_cast<char>(kThreadRecord));
    PutVarint(content_, thread.tid);
    PutVarint(content_, thread.tgid);
    PutVarint(content_, thread.start_ns);
    PutVarint(content_, thread.task_flags);
    PutText(content_, known.comm);
    PutRow(names.row(row));
  } else if (known.row != row) {
    known.row = row;
    content_.push_back(static_cast<char>(kRowRecord));
    PutVarint(content_, known.number);
    PutRow(names.row(row));
  }
  return known.number;
}

void BlockEncoder::AddSample(int package, const Sample& sample, absl::Span<const int> rows, const Names& names) {
  const SampleHeader& header = sample.header;
  PackageState& state = packages_[static_cast<size_t>(package)];
  if (state.block != block_) {
    state.block = block_;
    content_.push_back(static_cast<char>(kPackageRecord));
    content_.push_back(static_cast<char>(package));
    PutSigned(content_, state.t_ns);
    PutVarint(content_, state.cpus);
    PutVarint(content_, state.ticks.size());
    for (const uint64_t ticks : state.ticks) PutVarint(content_, ticks);
  }
  numbers_.clear();
  for (size_t i = 0; i < sample.threads.size(); ++i) numbers_.push_back(NumberOf(sample.threads[i], rows[i], names));

  int64_t run_ns = 0;
  for (const ThreadRun& thread : sample.threads) run_ns += thread.run_ns;
  const CpuTime& time = header.time;
  const bool closes = time.run_ns == run_ns && header.dt_ns == header.t_ns - state.t_ns &&
                      time.total_ns() == header.dt_ns * static_cast<int64_t>(header.cpus);
  const bool any_error = std::any_of(sample.errors.begin(), sample.errors.end(), [](int error) { return error != 0; });
  const auto bit = [](bool set, uint8_t value) { return set ? value : uint8_t{0}; };
  const auto what =
      static_cast<uint8_t>(bit(any_error, kSampleErrors) | bit(header.suspended_ns != 0, kSampleSuspended) |
                           bit(header.cpus != state.cpus, kSampleCpus) | bit(time.irq_ns != 0, kSampleIrq) |
                           bit(time.stolen_ns != 0, kSampleStolen) | bit(time.unreported_ns != 0, kSampleUnreported) |
                           bit(header.flags != 0, kSampleFlags) | bit(!closes, kSampleTimes));

  PutCoreRecord(content_, package, sample);
  content_.push_back(static_cast<char>(kSampleRecord | package));
  content_.push_back(static_cast<char>(what));
  PutSigned(content_, header.t_ns - state.t_ns - period_ns_);
  PutSigned(content_, header.skew_ns);
  PutSigned(content_, header.late_ns);
  if (any_error) {
    for (const int error : sample.errors) PutVarint(content_, static_cast<uint64_t>(error));
  }
  if (header.suspended_ns != 0) PutSigned(content_, header.suspended_ns);
  if (header.cpus != state.cpus) PutVarint(content_, header.cpus);
  if (time.irq_ns != 0) PutSigned(content_, time.irq_ns);
  if (time.stolen_ns != 0) PutSigned(content_, time.stolen_ns);
  if (time.unreported_ns != 0) PutSigned(content_, time.unreported_ns);
  if (header.flags != 0) PutVarint(content_, header.flags);
  if (!closes) {
    PutSigned(content_, time.run_ns);
    PutSigned(content_, time.idle_ns);
    PutSigned(content_, header.dt_ns);
  }
  for (size_t i = 0; i < sample.ticks.size(); ++i) PutVarint(content_, sample.ticks[i] - state.ticks[i]);
  PutVarint(content_, sample.threads.size());
  int64_t last_number = 0;
  for (size_t i = 0; i < sample.threads.size(); ++i) {
    PutThreadTime(content_, numbers_[i] - last_number, sample.threads[i]);
    last_number = numbers_[i];
  }

  state.t_ns = header.t_ns;
  state.ticks.assign(sample.ticks.begin(), sample.ticks.end());
  state.cpus = header.cpus;
  last_ns_ = std::max(last_ns_, header.t_ns);
  ++samples_;
}

void BlockEncoder::AddEvent(int64_t t_ns, absl::string_view type, absl::string_view json) {
  content_.push_back(static_cast<char>(kEventRecord));
  PutSigned(content_, t_ns);
  PutText(content_, type);
  PutText(content_, json);
  any_event_ = true;
}

}  // namespace vrapl
