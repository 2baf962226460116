#include "sampler/guest_policies.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "delivery/leak_bound.h"

namespace vrapl {
namespace {

constexpr char kInMetadata[] = "its libvirt metadata";

}  // namespace

std::string GuestPolicies::Choice::Describe(const std::string& vm_name) const {
  if (!problem.empty()) return problem;
  if (from.empty()) return "";
  if (!policy.deliver) return absl::StrCat("VM ", vm_name, ": told nothing, as ", from, " says");
  return absl::StrCat("VM ", vm_name, ": told as ", from, " says: ", DescribeGuestPolicy(policy), ": ",
                      DescribeLeakBound(policy));
}

GuestPolicies::Choice GuestPolicies::Of(const Vm& vm) const {
  Choice choice{.policy = options_.otherwise};
  absl::StatusOr<std::optional<PolicyFile>> file = ReadPolicyFile(options_.directory, vm.uuid, vm.name);
  absl::StatusOr<GuestPolicy> policy = choice.policy;
  if (!file.ok()) {
    choice.from = options_.directory;
    policy = file.status();
  } else if (file->has_value()) {
    choice.from = (*file)->path;
    policy = ParseGuestPolicyFile((*file)->text, options_.may_be_shorter, options_.otherwise);
  } else if (!vm.guest_policy.empty()) {
    choice.from = kInMetadata;
    policy = ParseGuestPolicy(vm.guest_policy, options_.may_be_shorter, options_.otherwise);
  }
  if (policy.ok()) {
    choice.policy = *policy;
  } else {
    choice.policy.deliver = false;
    choice.problem =
        absl::StrCat("VM ", vm.name, ": what it may be told, by ", choice.from,
                     ", is not understood: ", policy.status().message(), ". Until it is, it is told nothing");
  }
  return choice;
}

}  // namespace vrapl
