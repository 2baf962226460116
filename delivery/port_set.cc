#include "delivery/port_set.h"

#include <sys/random.h>

#include <algorithm>
#include <utility>

namespace vrapl {

std::unique_ptr<SerialPort> PortSet::TakeOut(PortList& ports, const PortAddress& address) {
  const auto found = std::find_if(ports.begin(), ports.end(), [&](const std::unique_ptr<SerialPort>& port) {
    return port != nullptr && port->address().type == address.type && port->address().path == address.path;
  });
  return found == ports.end() ? nullptr : std::move(*found);
}

void PortSet::Update(const std::vector<VmPorts>& vms) {
  auto before = std::exchange(ports_, {});
  for (const VmPorts& vm : vms) {
    PortList& ports = ports_[vm.vm];
    for (PortAddress address : vm.ports) {
      address.owner = vm.vm.pid;
      std::unique_ptr<SerialPort> port = TakeOut(before[vm.vm], address);
      if (port != nullptr) {
        port->SetGuestOpen(address.guest_open);
      } else {
        port = std::make_unique<SerialPort>(address, clock_,
                                            SerialPortOptions{.explain_every = explain_every_, .registry = &registry_});
      }
      ports.push_back(std::move(port));
    }
  }
}

DeliveryCount PortSet::Deliver(const VmKey& vm, absl::string_view line) {
  DeliveryCount count;
  const auto found = ports_.find(vm);
  if (found == ports_.end()) return count;
  for (const std::unique_ptr<SerialPort>& port : found->second) {
    switch (port->Write(line)) {
      case Outcome::kSent:
        ++count.sent;
        break;
      case Outcome::kSkippedUnread:
        ++count.skipped_unread;
        break;
      case Outcome::kNotConnected:
        ++count.not_connected;
        break;
      case Outcome::kError:
        ++count.errors;
        break;
    }
  }
  return count;
}

void PortSet::Look() {
  for (const auto& [vm, ports] : ports_) {
    for (const std::unique_ptr<SerialPort>& port : ports) port->Look();
  }
}

void PortSet::AwaitReaders(int64_t limit_ns) {
  constexpr int64_t kLookEveryNs = 5'000'000;
  const auto waits = [](const auto& vm) {
    return std::any_of(vm.second.begin(), vm.second.end(), [](const auto& port) { return port->waits_for_reader(); });
  };
  for (const int64_t end_ns = clock_.NowNs() + limit_ns;
       clock_.NowNs() < end_ns && std::any_of(ports_.begin(), ports_.end(), waits);) {
    clock_.SleepUntil(clock_.NowNs() + kLookEveryNs);
  }
}

std::vector<PortSet::Port> PortSet::ports() const {
  std::vector<Port> all;
  for (const auto& [vm, ports] : ports_) {
    for (const std::unique_ptr<SerialPort>& port : ports) all.push_back({.vm = vm, .port = port.get()});
  }
  std::stable_sort(all.begin(), all.end(), [](const Port& a, const Port& b) { return a.vm < b.vm; });
  return all;
}

uint64_t RandomSeed() {
  uint64_t seed = 0;
  if (::getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = static_cast<uint64_t>(MonotonicNs());
  return seed;
}

uint32_t RandomEpoch() { return static_cast<uint32_t>(RandomSeed()); }

}  // namespace vrapl
