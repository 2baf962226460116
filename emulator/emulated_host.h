// A host with RAPL that is not there: registers, powercap zones, CPUs and topology of a chosen CPU model.
//
// The registers and the powercap files are two views of the same counters. A counter's value is a function of the last
// update before now (UpdateSchedule) and of the power (PowerSpec): it is found when somebody reads it, and is what
// hardware that was updated at that instant would hold. So updates are never late, reading at any rate gives the same
// values, and nothing runs while nobody reads.
#pragma once

#include <atomic>
#include <cstdint>
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
  const CpuProfile* cpu = nullptr;
  int packages = 1;
  std::vector<PhysicalCore> cores;  // dealt to the packages in this order, in blocks
  std::vector<PowerSpec> power;     // of each package, or one for all
  DramPower dram;
  int64_t period_ns = kNanosPerMilli;
  int64_t jitter_ns = 20'000;
  uint64_t seed = 1;
  std::optional<uint64_t> start_ticks;  // of all counters; without it each starts somewhere else, by the seed
  std::vector<Fault> faults;
  const Clock* clock = &RealClock();
  BusyTime* busy = nullptr;  // needed when the power follows the load; outlives the host

  bool FollowsLoad() const;
  absl::Status Check() const;  // INVALID_ARGUMENT when the options do not go together
};

// The online CPUs of this machine, siblings together.
absl::StatusOr<std::vector<PhysicalCore>> MachineCores();

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
  struct Package {
    std::vector<PhysicalCore> cores;
    std::vector<int> cpus;
    const PowerSpec* power = nullptr;
    ExactEnergy energy = 0;  // of package and DRAM at the last update of either: what psys is made of
    ExactEnergy dram_energy = 0;
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
    int64_t index = -1;  // of the last update taken into account
    std::vector<Counter*> counters;
  };

  explicit EmulatedHost(const EmulatedHostOptions& options) : options_(options) {}

  void AddCounter(const DomainProfile& profile, size_t package, int core, Group& group);
  Group& AddGroup(size_t package, size_t number);
  bool InForce(const Fault& fault) const;
  const Fault* RegisterFault(MsrAddress address) const;
  bool Online(int cpu) const;
  void CatchUp();  // takes all updates up to now into account
  void Update(Counter& counter, int64_t instant_ns);
  int64_t BusyNs(const std::vector<int>& cpus, int64_t instant_ns);
  uint64_t Show(Counter& counter);  // notes the read, gives the register

  void AddCpus(HostFsTree& tree);
  void AddPowercap(HostFsTree& tree);
  void AddZone(HostFsTree& tree, const std::string& zone, const std::string& name, Counter& counter);

  EmulatedHostOptions options_;
  int64_t start_ns_ = 0;
  std::vector<Package> packages_;
  std::deque<Counter> counters_;  // does not move them
  std::deque<Group> groups_;
  std::map<std::pair<int, MsrAddress>, Counter*> counter_at_;  // CPU and register -> counter
  std::map<MsrAddress, uint64_t> constants_;                   // the other registers, the same on each CPU
  std::map<int, int64_t> busy_at_start_ns_;
  std::mutex mutex_;
  std::atomic<int64_t> next_update_ns_ = 0;
  std::vector<std::pair<int64_t, Group*>> due_;  // CatchUp's own
};

}  // namespace vrapl
