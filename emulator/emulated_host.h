// A host with RAPL that is not there: registers, powercap zones, CPUs and topology of a chosen CPU model.
//
// The registers and the powercap files are two views of the same counters. A counter's value is a function of the last
// update before now (UpdateSchedule) and of the power (PowerSpec): it is found when somebody reads it, and is what
// hardware that was updated at that instant would hold. So updates are never late, reading at any rate gives the same
// values, and nothing runs while nobody reads.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/rapl_domain.h"
#include "base/topology.h"
#include "emulator/busy_time.h"
#include "emulator/cpu_profiles.h"
#include "emulator/fault.h"
#include "emulator/host_fs.h"
#include "emulator/power_source.h"
#include "emulator/register_file.h"
#include "emulator/update_schedule.h"

namespace vrapl {

struct EmulatedHostOptions {
  const CpuProfile* cpu = nullptr;  // outlives the host
  int packages = 1;
  int dies = 1;                     // of each package; on Intel, each has counters and a power of its own
  bool interleaved = false;         // cores are dealt to the packages and dies in turn, not in blocks
  bool sparse_ids = false;          // ids of packages, dies and cores have gaps
  bool readable_powercap = false;   // energy_uj for everybody, not for root only
  std::vector<PhysicalCore> cores;  // dealt in this order; their ids are given anew
  std::vector<PowerSpec> power;     // of each package (of its every die), or one for all
  DramPower dram;
  int64_t period_ns = kNanosPerMilli;
  int64_t jitter_ns = 20'000;
  uint64_t seed = 1;
  std::optional<uint64_t> start_ticks;  // of all counters; without it each starts somewhere else, by the seed
  std::vector<Fault> faults;
  const Clock* clock = &RealClock();
  std::string read_log;      // a file that gets a line for each register that is read, with what it showed; "": none
  BusyTime* busy = nullptr;  // needed when the power follows the load; outlives the host

  bool FollowsLoad() const;
  absl::Status Check() const;  // INVALID_ARGUMENT when the options do not go together
};

// The online CPUs of this machine, siblings together.
absl::StatusOr<std::vector<PhysicalCore>> MachineCores();

// Cores that this machine need not have, numbered as Linux does it: CPU i and its siblings i + count, i + 2 count, ...
std::vector<PhysicalCore> MadeUpCores(int count, int threads);

class EmulatedHost final : public RegisterFile {
 public:
  // INVALID_ARGUMENT when the options do not go together, or miss a busy time. The energy begins to run.
  static absl::StatusOr<std::unique_ptr<EmulatedHost>> Create(const EmulatedHostOptions& options);

  // The files to mount. What they compute they ask of this object, which must outlive the mount.
  HostFsTree Tree();

  // As through /dev/cpu/N/msr. Threads: any.
  int Open(int cpu) override;
  RegisterRead Read(int cpu, MsrAddress address) override;

  // Upkeep, needed every busy->upkeep_ns() when the power follows the load. Threads: any, one at a time.
  void Poll();

  // What is emulated, and how: the text of /vrapl-emulator.json.
  std::string Describe() const;
  // What has been produced and what has been read so far, to check a measurement by, as JSON.
  std::string Truth();

 private:
  // What one set of registers covers: a package, or on Intel a die of one.
  struct Package {
    int package_id = 0;
    int die_id = 0;
    std::vector<PhysicalCore> cores;  // with the ids they are shown under
    std::vector<int> core_die_ids;
    std::vector<int> cpus;
    const PowerSpec* power = nullptr;
  };

  // One counter. What readers need is atomic; the rest is under mutex_.
  struct Counter {
    const DomainProfile* profile = nullptr;
    size_t package = 0;
    int core = -1;                    // index into Package::cores
    uint64_t start = 0;               // the register's value at the start
    std::atomic<uint64_t> ticks = 0;  // since then
    std::atomic<int64_t> updates = 0;
    int64_t last_update_ns = 0;
    int64_t busy_ns = 0;  // of its CPUs, at the last update
    std::atomic<uint64_t> reads = 0;
    std::atomic<uint64_t> first_read_ticks = 0;  // since the start, as the first and the last read showed
    std::atomic<uint64_t> last_read_ticks = 0;

    uint64_t Register() const;  // what the 64 bits hold, before HighHalf
  };

  // Counters that are updated at the same instants.
  struct Group {
    UpdateSchedule schedule;
    size_t package = 0;
    int64_t index = -1;  // of the last update taken into account
    std::vector<Counter*> counters;
  };

  explicit EmulatedHost(const EmulatedHostOptions& options) : options_(options) {}

  RegisterRead ReadRegister(int cpu, MsrAddress address);

  int CoreId(const Counter& counter) const;
  void AddCounter(const DomainProfile& profile, size_t package, int core, Group& group);
  Group& AddGroup(size_t package, size_t number);
  void MakePackages();
  absl::Status ResolveFaults();
  bool InForce(const Fault& fault) const;
  bool Concerns(const Fault& fault, size_t package, MsrAddress address) const;
  // The error that the faults in force make of reading a register; else 0, and `value` as they make it look.
  int ApplyFaults(size_t package, MsrAddress address, uint64_t& value) const;
  bool Online(int cpu) const;
  std::vector<int> OnlineOf(const std::vector<int>& cpus) const;
  void CatchUp();  // takes all updates up to now into account
  void Update(Counter& counter, int64_t instant_ns);
  int64_t BusyNs(const std::vector<int>& cpus, int64_t instant_ns);
  uint64_t Show(Counter& counter);  // notes the read, gives the register

  void AddCpus(HostFsTree& tree);
  void AddTopology(HostFsTree& tree, const Package& package, size_t core, int cpu);
  void AddPowercap(HostFsTree& tree);
  void AddZone(HostFsTree& tree, const std::string& zone, const std::string& name, Counter& counter);

  EmulatedHostOptions options_;
  int64_t start_ns_ = 0;
  std::vector<Package> packages_;
  std::map<int, size_t> package_of_cpu_;
  std::deque<Counter> counters_;  // does not move them
  std::deque<Group> groups_;
  std::map<std::pair<int, MsrAddress>, Counter*> counter_at_;  // CPU and register -> counter
  std::map<MsrAddress, uint64_t> constants_;                   // the other registers, the same on each CPU
  std::map<int, int64_t> busy_at_start_ns_;
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, CloseFile> read_log_;  // stdio locks it
  std::mutex mutex_;
  std::atomic<int64_t> next_update_ns_ = 0;
  std::vector<std::pair<int64_t, Group*>> due_;  // CatchUp's own
};

}  // namespace vrapl
