// The faults of an emulated host: what each of them concerns, and what a register shows while it is in force.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "emulator/emulated_host.h"

namespace vrapl {

// Faults by domain become faults by register, and what they name must be there.
absl::Status EmulatedHost::ResolveFaults() {
  options_.faults = JoinOnline(std::move(options_.faults));
  for (Fault& fault : options_.faults) {
    if (fault.package_id >= 0 && std::none_of(packages_.begin(), packages_.end(), [&](const Package& package) {
          return package.package_id == fault.package_id;
        })) {
      return absl::InvalidArgumentError(absl::StrCat("--fault: there is no package ", fault.package_id));
    }
    if (fault.kind == Fault::Kind::kOffline && !package_of_cpu_.contains(fault.cpu)) {
      return absl::InvalidArgumentError(absl::StrCat("--fault: there is no cpu", fault.cpu));
    }
    if (fault.kind == Fault::Kind::kZeroUnit) {
      fault.kind = Fault::Kind::kZero;
      fault.address = options_.cpu->amd() ? kAmdRaplPowerUnit : kMsrRaplPowerUnit;
    }
    const DomainProfile* counter = nullptr;
    for (const DomainProfile& domain : options_.cpu->domains) {
      if (fault.domain ? domain.domain == *fault.domain : domain.energy_status == fault.address) counter = &domain;
    }
    if (fault.domain) {
      if (counter == nullptr) {
        return absl::InvalidArgumentError(
            absl::StrCat("--fault: ", options_.cpu->name, " does not count ", DomainName(*fault.domain)));
      }
      fault.address = counter->energy_status;
    }
    if (fault.kind == Fault::Kind::kBackwards) {
      if (counter == nullptr) {
        return absl::InvalidArgumentError(
            absl::StrFormat("--fault: 0x%x is no counter of %s, to go backwards", fault.address, options_.cpu->name));
      }
      if (fault.energy > 0) fault.ticks = counter->tick.WholeTicks(fault.energy);
    }
  }
  return absl::OkStatus();
}

bool EmulatedHost::InForce(const Fault& fault) const { return fault.At(options_.clock->NowNs() - start_ns_); }

bool EmulatedHost::Concerns(const Fault& fault, size_t package, MsrAddress address) const {
  return fault.cpu < 0 && (fault.address == 0 || fault.address == address) &&
         (fault.package_id < 0 || fault.package_id == packages_[package].package_id);
}

int EmulatedHost::ApplyFaults(size_t package, MsrAddress address, uint64_t& value) const {
  bool zero = false;
  for (const Fault& fault : options_.faults) {
    if (!Concerns(fault, package, address) || !InForce(fault)) continue;
    switch (fault.kind) {
      case Fault::Kind::kEio:
        return EIO;
      case Fault::Kind::kZero:
        zero = true;
        break;
      case Fault::Kind::kBackwards:
        // The upper half stays as it is: a step back over it would look like a wraparound of the lower.
        value = (value & ~uint64_t{0xFFFF'FFFF}) | static_cast<uint32_t>(value - fault.ticks);
        break;
      case Fault::Kind::kDirty:
        value = static_cast<uint32_t>(value) | (Scatter(options_.seed, value) | 1) << 32;
        break;
      case Fault::Kind::kFreeze:
      case Fault::Kind::kZeroUnit:
      case Fault::Kind::kOffline:
      case Fault::Kind::kOnline:
        break;
    }
  }
  if (zero) value = 0;
  return 0;
}

}  // namespace vrapl
