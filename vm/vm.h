// A running VM as the rest of the program sees it: plain data, filled by an
// inventory (vm/vm_lister.h).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vrapl {

struct Vcpu {
  int index = 0;
  pid_t tid = 0;
  friend bool operator==(const Vcpu&, const Vcpu&) = default;
};

// One serial device of a VM that a program on the host can write to.
struct GuestPort {
  enum class Kind {
    kVirtioChannel,  // /dev/virtio-ports/NAME in the guest
    kIsaSerial,      // /dev/ttyS<isa_port> in the guest
  };
  enum class Transport {
    kUnix,   // a socket that QEMU listens on
    kPty,    // a terminal whose master is QEMU's
    kTcp,    // QEMU listens on HOST:PORT
    kOther,  // nothing that can be written to: file, pipe, spicevmc, a socket
             // that QEMU connects from, ...
  };

  Kind kind = Kind::kVirtioChannel;
  Transport transport = Transport::kOther;
  std::string path;                // of the socket or the pty, "HOST:PORT" for tcp; exactly
                                   // as the live XML gives it
  std::string name;                // kVirtioChannel: the target's name, "org.vrapl.power.0"
  int isa_port = -1;               // kIsaSerial: the target's port, the N of ttySN. The
                                   // alias is numbered otherwise.
  bool login = false;              // kIsaSerial: the kernel's console by the <cmdline> of the XML, so most likely a
                                   // login prompt
  std::string alias;               // libvirt's name of the device, "channel0"
  std::optional<bool> guest_open;  // kVirtioChannel: whether a program in the
                                   // guest had it open when the XML was read

  friend bool operator==(const GuestPort&, const GuestPort&) = default;
};

// A VM's process is known by (pid, start_time): the kernel uses process ids
// again. The VM itself is known by uuid, which outlives a restart; libvirt's
// numeric id does not and is not kept.
struct Vm {
  std::string uuid;  // lower case; empty for a QEMU that was started without one
  std::string name;
  pid_t pid = 0;
  uint64_t start_time = 0;       // of the process, in clock ticks since boot: field
                                 // 22 of /proc/PID/stat
  std::vector<Vcpu> vcpus;       // by index; empty when QEMU does not name its threads
  std::vector<GuestPort> ports;  // empty when found without libvirt
  std::string resources;         // XML: memory, vCPUs, pinning, quotas (vm/domain_xml.h); likewise
  // What its libvirt metadata say that it may be told, as (key, value); nothing is checked here (vm/domain_xml.h).
  std::vector<std::pair<std::string, std::string>> guest_policy;
  bool paused = false;           // its vCPUs were stopped by libvirt; not known without it

  friend bool operator==(const Vm&, const Vm&) = default;
};

}  // namespace vrapl
