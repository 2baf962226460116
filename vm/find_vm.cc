#include "vm/find_vm.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/closest_word.h"

namespace vrapl {
namespace {

std::string Quoted(absl::string_view name) { return absl::StrCat("'", name, "'"); }

}  // namespace

absl::StatusOr<Vm> FindVm(const std::vector<Vm>& vms, absl::string_view wanted,
                          const std::vector<std::string>& not_running) {
  std::vector<const Vm*> found;
  for (const Vm& vm : vms) {
    if (vm.name == wanted || (!vm.uuid.empty() && absl::EqualsIgnoreCase(vm.uuid, wanted))) found.push_back(&vm);
  }
  if (found.size() == 1) return *found.front();
  if (found.size() > 1) {
    const std::string which = absl::StrJoin(found, ", ", [](std::string* out, const Vm* vm) {
      absl::StrAppend(out, vm->uuid.empty() ? "no uuid" : vm->uuid, " (process ", vm->pid, ")");
    });
    return absl::InvalidArgumentError(
        absl::StrCat(found.size(), " running VMs are named ", Quoted(wanted), "; say which by its uuid: ", which));
  }
  if (std::find(not_running.begin(), not_running.end(), wanted) != not_running.end()) {
    return absl::NotFoundError(
        absl::StrCat("VM ", Quoted(wanted), " is defined but not running; start it: virsh start ", wanted));
  }
  if (vms.empty())
    return absl::NotFoundError(absl::StrCat("no running VM named ", Quoted(wanted), "; no VM is running"));

  const auto name_of = [](std::string* out, const Vm& vm) { absl::StrAppend(out, vm.name); };
  std::string message =
      absl::StrCat("no running VM named ", Quoted(wanted), "; running: ", absl::StrJoin(vms, ", ", name_of));
  std::vector<std::string> names;
  for (const Vm& vm : vms) names.push_back(vm.name);
  if (const std::optional<std::string> meant = ClosestWord(wanted, names)) {
    absl::StrAppend(&message, ". Did you mean ", Quoted(*meant), "?");
  }
  return absl::NotFoundError(message);
}

}  // namespace vrapl
