// The serial ports of a VM, from its live XML (`virsh dumpxml` of a running
// VM). Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "vm/vm.h"

namespace vrapl {

// In the order of the XML. The first <serial> appears a second time as
// <console>; it is given once. PCI and USB serial ports, virtio consoles and
// channels that are not virtio are left out. Paths are those of the XML, never
// made up: their form has changed between libvirt's versions, and the channels'
// contain an id that changes at each start.
//
// Errors: INVALID_ARGUMENT when `xml` is not a <domain>.   Threads: any.
// Source: libvirt, "Domain XML format", Consoles, serial, parallel & channel
// devices.
absl::StatusOr<std::vector<GuestPort>> ParseGuestPorts(absl::string_view xml);

// What decides on a VM's run time and power, as the XML has it: memory, vCPUs,
// CPU model, I/O threads, pinning and quotas (<cputune>), NUMA. Nothing else: the
// rest may hold secrets. "" when `xml` is not a <domain>.   Threads: any.
// Source: libvirt, "Domain XML format", CPU Allocation, CPU Tuning, NUMA Node
// Tuning, IOThreads Allocation.
std::string ResourcesOfVm(absl::string_view xml);

// The name space of our element in a VM's <metadata>. A name, and no address.
inline constexpr char kPowerNamespace[] = "https://vrapl.org/xmlns/guest/1";

// The attributes of that element, <vrapl:power xmlns:vrapl="..." preset="manifesto" period="60s"/>, as (name, value):
// in the order of the XML, but "preset" first. What else stands in our name space is a setting that nobody knows: other
// elements, elements within it, attributes with a prefix. Empty where there is none, or `xml` is not a <domain>.
// Threads: any. Source: libvirt, "Domain XML format", General metadata; virDomainSetMetadata().
std::vector<std::pair<std::string, std::string>> GuestPolicyOfVm(absl::string_view xml);

}  // namespace vrapl
