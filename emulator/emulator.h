// An emulated host, mounted and kept going: what vrapl-emulator runs, and what a test can run in its own process.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "emulator/busy_time.h"
#include "emulator/emulated_host.h"
#include "emulator/host_fs.h"

namespace vrapl {

enum class BusyTimeKind : uint8_t { kAuto, kBpf, kProcStat };

struct EmulatorOptions {
  EmulatedHostOptions host;  // without cores: this machine's; without a busy time: by busy_time below
  HostFsOptions fs;
  BusyTimeKind busy_time = BusyTimeKind::kAuto;  // kAuto: BPF where it is permitted, else /proc/stat
};

class Emulator {
 public:
  // Mounts on the empty directory `directory`. Errors: those of EmulatedHost::Create and HostFs::Mount.
  static absl::StatusOr<std::unique_ptr<Emulator>> Start(const std::string& directory, const EmulatorOptions& options);
  // Unmounts.
  ~Emulator();
  Emulator(const Emulator&) = delete;
  Emulator& operator=(const Emulator&) = delete;

  EmulatedHost& host() { return *host_; }
  const HostFs& fs() const { return *fs_; }
  // Worth telling the user: less than was hoped for, and why ("" is none).
  const std::string& busy_time_note() const { return busy_time_note_; }

 private:
  Emulator() = default;
  void Upkeep(int64_t period_ns, int realtime_priority);

  std::string busy_time_note_;
  std::unique_ptr<BusyTime> busy_;
  std::unique_ptr<EmulatedHost> host_;
  std::unique_ptr<HostFs> fs_;
  std::atomic<bool> stop_ = false;
  std::thread upkeep_;
};

}  // namespace vrapl
