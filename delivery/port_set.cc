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
  std::vector<Entry> before = std::exchange(entries_, {});
  const auto index_before = std::exchange(index_, {});
  last_ = 0;
  for (const VmPorts& vm : vms) {
    const auto [place, is_new] = index_.try_emplace(vm.vm, entries_.size());
    if (is_new) entries_.push_back({.vm = vm.vm, .follower = entries_.size() + 1});
    const auto was = index_before.find(vm.vm);
    for (PortAddress address : vm.ports) {
      address.owner = vm.vm.pid;
      std::unique_ptr<SerialPort> port =
          was == index_before.end() ? nullptr : TakeOut(before[was->second].ports, address);
      if (port != nullptr) {
        port->SetGuestOpen(address.guest_open);
      } else {
        port = std::make_unique<SerialPort>(address, clock_,
                                            SerialPortOptions{.explain_every = explain_every_, .registry = &registry_});
      }
      entries_[place->second].ports.push_back(std::move(port));
    }
  }
}

PortSet::Entry* PortSet::Find(const VmKey& vm) {
  if (entries_.empty()) return nullptr;
  Entry& last = entries_[last_];
  const auto is_of = [&vm](const Entry& entry) { return ByProcess()(entry.vm, vm); };
  size_t at = last.follower;
  if (at >= entries_.size() || !is_of(entries_[at])) {
    const auto found = index_.find(vm);
    if (found == index_.end()) return nullptr;
    at = last.follower = found->second;
  }
  last_ = at;
  return &entries_[at];
}

// The next one's port, and where the one after it has its own.
void PortSet::FetchFollowers(const Entry& entry) const {
  if (entry.follower >= entries_.size()) return;
  const Entry& next = entries_[entry.follower];
  if (!next.ports.empty()) {
    const char* port = reinterpret_cast<const char*>(next.ports.front().get());
    __builtin_prefetch(port);
    __builtin_prefetch(port + 64);
  }
  if (next.follower >= entries_.size()) return;
  const char* after = reinterpret_cast<const char*>(&entries_[next.follower]);
  __builtin_prefetch(after);
  __builtin_prefetch(after + 64);
}

DeliveryCount PortSet::Deliver(const VmKey& vm, absl::string_view line) {
  DeliveryCount count;
  const Entry* const entry = Find(vm);
  if (entry == nullptr) return count;
  FetchFollowers(*entry);
  for (const std::unique_ptr<SerialPort>& port : entry->ports) {
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
  for (const Entry& entry : entries_) {
    for (const std::unique_ptr<SerialPort>& port : entry.ports) port->Look();
  }
}

void PortSet::LookAgain() {
  for (const Entry& entry : entries_) {
    for (const std::unique_ptr<SerialPort>& port : entry.ports) port->LookAgain();
  }
}

void PortSet::AwaitReaders(int64_t limit_ns) {
  constexpr int64_t kLookEveryNs = 5'000'000;
  const auto waits = [](const Entry& entry) {
    return std::any_of(entry.ports.begin(), entry.ports.end(),
                       [](const auto& port) { return port->waits_for_reader(); });
  };
  for (const int64_t end_ns = clock_.NowNs() + limit_ns;
       clock_.NowNs() < end_ns && std::any_of(entries_.begin(), entries_.end(), waits);) {
    clock_.SleepUntil(clock_.NowNs() + kLookEveryNs);
  }
}

std::vector<PortSet::Port> PortSet::ports() const {
  std::vector<Port> all;
  for (const Entry& entry : entries_) {
    for (const std::unique_ptr<SerialPort>& port : entry.ports) all.push_back({.vm = entry.vm, .port = port.get()});
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
