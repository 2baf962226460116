#include "sampler/vm_watcher.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "vm/find_vm.h"
#include "vm/qemu_process.h"

namespace vrapl {
namespace {

// Not everything gives notice: a full look at least this often. A new vCPU is found within this time.
constexpr absl::Duration kLookAgain = absl::Seconds(5);

PortAddress AddressOf(const GuestPort& port, pid_t owner) {
  PortAddress address{.path = port.path, .owner = owner, .guest_open = port.guest_open};
  switch (port.transport) {
    case GuestPort::Transport::kUnix:
      address.type = PortType::kUnixSocket;
      break;
    case GuestPort::Transport::kPty:
      address.type = PortType::kPty;
      break;
    case GuestPort::Transport::kTcp:
      address.type = PortType::kTcp;
      break;
    case GuestPort::Transport::kOther:
      address.type = PortType::kByPath;
      break;
  }
  return address;
}

bool IsNamed(const Vm& vm, const std::string& name) {
  return vm.name == name || absl::AsciiStrToLower(vm.uuid) == absl::AsciiStrToLower(name);
}

}  // namespace

bool SameProcess(const Vm& vm) {
  const absl::StatusOr<uint64_t> start_time = ReadStartTime("/proc", vm.pid);
  return start_time.ok() && *start_time == vm.start_time;
}

VmWatcher::VmWatcher(std::unique_ptr<VmLister> lister, DeliveryChoice choice, StillRuns still_runs)
    : lister_(std::move(lister)),
      choice_(std::move(choice)),
      policies_(choice_.policies),
      still_runs_(std::move(still_runs)) {}

VmWatcher::~VmWatcher() {
  stop_ = true;
  lister_->Wake();
  if (thread_.joinable()) thread_.join();
}

absl::Status VmWatcher::CheckNamed(const std::vector<Vm>& vms) {
  std::vector<std::string> named = choice_.only_vms;
  if (choice_.by_hand) named.push_back(choice_.by_hand->vm);
  for (const std::string& name : named) {
    if (absl::StatusOr<Vm> vm = FindVm(vms, name, lister_->DefinedButNotRunning()); !vm.ok()) return vm.status();
  }
  return absl::OkStatus();
}

absl::Status VmWatcher::First() {
  absl::StatusOr<std::vector<Vm>> vms = lister_->List();
  if (!vms.ok()) return vms.status();
  if (absl::Status named = CheckNamed(*vms); !named.ok()) return named;
  Publish(*vms, {});
  return absl::OkStatus();
}

void VmWatcher::Start() {
  thread_ = std::thread([this] { Watch(); });
}

void VmWatcher::Watch() {
  bool reachable = true;
  while (!stop_) {
    lister_->WaitForChange(kLookAgain);
    if (stop_) return;
    absl::StatusOr<std::vector<Vm>> vms = lister_->List();
    if (vms.ok()) {
      std::vector<std::string> news;
      if (!reachable) news.push_back(absl::StrCat(lister_->origin(), " answers again"));
      reachable = true;
      Publish(*vms, news);
    } else {
      // Nobody says which VMs run. Those known so far do as long as their process is the same one; when it is gone its
      // number may be another program's.
      std::vector<Vm> alive;
      std::copy_if(known_.begin(), known_.end(), std::back_inserter(alive), still_runs_);
      // The operator's files count without libvirt, too.
      if (alive.size() != known_.size() || PoliciesOf(alive) != policies_known_) Publish(alive, {});
      if (!reachable) continue;
      reachable = false;
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!latest_) latest_ = FlushLoop::Discovery{.unchanged = true};
      latest_->problems.push_back(absl::StrCat(vms.status().message(), "; VMs known so far are followed on"));
    }
  }
}

bool VmWatcher::Wanted(const Vm& vm) const {
  if (choice_.by_hand) return IsNamed(vm, choice_.by_hand->vm);
  return choice_.only_vms.empty() || std::any_of(choice_.only_vms.begin(), choice_.only_vms.end(),
                                                 [&](const std::string& name) { return IsNamed(vm, name); });
}

std::vector<GuestPolicy> VmWatcher::PoliciesOf(const std::vector<Vm>& vms) const {
  std::vector<GuestPolicy> policies;
  for (const Vm& vm : vms) policies.push_back(policies_.Of(vm).policy);
  return policies;
}

void VmWatcher::Publish(const std::vector<Vm>& vms, const std::vector<std::string>& news) {
  known_ = vms;
  policies_known_ = PoliciesOf(vms);
  FlushLoop::Discovery discovery{.vms = vms};
  std::vector<std::string> problems;
  for (const Vm& vm : vms) {
    if (!choice_.deliver) break;
    const GuestPolicies::Choice policy = policies_.Of(vm);
    discovery.policies.push_back(policy.policy);
    if (!Wanted(vm)) continue;
    if (std::string told = policy.Describe(vm.name); !told.empty()) problems.push_back(std::move(told));
    if (!policy.policy.deliver) continue;
    VmPorts ports{.vm = {vm.uuid, vm.pid, vm.start_time}};
    if (choice_.by_hand) {
      ports.ports.push_back({.type = PortType::kByPath, .path = choice_.by_hand->path, .owner = vm.pid});
    } else {
      const ChosenPorts chosen = ChoosePorts(vm, choice_.ports);
      for (const GuestPort& port : chosen.ports) ports.ports.push_back(AddressOf(port, vm.pid));
      problems.insert(problems.end(), chosen.problems.begin(), chosen.problems.end());
    }
    discovery.ports.push_back(std::move(ports));
  }
  problems.insert(problems.end(), lister_->problems().begin(), lister_->problems().end());
  const std::lock_guard<std::mutex> lock(mutex_);
  if (latest_) discovery.problems = latest_->problems;
  discovery.problems.insert(discovery.problems.end(), news.begin(), news.end());
  for (const std::string& problem : problems) {
    if (std::find(standing_.begin(), standing_.end(), problem) == standing_.end()) {
      discovery.problems.push_back(problem);
    }
  }
  standing_ = std::move(problems);
  latest_ = std::move(discovery);
}

std::optional<FlushLoop::Discovery> VmWatcher::Take() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(latest_, std::nullopt);
}

}  // namespace vrapl
