// RegisterFile: what stands behind dev/cpu/N/msr of an emulated host. SettableRegisters is the one for tests.
#pragma once

#include <cerrno>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "msr/registers.h"

namespace vrapl {

// One register's value, or the errno that the read fails with. The driver's own: EIO for a register that the CPU has
// not, ENXIO for a CPU that is offline.
struct RegisterRead {
  uint64_t value = 0;
  int error = 0;
};

// Threads: called by every thread of the file system at once.
class RegisterFile {
 public:
  virtual ~RegisterFile() = default;

  // 0, or the errno that opening the CPU's device fails with.
  virtual int Open(int /*cpu*/) { return 0; }
  virtual RegisterRead Read(int cpu, MsrAddress address) = 0;
};

// Registers that hold what was set last; what was never set does not exist (EIO). Threads: any.
class SettableRegisters final : public RegisterFile {
 public:
  void Set(int cpu, MsrAddress address, uint64_t value) {
    const std::lock_guard lock(mutex_);
    registers_[{cpu, address}] = {.value = value, .error = 0};
  }
  // Reading fails with `error` from now on, until the next Set().
  void SetError(int cpu, MsrAddress address, int error) {
    const std::lock_guard lock(mutex_);
    registers_[{cpu, address}] = {.value = 0, .error = error};
  }
  // An offline CPU cannot be opened, and reads through what was open before fail: both with ENXIO.
  void SetOnline(int cpu, bool online) {
    const std::lock_guard lock(mutex_);
    online ? void(offline_.erase(cpu)) : void(offline_.insert(cpu));
  }

  int Open(int cpu) override {
    const std::lock_guard lock(mutex_);
    return offline_.contains(cpu) ? ENXIO : 0;
  }
  RegisterRead Read(int cpu, MsrAddress address) override {
    const std::lock_guard lock(mutex_);
    ++reads_;
    if (offline_.contains(cpu)) return {.value = 0, .error = ENXIO};
    const auto found = registers_.find({cpu, address});
    return found == registers_.end() ? RegisterRead{.value = 0, .error = EIO} : found->second;
  }

  int64_t reads() const {
    const std::lock_guard lock(mutex_);
    return reads_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<int, MsrAddress>, RegisterRead> registers_;
  std::set<int> offline_;
  int64_t reads_ = 0;
};

}  // namespace vrapl
