// A real VM for tests: a small Linux that prints what it reads from its ports, and works or idles as it is told
// (scripts/guest-xml, scripts/guest-ctl, guest/init). Needs the private libvirtd of scripts/private-libvirt.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "delivery/guest_line.h"

namespace vrapl {

class Guest {
 public:
  // Defines the VM and starts it; does not wait until it has booted. `xml_options` are those of scripts/guest-xml. The
  // image is made first if it must be, and KVM is used where a guest boots under it.
  static absl::StatusOr<std::unique_ptr<Guest>> Start(const std::string& name,
                                                      const std::vector<std::string>& xml_options = {});
  ~Guest();  // it ends, and is undefined
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  // Waits until it has booted.
  absl::Status Booted();
  // One of scripts/guest-ctl, "busy 1"; done when this returns.
  absl::Status Do(const std::string& command);
  // `virsh VERB NAME WORDS...`; what it prints.
  absl::StatusOr<std::string> Virsh(const std::string& verb, const std::vector<std::string>& words = {});
  // `virsh destroy`, and `virsh start` again.
  absl::Status PullThePlug();
  absl::Status StartAgain();

  const std::string& name() const { return name_; }
  absl::StatusOr<std::string> Uuid() const;
  absl::StatusOr<pid_t> Pid() const;
  // The path of ttyS1's host end, a socket or a pty.
  absl::StatusOr<std::string> TtyS1() const;

  // What it has printed since it started.
  std::string Console() const;

 private:
  explicit Guest(std::string name) : name_(std::move(name)) {}

  const std::string name_;
};

// The reports of one port's reader in the guest ("ttyS1", "virtio") in a part of its console.
struct Received {
  std::vector<std::string> lines;  // with a right CRC, in order, without comments
  std::vector<GuestLine> values;   // the same, parsed
  std::vector<std::string> bad;    // neither that nor a comment
  std::string first_broken;        // what came before the first newline, if it is not one of these
  int comments = 0;
};

// `console`: from some point on. What the guest printed of a line that was under way at that point is not looked at.
Received ReceivedBy(absl::string_view port, absl::string_view console);

}  // namespace vrapl
