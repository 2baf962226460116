// PortSet: the ports of every VM, opened, kept and dropped as VMs come and go.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "delivery/serial_port.h"

namespace vrapl {

// One run of one VM: a VM that was started again is another.
struct VmKey {
  std::string uuid;
  pid_t pid = 0;
  uint64_t start_time = 0;
  friend auto operator<=>(const VmKey&, const VmKey&) = default;
};

// A process that was started then is one VM's and no other's.
struct ByProcess {
  size_t operator()(const VmKey& vm) const { return absl::HashOf(vm.pid, vm.start_time); }
  bool operator()(const VmKey& a, const VmKey& b) const { return a.pid == b.pid && a.start_time == b.start_time; }
};

struct VmPorts {
  VmKey vm;
  std::vector<PortAddress> ports;  // PortAddress::owner is set from vm.pid
};

struct DeliveryCount {
  int sent = 0;
  int skipped_unread = 0;
  int not_connected = 0;
  int errors = 0;
};

// Threads: one at a time; no call waits, except AwaitReaders(). One VM's port
// in trouble does not touch another's.
//
// A flush is LookAgain(), a Deliver() to each VM, and Look() some time after it: what can be found out about ports, and
// what guests send, is no reason for others to get their lines later.
class PortSet {
 public:
  explicit PortSet(const Clock& clock, int explain_every = 30) : clock_(clock), explain_every_(explain_every) {}

  // What there is from now on. Ports that stay keep their connection and
  // counters; the first line opens new ones.
  void Update(const std::vector<VmPorts>& vms);

  // `line` to every port of `vm`; all zero for a VM without ports.
  DeliveryCount Deliver(const VmKey& vm, absl::string_view line);

  // Drains what guests sent, in bounded bites, and sees which of the last lines have been taken: once for each port
  // after each line. Call it when the guests have had time to read.
  void Look();

  // Just before a flush: who had not read at the last look and has now gets the next line. Costs nothing for all
  // others.
  void LookAgain();

  // Before the end: returns when every line has been taken, or after `limit_ns`.
  // What a serial port has not taken when its connection closes, QEMU drops.
  void AwaitReaders(int64_t limit_ns);

  struct Port {
    VmKey vm;
    const SerialPort* port;
  };
  // For reports; valid until the next Update().
  std::vector<Port> ports() const;

 private:
  using PortList = absl::InlinedVector<std::unique_ptr<SerialPort>, 2>;
  static std::unique_ptr<SerialPort> TakeOut(PortList& ports, const PortAddress& address);

  struct Entry {
    VmKey vm;
    PortList ports;
    // Who was told after this one. Flushes tell VMs in the same order mostly, so what the next line needs can be
    // fetched while this one is sent: at a flush of a thousand ports nothing of them is in the caches.
    size_t follower = 0;
  };
  Entry* Find(const VmKey& vm);
  void FetchFollowers(const Entry& entry) const;

  const Clock& clock_;
  const int explain_every_;
  PortRegistry registry_;
  std::vector<Entry> entries_;
  absl::flat_hash_map<VmKey, size_t, ByProcess, ByProcess> index_;  // into entries_
  size_t last_ = 0;                                                 // who was told last, likewise
};

// A number for an epoch that nobody guesses or meets again soon.
uint32_t RandomEpoch();

// Of an EnergyQuantizer: nobody guesses it either.
uint64_t RandomSeed();

}  // namespace vrapl
