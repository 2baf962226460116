// Gives a VM the port that its energy is told over, or takes it away: in its definition, and in the running VM where
// that can be done. The only thing that vrapl changes in libvirt, and so the only one that needs a connection with all
// rights.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "vm/power_port_xml.h"

namespace vrapl {

struct AttachRequest {
  std::string uri = "qemu:///system";
  std::string vm;  // name or UUID, running or only defined
  PowerPort port;  // `socket` empty: SerialSocketPath() of the VM
};

struct AttachResult {
  enum class Part {
    kChanged,
    kAsItWas,    // there was nothing to do
    kAbsent,     // no definition (a transient VM), or it does not run
    kAtNextRun,  // of the running VM: it takes effect when it has been shut down and started
  };
  std::string vm_name;
  Part definition = Part::kAbsent;
  Part running = Part::kAbsent;
  std::string why_not_now;  // of kAtNextRun
};

// What is there already, or is not there any more, is no error: a second call changes nothing.
//
// Errors: NOT_FOUND: no such VM. PERMISSION_DENIED, UNAVAILABLE: libvirt does not let us, or does not answer.
// FAILED_PRECONDITION: the ISA port is somebody else's; or a VM without a definition cannot be changed while it runs.
absl::StatusOr<AttachResult> AttachPowerPort(const AttachRequest& request);
absl::StatusOr<AttachResult> DetachPowerPort(const AttachRequest& request);

// Where an ISA port of this VM has its socket unless told otherwise.
std::string SerialSocketPath(const std::string& uuid, int isa_port);

}  // namespace vrapl
