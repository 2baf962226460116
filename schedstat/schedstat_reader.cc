#include "schedstat/schedstat_reader.h"

#include <algorithm>

namespace vrapl {
namespace {

int64_t Take(int64_t& owed, int64_t& room) {
  const int64_t taken = std::min(owed, room);
  owed -= taken;
  room -= taken;
  return taken;
}

// Counts what is new in the thread's account, at most `room`. Another package's reader may be doing the same.
int64_t Count(KnownThread& thread, uint64_t run_ns, int64_t room) {
  uint64_t counted = thread.counted_ns.load(std::memory_order_relaxed);
  for (;;) {
    if (run_ns <= counted || room <= 0) return 0;
    const uint64_t taken = std::min(run_ns - counted, static_cast<uint64_t>(room));
    if (thread.counted_ns.compare_exchange_weak(counted, counted + taken, std::memory_order_relaxed)) {
      return static_cast<int64_t>(taken);
    }
  }
}

}  // namespace

SchedstatReader::SchedstatReader(ThreadReader& threads, CpuAccounts& accounts, absl::Span<const int> cpus,
                                 bool every_cpu)
    : threads_(threads), accounts_(accounts), every_cpu_(every_cpu) {
  cpus_.reserve(std::max<size_t>(cpus.size(), 8192));
  CoverCpus(cpus);
}

void SchedstatReader::CoverCpus(absl::Span<const int> cpus) {
  cpus_.assign(cpus.begin(), cpus.end());
  accounts_.CoverCpus(cpus);
}

bool SchedstatReader::IsOurs(const KnownThread& thread) const {
  if (every_cpu_) return true;
  const int cpu = ReadCpu(thread);
  return std::find(cpus_.begin(), cpus_.end(), cpu) != cpus_.end();
}

void SchedstatReader::Start(int64_t start_ns) {
  t_ns_ = start_ns;
  owed_ = {};
  (void)accounts_.Look();
  for (const std::shared_ptr<KnownThread>& thread : threads_.Threads()) {
    uint64_t run_ns = 0;
    if (IsOurs(*thread) && ReadRunNs(*thread, run_ns)) Count(*thread, run_ns, INT64_MAX);
  }
}

CpuTime SchedstatReader::Read(int64_t t_ns, absl::FunctionRef<void(const ThreadRun&)> on_thread) {
  CpuTime told;
  if (t_ns <= t_ns_) return told;
  const int64_t dt_ns = t_ns - t_ns_;
  int64_t room = dt_ns * cpu_count();
  t_ns_ = t_ns;
  owed_ += accounts_.Look();
  // Threads first: their accounts are the better ones.
  for (const std::shared_ptr<KnownThread>& thread : threads_.Threads()) {
    uint64_t run_ns = 0;
    if (thread->ended.load(std::memory_order_relaxed) || !ReadRunNs(*thread, run_ns)) continue;
    // One that has not run since has no CPU to be asked for.
    if (run_ns <= thread->counted_ns.load(std::memory_order_relaxed) || !IsOurs(*thread)) continue;
    // A thread is on one CPU at a time: an account that catches up by more gets the rest in the windows that follow.
    const int64_t taken = Count(*thread, run_ns, std::min(room, dt_ns));
    if (taken == 0) continue;
    room -= taken;
    told.run_ns += taken;
    on_thread({.tid = thread->tid, .tgid = thread->tgid, .start_ns = thread->start_ns, .run_ns = taken});
  }
  told.stolen_ns = Take(owed_.stolen_ns, room);
  told.irq_ns = Take(owed_.irq_ns, room);
  told.idle_ns = Take(owed_.idle_ns, room);
  if (room > 0) {
    told.run_ns += room;
    on_thread({.tid = kTheRest, .tgid = kTheRest, .run_ns = room});
  }
  return told;
}

}  // namespace vrapl
