// The power port in the XML of a VM's definition: put in and taken out. Pure.
//
// What is not ours stays as it is, to the byte where the XML is the library's own way to write it: comments, other
// programs' namespaces and metadata too.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vrapl {

// The port that a VM is to have.
struct PowerPort {
  std::string channel = "org.vrapl.power.0";  // a virtio channel of this name: /dev/virtio-ports/NAME in the guest
  std::optional<int> isa_port;                // instead: an ISA serial port, the N of /dev/ttySN
  std::string socket = "";                    // of the ISA port: QEMU's end, an absolute path
};

// What the device looks like: <channel> or <serial>, for libvirt to attach.
std::string PowerPortXml(const PowerPort& port);

// Whether `xml`, a <domain>, has it. For an ISA port: whatever stands behind that number.
// Errors of all: INVALID_ARGUMENT when `xml` is not a <domain>.
absl::StatusOr<bool> HasPowerPort(absl::string_view xml, const PowerPort& port);

// The device as it stands in `xml`, "" where there is none.
absl::StatusOr<std::string> PowerPortIn(absl::string_view xml, const PowerPort& port);

// `xml` with it, or without it. An ISA port is taken out only when it is ours: when its socket is `port.socket`.
// ALREADY_EXISTS, NOT_FOUND: there was nothing to do. FAILED_PRECONDITION: the ISA port is somebody else's.
absl::StatusOr<std::string> WithPowerPort(absl::string_view xml, const PowerPort& port);
absl::StatusOr<std::string> WithoutPowerPort(absl::string_view xml, const PowerPort& port);

// Whether a running VM's XML has a virtio-serial controller: without one no channel can be added until it starts again.
bool HasVirtioSerialController(absl::string_view xml);

}  // namespace vrapl
