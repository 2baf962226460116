// The ways to learn what many threads have run so far: ours, and those it must beat. Each Take() is one snapshot.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/switch_programs.h"
#include "bpf/switch_log.h"

namespace vrapl {

class SnapshotWay {
 public:
  struct Told {
    size_t threads = 0;       // that the snapshot tells of; ours: those that ran since the one before
    int64_t run_time_ns = 0;  // of these together: so far, ours: since the snapshot before
  };
  virtual ~SnapshotWay() = default;
  virtual const std::string& name() const = 0;
  virtual void Begin() {}  // before the first of several snapshots; not part of them
  virtual Told Take() = 0;
  // What failed or was lost so far: records, files that could not be read, threads that were not told of.
  virtual uint64_t Dropped() const { return 0; }
};

// `log` outlives it; likewise the programs and `tids` below.
std::unique_ptr<SnapshotWay> OurSnapshots(SwitchLog& log);

// /proc/self/task/TID/`file`: "stat" (ticks of 10 ms) or "schedstat" (ns). kPread: of files that stay open.
enum class Files { kPread, kOpenReadClose };
std::unique_ptr<SnapshotWay> ProcSnapshots(const std::string& file, Files files, const std::vector<pid_t>& tids);

// All of the totals that LoadTwoHashes() keeps, by bpf_map_lookup_batch(). A snapshot of fewer than `threads` is a
// drop.
std::unique_ptr<SnapshotWay> BatchSnapshots(const SwitchProgram& two_hashes, size_t threads);

// A BPF program that walks the threads of this process.
std::unique_ptr<SnapshotWay> IteratorSnapshots(const TaskSums& sums, size_t threads);

}  // namespace vrapl
