// The sched_switch programs that are compared: ours, and those it must beat. Each is attached only while its turn
// lasts. What each of them does stands at the top of its file in bench/programs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/paired.h"

struct bpf_link;
struct bpf_object;

namespace vrapl {

class SwitchProgram {
 public:
  virtual ~SwitchProgram() = default;
  virtual const std::string& name() const = 0;
  virtual absl::Status Attach() = 0;
  virtual void Detach() = 0;
  // By the kernel's run_time_ns, over all turns; stands still unless its statistics are on (BPF_STATS_RUN_TIME).
  virtual Count Cost() const = 0;
  // Records that got lost, over all turns.
  virtual uint64_t Dropped() const { return 0; }
};

using SwitchProgramOr = absl::StatusOr<std::unique_ptr<SwitchProgram>>;

SwitchProgramOr LoadEmpty();
SwitchProgramOr LoadClockRead();
SwitchProgramOr LoadSumCopy();
SwitchProgramOr LoadTaskStorage();
SwitchProgramOr LoadTwoHashes();
SwitchProgramOr LoadKeplerShape();
// With a thread that consumes the records: woken by the kernel when it has caught up, or looking every millisecond.
enum class Consumer { kWoken, kEveryMillisecond };
SwitchProgramOr LoadRingBuffer(Consumer consumer);
// Ours. `read`: with a thread that takes a snapshot every millisecond, as in the sampler.
SwitchProgramOr LoadSwitchLog(bool read);

// The file descriptor of a map of a program of bench/programs, by its name there; -1 without it, and for ours.
int MapOf(const SwitchProgram& program, const char* name);

// A program of the iterator over the threads of this process, attached; reading it is up to the caller.
class TaskSums {
 public:
  static absl::StatusOr<std::unique_ptr<TaskSums>> Load();
  ~TaskSums();
  int link_fd() const;

 private:
  TaskSums() = default;
  bpf_object* object_ = nullptr;
  bpf_link* link_ = nullptr;
};

}  // namespace vrapl
