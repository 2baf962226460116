#include "recording/core_record.h"

#include "base/clock.h"
#include "base/energy_source.h"
#include "recording/records.h"

namespace vrapl {
namespace {

// So that the sum of all that a core did cannot overflow.
constexpr int64_t kMostCoreNs = kMostRecordedNs >> 4;

bool ReadTime(RecordCursor& in, int64_t& ns) {
  ns = in.Signed();
  return in.ok() && ns > -kMostCoreNs && ns < kMostCoreNs;
}

}  // namespace

void PutCoreRecord(std::string& out, int package, const Sample& sample) {
  if (sample.cores.empty()) return;
  out.push_back(static_cast<char>(kCoreRecord));
  out.push_back(static_cast<char>(package));
  PutVarint(out, sample.threads.size());
  for (const ThreadRun& run : sample.threads) PutVarint(out, static_cast<uint64_t>(int64_t{run.core} + 1));
  PutVarint(out, sample.cores.size());
  std::vector<int64_t> run_ns(sample.cores.size());
  for (const ThreadRun& run : sample.threads) {
    if (run.core >= 0 && static_cast<size_t>(run.core) < run_ns.size())
      run_ns[static_cast<size_t>(run.core)] += run.run_ns;
  }
  for (size_t i = 0; i < sample.cores.size(); ++i) {
    const CpuTime& time = sample.cores[i];
    const int64_t dt_ns = sample.header.dt_ns;
    const bool closes = dt_ns > 0 && time.total_ns() >= 0 && time.total_ns() % dt_ns == 0 && time.run_ns == run_ns[i];
    out.push_back(static_cast<char>((time.irq_ns != 0 ? kSampleIrq : 0) | (time.stolen_ns != 0 ? kSampleStolen : 0) |
                                    (time.unreported_ns != 0 ? kSampleUnreported : 0) | (closes ? 0 : kSampleTimes)));
    if (time.irq_ns != 0) PutSigned(out, time.irq_ns);
    if (time.stolen_ns != 0) PutSigned(out, time.stolen_ns);
    if (time.unreported_ns != 0) PutSigned(out, time.unreported_ns);
    if (closes) {
      PutVarint(out, static_cast<uint64_t>(time.total_ns() / dt_ns));
    } else {
      PutSigned(out, time.run_ns);
      PutSigned(out, time.idle_ns);
    }
  }
}

bool CoreRecord::Read(RecordCursor& in) {
  core_of_thread_.clear();
  cores_.clear();
  const uint64_t threads = in.Count();
  for (uint64_t i = 0; i < threads && in.ok(); ++i) {
    const uint64_t core = in.Varint();
    if (core > kMaxDomains) return false;
    core_of_thread_.push_back(static_cast<int32_t>(core) - 1);
  }
  const uint64_t cores = in.Count();
  if (!in.ok() || cores == 0 || cores > kMaxDomains) return false;
  for (uint64_t i = 0; i < cores && in.ok(); ++i) {
    Core core;
    const uint8_t what = in.Byte();
    core.told = (what & kSampleTimes) != 0;
    if ((what & kSampleIrq) != 0 && !ReadTime(in, core.time.irq_ns)) return false;
    if ((what & kSampleStolen) != 0 && !ReadTime(in, core.time.stolen_ns)) return false;
    if ((what & kSampleUnreported) != 0 && !ReadTime(in, core.time.unreported_ns)) return false;
    if (core.told) {
      if (!ReadTime(in, core.time.run_ns) || !ReadTime(in, core.time.idle_ns)) return false;
    } else {
      core.cpus = in.Varint();
      if (core.cpus > kMostRecordedCpus) return false;
    }
    cores_.push_back(core);
  }
  return in.ok();
}

bool CoreRecord::Apply(const SampleHeader& header, absl::Span<ThreadRun> threads, std::vector<CpuTime>& cores) const {
  if (threads.size() != core_of_thread_.size()) return false;
  std::vector<__int128> run_ns(cores_.size());
  for (size_t i = 0; i < threads.size(); ++i) {
    const int32_t core = core_of_thread_[i];
    if (core >= static_cast<int32_t>(cores_.size())) return false;
    threads[i].core = core;
    if (core >= 0) run_ns[static_cast<size_t>(core)] += threads[i].run_ns;
  }
  cores.clear();
  for (size_t i = 0; i < cores_.size(); ++i) {
    CpuTime time = cores_[i].time;
    const __int128 there_was = (static_cast<__int128>(header.dt_ns) + kNanosPerSecond) * (4 + header.cpus);
    for (const int64_t ns : {time.idle_ns, time.run_ns, time.irq_ns, time.stolen_ns, time.unreported_ns}) {
      if (ns > there_was || ns < -there_was) return false;
    }
    if (!cores_[i].told) {
      const __int128 idle_ns = static_cast<__int128>(header.dt_ns) * static_cast<__int128>(cores_[i].cpus) - run_ns[i] -
                               time.irq_ns - time.stolen_ns - time.unreported_ns;
      if (run_ns[i] >= kMostCoreNs || idle_ns <= -kMostCoreNs || idle_ns >= kMostCoreNs) return false;
      time.run_ns = static_cast<int64_t>(run_ns[i]);
      time.idle_ns = static_cast<int64_t>(idle_ns);
    }
    cores.push_back(time);
  }
  return true;
}

}  // namespace vrapl
