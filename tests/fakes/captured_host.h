// A host that `vrapl probe --report` captured: its files, and its counters moving as they did.
//
// Needs /dev/fuse: begin the test with VRAPL_NEEDS("fuse").
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "base/host_root.h"
#include "emulator/host_fs.h"
#include "emulator/register_file.h"

namespace vrapl {

class CapturedHost final : public RegisterFile {
 public:
  // `archive` is the unpacked archive, `directory` an empty one to mount on. INVALID_ARGUMENT when the archive is none.
  static absl::StatusOr<std::unique_ptr<CapturedHost>> Mount(const std::string& archive, const std::string& directory);

  HostRoot root() const { return HostRoot(host_fs_->directory()); }

  int Open(int cpu) override;
  RegisterRead Read(int cpu, MsrAddress address) override;

 private:
  // A counter that stood at `first` and moved by `per_second`.
  struct Counter {
    uint64_t first = 0;
    double per_second = 0;
    int error = 0;
  };

  CapturedHost() = default;
  uint64_t Moved(const Counter& counter) const;

  int64_t start_ns_ = 0;
  std::map<int, int> open_errors_;  // of each CPU that was captured
  std::map<std::pair<int, MsrAddress>, Counter> registers_;
  std::map<std::string, Counter> zones_;  // by path
  std::unique_ptr<HostFs> host_fs_;
};

}  // namespace vrapl
