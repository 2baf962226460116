// The running VMs by libvirt, over a read-only connection, which is enough for
// lists, XML and events. Its .cc is the only file that includes libvirt.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "vm/change_flag.h"
#include "vm/vm_lister.h"

namespace vrapl {

struct InventoryOptions {
  std::string uri = "qemu:///system";
  std::string run_dir = "/run/libvirt/qemu";  // holds NAME.pid for each running VM; where it does
                                              // not, `proc` is searched
  std::string proc = "/proc";
  std::string socket_dir = "/run/libvirt";  // where the daemon's sockets come when it starts
  const Clock* clock = &RealClock();        // for the pauses between attempts to connect
};

// When libvirtd goes away, List() is UNAVAILABLE and every later call tries
// again once its pause, 1 s doubling to 30 s, is over, or the daemon's socket
// has come back, which is a change. VMs themselves live on without libvirtd. A new connection starts with a full list:
// nothing is remembered.
//
// Events (start, stop, hot-plug of devices) come by libvirt's event loop, which
// runs in one thread of its own for the life of the program, blocks all
// signals, and only raises a flag.
//
// Threads: one at a time, except Wake().
class Inventory final : public VmLister {
 public:
  // Errors: UNAVAILABLE when no daemon answers, PERMISSION_DENIED,
  // INVALID_ARGUMENT for a URI that libvirt does not know; each in one line,
  // with what to do.
  static absl::StatusOr<std::unique_ptr<Inventory>> Open(InventoryOptions options);
  static absl::StatusOr<std::unique_ptr<Inventory>> Open(std::string uri) {
    return Open(InventoryOptions{.uri = std::move(uri)});
  }
  ~Inventory() override;

  absl::string_view origin() const override { return "libvirt"; }
  absl::StatusOr<std::vector<Vm>> List() override;
  const std::vector<std::string>& problems() const override { return problems_; }
  std::vector<std::string> DefinedButNotRunning() override;
  bool WaitForChange(absl::Duration timeout) override;
  void Wake() override { change_->Raise(); }

  bool connected() const;
  uint64_t connections() const { return connections_; }  // made so far; 1 + the times the daemon came back

 private:
  class Connection;
  class DaemonsReturn;

  explicit Inventory(InventoryOptions options);
  absl::Status EnsureConnected();

  const InventoryOptions options_;
  const std::shared_ptr<ChangeFlag> change_;  // shared with callbacks, which may outlive this object by a
                                              // moment
  const std::unique_ptr<DaemonsReturn> daemons_return_;
  std::unique_ptr<Connection> connection_;
  uint64_t connections_ = 0;
  int64_t next_attempt_ns_ = 0;
  int64_t pause_ns_ = 0;
  absl::Status last_failure_;
  std::vector<std::string> problems_;
};

}  // namespace vrapl
